package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const deployDoc = "../docs/deploy.md"

// TestContextIsDocumented holds the table of the context's keys to what is read, but for the last column.
func TestContextIsDocumented(t *testing.T) {
	text, err := os.ReadFile(deployDoc)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(text), "<!-- context -->\n")
	table, _, ends := strings.Cut(rest, "<!-- /context -->")
	if !begins || !ends {
		t.Fatalf("%s has no table of the context", deployDoc)
	}
	rows := strings.Split(strings.TrimSpace(table), "\n")[2:] // below the titles
	if len(rows) != len(settings()) {
		t.Errorf("%s has %d keys, and %d are read", deployDoc, len(rows), len(settings()))
	}
	for i, s := range settings() {
		standard := "none"
		if s.standard != "" {
			standard = "`" + s.standard + "`"
		}
		want := fmt.Sprintf("| `%s` | %s | %s | ", s.key, standard, s.allowed)
		if i >= len(rows) {
			t.Errorf("%s lacks %s…", deployDoc, want)
		} else if meaning, ok := strings.CutPrefix(rows[i], want); !ok || len(meaning) < len("x |") {
			t.Errorf("%s: the row\n%s\nshould begin with\n%s", deployDoc, rows[i], want)
		}
	}
}
