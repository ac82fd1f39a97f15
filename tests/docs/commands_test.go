//go:build unix

package docs

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runEnv asks for the tests that run the documents' commands.
const runEnv = "TRIPSAGA_RUN_DOCS"

// TestCommands runs the commands of every page, each page from the top, in the repository's folder. The first line of a
// block decides: ```sh runs to its end; ```sh server runs in the background until the page ends; ```sh account needs an
// AWS account, or a state that is not here, and is only checked for syntax. A failed command fails the test.
// A Japanese page has the commands of the English one, which another test compares. TestCourse runs the course,
// TestPath docs/use-as-library.md.
func TestCommands(t *testing.T) {
	if os.Getenv(runEnv) == "" {
		t.Skipf("the documents' commands take a while; %s=1 (or make docs, as CI does) runs them", runEnv)
	}
	for _, name := range pages(t) {
		blocks := commandBlocks(t, name)
		if len(blocks) == 0 || name == japanese || path.Dir(name) == "docs/ja" || inCourse(name) || name == library {
			continue
		}
		t.Run(name, func(t *testing.T) {
			d := newDocument(t)
			for _, b := range blocks {
				d.run(b)
			}
		})
	}
}

// TestFences keeps commands from hiding in a block that TestCommands does not run.
func TestFences(t *testing.T) {
	for _, name := range pages(t) {
		p := parse(read(t, name))
		if p.unclosed {
			t.Errorf("%s: the last block is not closed", name)
		}
		for _, b := range p.blocks {
			first, _, _ := strings.Cut(b, "\n")
			language, _, _ := strings.Cut(strings.TrimPrefix(first, "```"), " ")
			if !slices.Contains([]string{"", "sh", "go", "json", "console", "diff", "text", "mermaid"}, language) {
				t.Errorf("%s has a block of %q: commands are in sh, other known languages are go, json, console, diff and text", name, language)
			}
		}
	}
}

// block is a run of commands and the first word of its fence after sh.
type block struct {
	kind, script string
}

func commandBlocks(t *testing.T, name string) (blocks []block) {
	t.Helper()
	for _, b := range parse(read(t, name)).blocks {
		if kind, ok := strings.CutPrefix(b, "```sh"); ok {
			kind, script, _ := strings.Cut(kind, "\n")
			blocks = append(blocks, block{strings.TrimSpace(kind), script})
		}
	}
	return blocks
}

// document is a page whose commands run: it has its own data folder and port.
type document struct {
	t   *testing.T
	dir string // where its commands run
	url string
	env []string
}

func newDocument(t *testing.T) *document {
	t.Helper()
	addr := unused(t)
	return &document{t: t, dir: root, url: "http://" + addr, env: append(os.Environ(), runEnv+"=", "TRIPSAGA_ADDR="+addr, "TRIPSAGA_URL=http://"+addr,
		"TRIPSAGA_SFN_ADDR="+unused(t), "TRIPSAGA_DATA="+filepath.Join(t.TempDir(), "data"))}
}

// unused returns an address where nothing listens.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (d *document) run(b block) {
	d.t.Helper()
	switch b.kind {
	case "":
		d.foreground(b.script)
	case "server":
		d.background(b.script)
	case "account":
		d.check(b.script)
	default:
		d.t.Errorf("unknown kind of block %q", b.kind)
	}
}

// ownTests is the command that runs this very test. It is left out of every script: it would start itself again and again.
const ownTests = "go test ./..."

func withoutOwnTests(script string) string {
	lines := slices.DeleteFunc(strings.Split(script, "\n"), func(line string) bool { return strings.TrimSpace(line) == ownTests })
	return strings.Join(lines, "\n")
}

// TestOwnTestsAreLeftOut also where other commands are in the same block.
func TestOwnTestsAreLeftOut(t *testing.T) {
	if got := withoutOwnTests("a\n  go test ./...\nb\n"); got != "a\nb\n" {
		t.Errorf("got %q", got)
	}
	if d := newDocument(t); !slices.Contains(d.env, runEnv+"=") {
		t.Errorf("commands inherit %s, with which tests that they start run the documents again", runEnv)
	}
}

func (d *document) foreground(script string) {
	d.t.Helper()
	script = withoutOwnTests(script)
	if out, err := d.command(d.t.Context(), script).CombinedOutput(); err != nil {
		d.t.Errorf("%s\n%v\n%s", script, err, out)
	}
}

// check checks the script's syntax.
func (d *document) check(script string) {
	d.t.Helper()
	if out, err := exec.CommandContext(d.t.Context(), "bash", "-n", "-c", script).CombinedOutput(); err != nil {
		d.t.Errorf("%s\n%v\n%s", script, err, out)
	}
}

func (d *document) command(ctx context.Context, script string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = d.dir, d.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// background starts a server, waits until it answers, and interrupts it at the end, as Ctrl-C does.
func (d *document) background(script string) {
	d.t.Helper()
	var out bytes.Buffer
	cmd := d.command(context.Background(), "exec "+strings.TrimSpace(script))
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	d.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		select {
		case err := <-ended:
			if err != nil {
				d.t.Errorf("%s\nended with %v\n%s", script, err, out.String())
			}
		case <-time.After(30 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			d.t.Errorf("%s\ndid not end on an interrupt", script)
		}
	})
	if err := d.answers(ended); err != nil {
		d.t.Fatalf("%s\n%v\n%s", script, err, out.String())
	}
}

func (d *document) answers(ended <-chan error) error {
	deadline := time.After(5 * time.Minute)
	for {
		if resp, err := http.Get(d.url + "/healthz"); err == nil {
			resp.Body.Close()
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the server ended: %v", err)
		case <-deadline:
			return fmt.Errorf("the server does not answer at %s", d.url)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
