package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The snapshots are for the reader of a change: what it does to the templates is in its difference.
func TestSnapshots(t *testing.T) {
	for stack, s := range sorted(stacks(t)) {
		path := filepath.Join("testdata", stack+".template.json")
		if *update {
			if err := os.WriteFile(path, indented(t, s.raw), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err, "; write it with -update")
		}
		for _, line := range differences(t, was, s.raw) {
			t.Error(stack, line)
		}
		if t.Failed() {
			t.Error("when this is meant, rewrite the snapshots with -update")
		}
	}
}

func indented(t *testing.T, raw []byte) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", " "); err != nil {
		t.Fatal(err)
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

// differences are the values that one document has and the other has not, by their paths.
func differences(t *testing.T, was, is []byte) (lines []string) {
	before, after := leaves(t, was), leaves(t, is)
	for path, value := range sorted(before) {
		if now, ok := after[path]; !ok || now != value {
			lines = append(lines, fmt.Sprintf("%s\n  - %s", path, value))
		}
	}
	for path, value := range sorted(after) {
		if then, ok := before[path]; !ok || then != value {
			lines = append(lines, fmt.Sprintf("%s\n  + %s", path, value))
		}
	}
	slices.Sort(lines)
	return lines
}

func leaves(t *testing.T, document []byte) map[string]string {
	var v any
	if err := json.Unmarshal(document, &v); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	var visit func(path string, v any)
	visit = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key := range v {
				visit(path+"/"+key, v[key])
			}
		case []any:
			for i := range v {
				visit(fmt.Sprintf("%s/%d", path, i), v[i])
			}
		default:
			found[path] = fmt.Sprint(v)
		}
	}
	visit("", v)
	return found
}
