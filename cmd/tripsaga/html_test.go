package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnInterruptedRunWritesItsPage: what was run until then, and that it is not all.
func TestAnInterruptedRunWritesItsPage(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	verify, demo := filepath.Join(t.TempDir(), "verify.html"), filepath.Join(t.TempDir(), "demo.html")
	p := &program{stdout: io.Discard, stderr: io.Discard, ctx: ctx}
	for _, test := range []struct {
		file, want string
		run        func(*program) error
	}{
		{verify, "No violation in the 0 schedules that were run", (&verifyCmd{Depth: 1, OneIn: 1, htmlFlag: htmlFlag{verify}}).Run},
		{demo, "Not played to its end", (&demoCmd{htmlFlag: htmlFlag{demo}}).Run},
	} {
		if err := test.run(p); err == nil {
			t.Errorf("%s: there is no error", test.want)
		}
		if page, err := os.ReadFile(test.file); err != nil || !bytes.Contains(page, []byte(test.want)) {
			t.Errorf("the page does not say %q (%v)", test.want, err)
		}
	}
}

// TestAPageThatCannotBeWrittenFailsTheRun: its folder has gone meanwhile.
func TestAPageThatCannotBeWrittenFailsTheRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &program{stdout: removing{dir}, stderr: io.Discard, ctx: t.Context()}
	if err := (&demoCmd{htmlFlag: htmlFlag{filepath.Join(dir, "demo.html")}}).Run(p); err == nil || !strings.Contains(err.Error(), "--html ") {
		t.Errorf("the error is %v", err)
	}
}

// removing removes a folder when something is written.
type removing struct{ dir string }

func (r removing) Write(b []byte) (int, error) { return len(b), os.RemoveAll(r.dir) }

func TestCommandLine(t *testing.T) {
	got := commandLine([]string{"verify", "--asl", "O'Hare's saga.json", "--one-in=7", "$(x)"})
	if want := `tripsaga verify --asl 'O'\''Hare'\''s saga.json' --one-in=7 '$(x)'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
