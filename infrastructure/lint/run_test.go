package lint

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

type finding struct {
	place   place
	message string
}

type report struct {
	findings []finding
	checked  map[resourceOf]bool // by checkov; cfn-lint does not report what has passed
}

func (r report) places() map[place]bool {
	all := map[place]bool{}
	for _, f := range r.findings {
		all[f.place] = true
	}
	return all
}

// run is the one way in which the linters are called here. They get no network's address, no account and no
// configuration but what the templates say.
func run(t *testing.T, given templates) report {
	t.Helper()
	dir := t.TempDir()
	files := given.write(t, dir)
	all := report{checked: map[resourceOf]bool{}}
	all.addCFNLint(t, output(t, dir, "cfn-lint", append([]string{
		"--format", "json", "--regions", "us-east-1", "eu-west-1", "--include-checks", "I3011", "--"}, files...)))
	args := []string{"--framework", "cloudformation", "--skip-download", "--compact", "-o", "json"}
	for _, file := range files {
		args = append(args, "-f", file)
	}
	all.addCheckov(t, output(t, dir, "checkov", args), len(files))
	return all
}

// output is what the linter prints; its exit code says only that there are findings.
func output(t *testing.T, dir, linter string, args []string) []byte {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(linters, linter))
	if err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &problems
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"}
	err = cmd.Run()
	if !json.Valid(out.Bytes()) {
		t.Fatalf("%s printed no report: %v\n%s%s", linter, err, out.String(), problems.String())
	}
	return out.Bytes()
}

func (r *report) addCFNLint(t *testing.T, data []byte) {
	t.Helper()
	var matches []struct {
		Filename, Message string
		Location          struct{ Path []any }
		Rule              struct{ ID string }
	}
	if err := json.Unmarshal(data, &matches); err != nil {
		t.Fatal(err)
	}
	for _, m := range matches {
		at := resourceOf{template: strings.TrimSuffix(m.Filename, suffix)}
		if len(m.Location.Path) > 1 && m.Location.Path[0] == "Resources" {
			at.id, _ = m.Location.Path[1].(string)
		}
		r.findings = append(r.findings, finding{place{at, m.Rule.ID}, m.Message})
	}
}

type check struct {
	ID       string `json:"check_id"`
	Name     string `json:"check_name"`
	File     string `json:"file_path"`
	Resource string
}

// at takes the resource apart: AWS::SQS::Queue.Letters.
func (c check) at() resourceOf {
	_, id, _ := strings.Cut(c.Resource, ".")
	return resourceOf{strings.TrimSuffix(strings.TrimPrefix(c.File, "/"), suffix), id}
}

func (r *report) addCheckov(t *testing.T, data []byte, files int) {
	t.Helper()
	var printed struct {
		Results struct {
			Passed  []check  `json:"passed_checks"`
			Failed  []check  `json:"failed_checks"`
			Skipped []check  `json:"skipped_checks"`
			Errors  []string `json:"parsing_errors"`
		}
	}
	if err := json.Unmarshal(data, &printed); err != nil {
		t.Fatal(err)
	}
	results := printed.Results
	if len(results.Errors) > 0 || len(results.Passed) == 0 {
		t.Fatalf("checkov passed %d checks in %d templates and could not read %v", len(results.Passed), files, results.Errors)
	}
	for _, c := range append(append(results.Passed, results.Failed...), results.Skipped...) {
		r.checked[c.at()] = true
	}
	for _, c := range results.Failed {
		r.findings = append(r.findings, finding{place{c.at(), c.ID}, c.Name})
	}
	t.Logf("checkov: %d passed, %d failed, %d suppressed", len(results.Passed), len(results.Failed), len(results.Skipped))
}
