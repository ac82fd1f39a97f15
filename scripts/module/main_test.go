package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// quick are the tests that the renamed copy runs: those that call the go command, know the module's path or read the
// repository's files, and one package of each layer.
var quick = []string{"./asl/choice", "./engine", "./scripts/...", "./tests/docs", "./tests/imports", "./tests/library",
	"./trip/handlers/...", "./aws/lambda", "./aws/production", "./aws/functions/...", "./cmd/..."}

// TestRenameTheRepository renames a copy of this repository, renames it again and looks for what was left behind. With
// TRIPSAGA_RENAME=1, as CI has it, the renamed copy is built, vetted and tested as well.
func TestRenameTheRepository(t *testing.T) {
	root, old := scratch(t), modulePath(t)
	// The repository may have one of the names already: a renamed one runs this test, too.
	names := slices.DeleteFunc([]string{"example.com/a/trips", "example.org/b/saga/v2", "example.net/c/d/e"},
		func(name string) bool { return name == old })
	first, second := names[0], names[1]
	t.Chdir(root)
	if err := run([]string{first}); err != nil {
		t.Fatal(err)
	}
	leftovers(t, root, old, first)
	if err := run([]string{second}); err == nil || !strings.Contains(err.Error(), "not committed") {
		t.Fatalf("a second renaming over the first one's changes: %v", err)
	}
	if os.Getenv("TRIPSAGA_RENAME") != "" {
		call(t, root, "go", "build", "./...")
		call(t, root, "go", "vet", "./...")
		call(t, root, "go", append([]string{"test"}, quick...)...)
		if infra := filepath.Join(root, "infrastructure"); exists(infra) {
			call(t, infra, "go", "vet", "./...")
		}
		call(t, root, "git", "diff", "--exit-code", "--", "*/testdata") // no golden has the module's path
	}
	commit(t, root)
	if err := run([]string{first}); err != nil {
		t.Fatal(err)
	}
	if out := call(t, root, "git", "status", "--porcelain"); out != "" {
		t.Errorf("renaming to the present name changed\n%s", out)
	}
	if err := run([]string{second}); err != nil {
		t.Fatal(err)
	}
	leftovers(t, root, first, second)
}

// scratch is a copy of the repository as it is, committed.
func scratch(t *testing.T) string {
	t.Helper()
	list, err := exec.Command("git", "-C", "../..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("this is not a git checkout: %v", err)
	}
	root := t.TempDir()
	for file := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join("../..", file))
		if os.IsNotExist(err) {
			continue // removed, and that is not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	call(t, root, "git", "init", "-q")
	commit(t, root)
	return root
}

func commit(t *testing.T, root string) {
	t.Helper()
	call(t, root, "git", "add", "-A")
	call(t, root, "git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--no-verify", "-m", "copy")
}

func call(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TRIPSAGA_RENAME=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// modulePath is the path of this module.
func modulePath(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(call(t, ".", "go", "list", "-m"))
}

// leftovers fails for imports that do not resolve and for packages that are still imported by their old path.
func leftovers(t *testing.T, root, old, now string) {
	t.Helper()
	if got := strings.TrimSpace(call(t, root, "go", "list", "-m")); got != now {
		t.Errorf("the module is %s, want %s", got, now)
	}
	for _, dir := range []string{root, filepath.Join(root, "infrastructure")} {
		if !exists(dir) {
			continue // it is optional
		}
		// Fails for an import without a package, so also for an old path that is not one any more.
		deps := strings.Fields(call(t, dir, "go", "list", "-mod=readonly", "-deps", "-test", "./..."))
		for _, dep := range deps {
			if dep == old || strings.HasPrefix(dep, old+"/") && !strings.HasPrefix(dep, now+"/") {
				t.Errorf("%s is still there", dep)
			}
		}
	}
	if out := call(t, root, "gofmt", "-l", "."); out != "" {
		t.Errorf("not formatted:\n%s", out)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestText uses a name that is not this module's: a renaming rewrites the texts here as well.
func TestText(t *testing.T) {
	r := &renaming{old: "acme", new: "example.com/you/acme", top: map[string]bool{"asl": true, "cmd": true, "telemetry": true}}
	for _, c := range []struct {
		name, text, want string
		document         bool
	}{
		{"an import", `	"acme/asl/expr"`, `	"example.com/you/acme/asl/expr"`, false},
		{"a doc link", `// See [acme/asl.Step].`, `// See [example.com/you/acme/asl.Step].`, false},
		{"the end of a sentence", `// See acme/asl.`, `// See example.com/you/acme/asl.`, false},
		{"a pattern", `go vet acme/...`, `go vet example.com/you/acme/...`, false},
		{"a linker's flag", `-X acme/cmd/acme.version=1`, `-X example.com/you/acme/cmd/acme.version=1`, false},
		{"the command's folder", `go run ./cmd/acme serve`, `go run ./cmd/acme serve`, false},
		{"a namespace of metrics", `"acme/production"`, `"acme/production"`, false},
		{"a longer name", `"acme-data/asl" "myacme/asl"`, `"acme-data/asl" "myacme/asl"`, false},
		{"two on a line", `acme/asl acme/cmd`, `example.com/you/acme/asl example.com/you/acme/cmd`, false},
		{"the program", "acme serve", "acme serve", true},
		{"a requirement", "require acme v0.0.0", "require example.com/you/acme v0.0.0", true},
		{"a replacement", "replace acme => ../acme", "replace example.com/you/acme => ../acme", true},
		{"the same by command", "go mod edit -replace=acme=../acme", "go mod edit -replace=example.com/you/acme=../acme", true},
		{"in a program", "require acme v0.0.0", "require acme v0.0.0", false},
	} {
		if got := r.text(c.text, c.document); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got := r.text(c.want, c.document); got != c.want {
			t.Errorf("%s: a second time gives %q", c.name, got)
		}
	}
}

func TestAModulePathThatCannotBeUsed(t *testing.T) {
	for path, why := range map[string]string{
		"tripsaga":                       "missing dot in first path element",
		"https://example.com/you":        "malformed module path",
		"example.com/you/":               "trailing slash",
		"example.com/you/trip saga":      "invalid char ' '",
		"example.com/you/tripsaga/v1":    "malformed module path",
		"github.com/alecthomas/kong":     "depends on",
		"-example.com/you":               "leading dash",
		"example.com/you/../tripsaga":    "malformed module path",
		"example.com/you/tripsaga\nevil": "invalid char",
	} {
		if _, err := newRenaming("../..", path, nil); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", path, err, why)
		}
	}
	if err := run(nil); err == nil || !strings.Contains(err.Error(), "make module MODULE=") {
		t.Errorf("no path: %v", err)
	}
}
