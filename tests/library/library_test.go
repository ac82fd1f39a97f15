// Package library builds and runs the program of docs/use-as-library.md as a stranger would: outside of this module.
package library

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const document = "../../docs/use-as-library.md"

// TestProgram runs the document's program and compares what it prints.
func TestProgram(t *testing.T) {
	dir := outside(t, block(t, "```go\n"))
	if got, want := call(t, dir, "go", "run", "."), block(t, "It prints\n\n```\n"); got != want {
		t.Errorf("the program prints\n%swant\n%s", got, want)
	}
}

// TestDependencies fails when a user's build gets what only the command, the AWS wing or telemetry needs.
func TestDependencies(t *testing.T) {
	own := "package main\n\nimport (\n\t_ \"MODULE/asl\"\n\t_ \"MODULE/engine\"\n\t_ \"MODULE/table\"\n)\n\nfunc main() {}\n"
	for name, c := range map[string]struct {
		program string
		banned  []string
	}{
		// Pebble itself imports Prometheus' client, and errors that know Sentry.
		"on the embedded table": {block(t, "```go\n"), nil},
		"on a table of its own": {strings.ReplaceAll(own, "MODULE", module(t)),
			[]string{"github.com/cockroachdb", "github.com/getsentry", "github.com/prometheus"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := outside(t, c.program)
			banned := append(c.banned, "github.com/aws", "go.opentelemetry.io", "github.com/alecthomas/kong",
				"github.com/danielgtaylor/huma", module(t)+"/telemetry", module(t)+"/aws", module(t)+"/trip")
			for _, dep := range strings.Fields(call(t, dir, "go", "list", "-deps", ".")) {
				for _, b := range banned {
					if dep == b || strings.HasPrefix(dep, b+"/") {
						t.Errorf("the user's program needs %s", dep)
					}
				}
			}
		})
	}
}

// outside is a folder with the program as a module that requires this one by a replacement. Nothing is fetched.
func outside(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	sums, readErr := os.ReadFile("../../go.sum")
	if err := errors.Join(err, readErr, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600),
		os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600)); err != nil {
		t.Fatal(err)
	}
	call(t, dir, "go", "mod", "init", "example.com/orders")
	call(t, dir, "go", "mod", "edit", "-require="+module(t)+"@v0.0.0", "-replace="+module(t)+"="+root)
	return dir
}

// block is the document's block of code that begins with open.
func block(t *testing.T, open string) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), open)
	code, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatalf("%s has no block %q", document, open)
	}
	return code
}

func module(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(call(t, ".", "go", "list", "-m"))
}

func call(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	if dir != "." {
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("%s %q: %v\n%s", program, args, err, exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
