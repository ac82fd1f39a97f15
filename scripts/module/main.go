// Command module renames the Go module of this repository: `make module MODULE=example.com/you/tripsaga`. A module whose
// path begins with a host name can be fetched with go get; the path that the repository comes with cannot.
//
// It rewrites the module's path wherever it is used as a path: in both go.mod files, in imports, doc links, package patterns,
// linker flags and the documents' code. The names of the program, of its metrics and of its resources on AWS do not change.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "module:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 || args[0] == "" {
		return errors.New("name the module: make module MODULE=example.com/you/tripsaga")
	}
	root, files, err := checkout()
	if err != nil {
		return err
	}
	r, err := newRenaming(root, args[0], files)
	if err != nil {
		return err
	}
	if r.old == r.new {
		fmt.Printf("the module is %s already\n", r.new)
		return nil
	}
	changed, err := r.rewriteAll(root, files)
	if err != nil {
		return err
	}
	if err := write(root, changed); err != nil {
		return fmt.Errorf("%w; nothing is lost: git checkout . restores every file", err)
	}
	fmt.Printf("the module %s is now %s, in %d files; see git diff, then go test ./...\n", r.old, r.new, len(changed))
	return nil
}

// checkout returns the repository's folder and its files. All files must be committed, so that git can restore what a renaming
// changes.
func checkout() (root string, files []string, err error) {
	root, err = git("", "rev-parse", "--show-toplevel")
	if err != nil {
		return "", nil, fmt.Errorf("this is not a git checkout, so a renaming could not be reverted: git init, add and commit first (%w)", err)
	}
	root = strings.TrimSpace(root)
	dirty, err := git(root, "status", "--porcelain")
	if err != nil {
		return "", nil, err
	}
	if dirty != "" {
		return "", nil, fmt.Errorf("%d files have changes that are not committed: commit or stash them first, so that git can restore every file",
			strings.Count(dirty, "\n"))
	}
	list, err := git(root, "ls-files", "-z")
	return root, strings.FieldsFunc(list, func(c rune) bool { return c == 0 }), err
}

func git(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(exit.Stderr))
	}
	return string(out), err
}

// renaming replaces the module path old by new.
type renaming struct {
	old, new string
	top      map[string]bool // the folders at the root with Go code, which follow old in an import path
}

func newRenaming(root, path string, files []string) (*renaming, error) {
	if err := module.CheckPath(path); err != nil {
		return nil, fmt.Errorf("MODULE: %w; allowed is a path such as example.com/you/tripsaga, whose first element is a host name", err)
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range mod.Require {
		if r.Mod.Path == path {
			return nil, fmt.Errorf("MODULE: %s is a module that this one depends on; name another path", path)
		}
	}
	r := &renaming{old: mod.Module.Mod.Path, new: path, top: map[string]bool{}}
	for _, file := range files {
		if first, _, nested := strings.Cut(file, "/"); nested && strings.HasSuffix(file, ".go") {
			r.top[first] = true
		}
	}
	return r, nil
}

// rewriteAll returns the files whose text changes, with their new text. It writes none: a file that cannot be read or
// parsed must not leave the rest half renamed.
func (r *renaming) rewriteAll(root string, files []string) (map[string][]byte, error) {
	changed := map[string][]byte{}
	for _, file := range files {
		path := filepath.Join(root, file)
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			continue // a symbolic link, or a submodule: its files are elsewhere
		}
		before, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		after, err := r.rewrite(file, before)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if !bytes.Equal(before, after) {
			changed[file] = after
		}
	}
	return changed, nil
}

func (r *renaming) rewrite(file string, text []byte) ([]byte, error) {
	switch {
	case filepath.Base(file) == "go.mod":
		return r.goMod(file, text)
	case !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0:
		return text, nil
	}
	after := r.text(string(text), filepath.Ext(file) == ".md")
	if filepath.Ext(file) == ".go" && after != string(text) {
		return format.Source([]byte(after)) // the order of imports depends on their paths
	}
	return []byte(after), nil
}

// goMod renames the module or, in the module below it, its path, requirement and replacement.
func (r *renaming) goMod(file string, text []byte) ([]byte, error) {
	mod, err := modfile.Parse(file, text, nil)
	if err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(mod.Module.Mod.Path, r.old); ok && (rest == "" || rest[0] == '/') {
		if err := mod.AddModuleStmt(r.new + rest); err != nil {
			return nil, err
		}
	}
	for _, q := range mod.Require {
		if q.Mod.Path == r.old { // its line, not a new one, which would be an indirect requirement's neighbour
			i := slices.Index(q.Syntax.Token, r.old)
			q.Syntax.Token[i], q.Syntax.Token[i+1] = r.new, version(r.new)
		}
	}
	for _, p := range mod.Replace {
		if p.Old.Path == r.old {
			q := slices.Index(p.Syntax.Token, r.old)
			p.Syntax.Token[q] = r.new
		}
	}
	mod.SortBlocks()
	return modfile.Format(mod.Syntax), nil
}

// version returns a version for a requirement of the path. Any valid version works, since a folder replaces the module.
func version(path string) string {
	_, major, _ := module.SplitPathVersion(path)
	if major = module.PathMajorPrefix(major); major != "" {
		return major + ".0.0"
	}
	return "v0.0.0"
}

// text replaces the path wherever a package's path begins with it: what follows is a folder at the root with Go code, or
// "/...". The bare name is replaced in a document's lines of go.mod and calls of the go command only, since elsewhere it is the
// program's name.
func (r *renaming) text(s string, document bool) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		directive := document && isDirective(line)
		for {
			i := strings.Index(line, r.old)
			if i < 0 {
				break
			}
			rest := line[i+len(r.old):]
			begins := i == 0 || !pathByte(line[i-1])
			b.WriteString(line[:i])
			if begins && (r.isPackage(rest) || directive && (rest == "" || !pathByte(rest[0]))) {
				b.WriteString(r.new)
			} else {
				b.WriteString(r.old)
			}
			line = rest
		}
		b.WriteString(line)
	}
	return b.String()
}

func (r *renaming) isPackage(rest string) bool {
	rest, ok := strings.CutPrefix(rest, "/")
	if !ok {
		return false
	}
	if strings.HasPrefix(rest, "...") {
		return true
	}
	end := strings.IndexFunc(rest, func(c rune) bool { return c == '.' || c == '/' || c >= utf8.RuneSelf || !pathByte(byte(c)) })
	if end >= 0 {
		rest = rest[:end]
	}
	return r.top[rest]
}

func isDirective(line string) bool {
	line = strings.TrimLeft(line, " \t")
	for _, begin := range []string{"module ", "require ", "replace ", "go get ", "go mod edit "} {
		if strings.HasPrefix(line, begin) {
			return true
		}
	}
	return false
}

// pathByte reports whether c may be part of a path, so that a name beside it is not the module's whole path.
func pathByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_./-~", c) >= 0
}

func write(root string, changed map[string][]byte) error {
	for file, text := range changed {
		path := filepath.Join(root, file)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, text, info.Mode().Perm()); err != nil {
			return err
		}
	}
	return nil
}
