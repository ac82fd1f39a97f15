// Package library builds and runs the program of docs/use-as-library.md as a stranger would: outside of this module.
package library

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const document = "../../docs/use-as-library.md"

// TestProgram runs the document's program and compares what it prints.
func TestProgram(t *testing.T) {
	dir := outside(t, block(t, "```go file=main.go\n"))
	if got, want := call(t, dir, "go", "run", "."), block(t, "It prints\n\n```text\n"); got != want {
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
		"on the embedded table": {block(t, "```go file=main.go\n"), nil},
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

// TestVerify explores a saga in a stranger's module. Its compensation is broken: go test fails by the shortest schedule, the
// line that it prints plays that again, and the mended saga passes.
func TestVerify(t *testing.T) {
	test, err := os.ReadFile("testdata/order_test.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := outside(t, "package main\n\nfunc main() {}\n")
	if err := os.WriteFile(filepath.Join(dir, "order_test.go"), bytes.ReplaceAll(test, []byte("MODULE"), []byte(module(t))), 0o600); err != nil {
		t.Fatal(err)
	}
	call(t, dir, "go", "test", "-c", "-o", "order.test", ".")
	run := func(env ...string) (passed bool, out string) {
		cmd := exec.Command("./order.test", "-test.v")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		text, err := cmd.CombinedOutput()
		return err == nil, string(text)
	}
	passed, out := run()
	again := regexp.MustCompile(`(?m)VERIFY_REPLAY='(sold:A\.reserve#1\S*=late@\S+)'.* go test .*TestOrder`).FindStringSubmatch(out)
	if passed || again == nil || !strings.Contains(out, "every-effect-or-none") {
		t.Fatalf("broken, it passes: %t, without a schedule that shows it:\n%s", passed, out)
	}
	if passed, out := run("VERIFY_REPLAY=" + again[1]); passed || !strings.Contains(out, "saga A is FAILED, and the record ORDER#17 / RESERVATION of reserve is DONE") {
		t.Errorf("%s passes: %t\n%s", again[1], passed, out)
	}
	if passed, out := run("MENDED=1"); !passed {
		t.Errorf("mended, it fails:\n%s", out)
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
