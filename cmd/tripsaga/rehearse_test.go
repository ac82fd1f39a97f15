package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// rehearsalTemplate has what a roll-out depends on, in the form in which the CDK writes it.
const rehearsalTemplate = "../../aws/rehearsal/testdata/template.json"

// setRehearsal gives a script $TEMPLATE, and $BLIND, whose alarms leave the business errors in.
func setRehearsal(env *testscript.Env) error {
	file, err := filepath.Abs(rehearsalTemplate)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	blind := filepath.Join(env.WorkDir, "blind.json")
	env.Setenv("TEMPLATE", file)
	env.Setenv("BLIND", blind)
	return os.WriteFile(blind, bytes.ReplaceAll(data, []byte(" - FILL(business, 0)"), nil), 0o600)
}

// TestRehearsalInJSON compares the object with what docs/rehearsal.md says is in it.
func TestRehearsalInJSON(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p := program{stdout: &stdout, stderr: &stderr}
	if code := p.run([]string{"rehearse", "--template", rehearsalTemplate, "--bad-version", "latency", "--rate", "30", "--json"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	var report map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/rehearsal.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range members(report) {
		if !strings.Contains(string(document), "`"+member+"`") {
			t.Errorf("docs/rehearsal.md does not tell of the member %s", member)
		}
	}
}

// members are the names of all members, of objects within objects and lists too.
func members(v any) (names []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			names = append(append(names, name), members(inner)...)
		}
	case []any:
		for _, inner := range v {
			names = append(names, members(inner)...)
		}
	}
	return names
}

// TestTheDocumentsSample holds the report in docs/rehearsal.md to what the command prints.
func TestTheDocumentsSample(t *testing.T) {
	document, err := os.ReadFile("../../docs/rehearsal.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(document), "\n```console\n$ tripsaga rehearse --template aws/rehearsal/testdata/template.json\n")
	sample, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatal("there is no sample")
	}
	t.Chdir("../..")
	var stdout, stderr bytes.Buffer
	p := program{stdout: &stdout, stderr: &stderr}
	if code := p.run([]string{"rehearse", "--template", "aws/rehearsal/testdata/template.json"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	if stdout.String() != sample {
		t.Errorf("the command prints\n%s\nthe document has\n%s", stdout.String(), sample)
	}
}

// TestProgressIsForTerminals writes nothing to a stream that nobody watches.
func TestProgressIsForTerminals(t *testing.T) {
	var stderr bytes.Buffer
	p := &program{stderr: &stderr}
	r := p.rehearsalProgress(time.Now().Add(-time.Hour))
	r.show(1)
	r.clear()
	if stderr.Len() > 0 {
		t.Errorf("%q", stderr.String())
	}
}
