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

const (
	workflows  = "../../.github/workflows"
	actionlint = "../../.tools/actionlint"
)

// TestWorkflows has no findings in the workflows, and some in each that is broken in one place.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	requireLinters(t)
	if found := lintWorkflows(t, "", "", ""); len(found) > 0 {
		t.Errorf("actionlint: %q", found)
	}
	for _, planted := range []struct{ file, right, wrong, finding string }{
		{"deliver.yml", "needs: build", "needs: bild", "job-needs"},
		{"deliver.yml", "stack: StagingStack", "stak: StagingStack", "workflow-call"},
		{"deliver.yml", "vars.TRIPSAGA_STAGING_ROLE != ''", "var.TRIPSAGA_STAGING_ROLE != ''", "expression"},
		{"deploy.yml", "id-token: write", "id-tokens: write", "permissions"},
		{"deploy.yml", `"$API_URL"`, `"${{ github.event.pull_request.title }}"`, "expression"},
		{"deploy.yml", "steps.deployed.outputs", "steps.deployd.outputs", "expression"},
		{"build.yml", "runs-on: ubuntu-24.04", "runs-on: ubuntu-1.04", "runner-label"},
		{"build.yml", "run: make fmt", "runs: make fmt", "syntax-check"},
		{"pages.yml", "pages: write", "page: write", "permissions"},
		{"pull-request.yml", "types: [opened,", "types: [open,", "events"},
		{"pull-request.yml", `"17 4 * * *"`, `"17 24 * * *"`, "events"},
	} {
		found := lintWorkflows(t, planted.file, planted.right, planted.wrong)
		if len(found) == 0 || !strings.Contains(strings.Join(found, " "), "["+planted.finding+"]") {
			t.Errorf("%s with %q: found %q, want %s", planted.file, planted.wrong, found, planted.finding)
		}
	}
}

// lintWorkflows returns the findings in the workflows, of which one has a text replaced. Shell code is not looked at: what
// would check it may be missing.
func lintWorkflows(t *testing.T, file, right, wrong string) (found []string) {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, ".github", "workflows")
	if err := os.CopyFS(dir, os.DirFS(workflows)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, ".git"), 0o700); err != nil { // by which actionlint knows a repository
		t.Fatal(err)
	}
	if file != "" {
		path := filepath.Join(dir, file)
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(right)) {
			t.Fatalf("%s has no %q: %v", file, right, err)
		}
		if err := os.WriteFile(path, bytes.Replace(text, []byte(right), []byte(wrong), 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tool, err := filepath.Abs(actionlint)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tool, "-shellcheck=", "-pyflakes=", "-format", "{{json .}}")
	cmd.Dir = root
	out, err := cmd.Output()
	var findings []struct {
		Message, Filepath, Kind string
	}
	if json.Unmarshal(out, &findings) != nil {
		t.Fatalf("actionlint printed no report: %v\n%s", err, out)
	}
	for _, f := range findings {
		found = append(found, f.Filepath+": "+f.Message+" ["+f.Kind+"]")
	}
	return found
}
