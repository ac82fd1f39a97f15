package asl

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// TestRun runs each machine of testdata/run by its script: and compares output, history and effects with the file.
func TestRun(t *testing.T) {
	each(t, "testdata/run/*.txtar", func(t *testing.T, a *archive) {
		d := newDriver(t, a.get("machine.json"))
		redrives := d.script(a.get("script"))
		d.start(a.get("input.json"))
		for range redrives {
			d.redrive()
		}
		d.checkHistory()
		d.checkReplay()
		a.compare("want", d.log.String())
	})
}

// TestRefused parses each definition of testdata/refused: and compares the problems with those in the file.
func TestRefused(t *testing.T) {
	each(t, "testdata/refused/*.txtar", func(t *testing.T, a *archive) {
		_, err := Parse([]byte(a.get("machine.json")))
		var e *DefinitionError
		if !errors.As(err, &e) {
			t.Fatalf("error %v, want a DefinitionError", err)
		}
		text := ""
		for _, p := range e.Problems {
			text += p.String() + "\n"
		}
		a.compare("want", text)
	})
}

// archive is one case of testdata.
type archive struct {
	t    *testing.T
	path string
	*txtar.Archive
}

func each(t *testing.T, pattern string, run func(*testing.T, *archive)) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in %s: %v", pattern, err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(name[:len(name)-len(".txtar")], func(t *testing.T) {
			parsed, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			run(t, &archive{t, path, parsed})
		})
	}
}

func (a *archive) get(name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(bytes.TrimSpace(f.Data))
		}
	}
	return ""
}

func (a *archive) compare(name, got string) {
	a.t.Helper()
	if *update {
		a.set(name, got)
		return
	}
	if want := a.get(name); want != string(bytes.TrimSpace([]byte(got))) {
		a.t.Errorf("%s: got\n%s\nwant\n%s", a.path, got, want)
	}
}

func (a *archive) set(name, text string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files = append(a.Files[:i], a.Files[i+1:]...)
			break
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
	if err := os.WriteFile(a.path, txtar.Format(a.Archive), 0o644); err != nil {
		a.t.Fatal(err)
	}
}
