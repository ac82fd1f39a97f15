package crash

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fails runs a server that must end at once, and gives what it says.
func fails(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	s := launch(t, cmd)
	<-s.ready
	if s.url != "" {
		t.Fatal("it serves")
	}
	<-s.gone
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() < 1 {
		t.Errorf("it ended with %v", err)
	}
	if strings.Contains(s.text(), "goroutine ") {
		t.Errorf("it says %s", s.text())
	}
	return s.text()
}

// TestTwoServersOnOneFolder refuses the second; the first books on as if nothing had been.
func TestTwoServersOnOneFolder(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	dir, d := t.TempDir(), newTold()
	first := start(t, serve(t, dir))
	offer(t, first)
	l := &load{t: t, server: first, told: d, accepted: newSignal()}
	for range 3 {
		if said := fails(t, serve(t, dir)); !strings.Contains(said, "data folder "+dir+" is in use by another process") {
			t.Errorf("the second says %s", said)
		}
		if status, _ := l.book(newBooking(rng)); status != 202 {
			t.Errorf("the first answers %d", status)
		}
	}
	first.stop(t)
	verify(t, dir, d, newFeed())
}

// TestFolderThatCannotBeWritten is opened by a user who may only read it, as the disk is when it is mounted read-only.
func TestFolderThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	start(t, serve(t, dir)).stop(t)
	cmd := serve(t, dir)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		for _, readable := range []string{filepath.Dir(dir), filepath.Dir(cmd.Path)} {
			if err := os.Chmod(readable, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	} else if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if said := fails(t, cmd); !strings.Contains(said, "data folder "+dir+": ") || !strings.Contains(said, "it must be a folder that may be written to") {
		t.Errorf("it says %s", said)
	}
}

// TestDamagedLog changes a byte in the middle of a killed server's log: the next one must not serve what is left.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	dir, d := t.TempDir(), newTold()
	s := start(t, serve(t, dir))
	offer(t, s)
	l := &load{t: t, server: s, told: d, accepted: newSignal()}
	for range 20 {
		l.book(newBooking(rng))
	}
	s.kill(t)
	restore := damage(t, dir)
	said := fails(t, serve(t, dir))
	if !strings.Contains(said, "data folder "+dir+": ") || !strings.Contains(said, "the log is damaged at byte") {
		t.Errorf("it says %s", said)
	}
	restore()
	verify(t, dir, d, newFeed())
}

// damage changes the log in the middle of what was written, and gives how to undo it.
func damage(t *testing.T, dir string) (undo func()) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs %v, %v", logs, err)
	}
	was, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	put := func(data []byte) {
		if err := os.WriteFile(logs[0], data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	changed := bytes.Clone(was)
	changed[len(bytes.TrimRight(was, "\x00"))/2] ^= 1
	put(changed)
	return func() { put(was) }
}
