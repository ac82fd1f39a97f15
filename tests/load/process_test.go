package load

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// holdings is what the server holds while nothing is asked of it.
type holdings struct {
	goroutines float64
	sockets    int // -1 where it cannot be told
}

func (s *server) held(t *testing.T) holdings {
	t.Helper()
	return holdings{s.gauge(t, "go_goroutines"), s.sockets(t)}
}

// letsGo waits until the server holds no more than before, but for a few goroutines that write the store's files.
func (s *server) letsGo(t *testing.T, before holdings) {
	t.Helper()
	const background = 20
	s.until(t, "its goroutines are as few as before", func() (float64, bool) {
		now := s.gauge(t, "go_goroutines")
		return now, now <= before.goroutines+background
	})
	s.until(t, "its sockets are as few as before", func() (float64, bool) {
		now := s.sockets(t)
		return float64(now), now <= before.sockets
	})
}

// settle waits until no booking is under way.
func (s *server) settle(t *testing.T) {
	t.Helper()
	s.until(t, "no booking is under way", func() (float64, bool) {
		n := s.gauge(t, "tripsaga_executions_open")
		return n, n == 0
	})
}

// patience is when a wait has become a hang.
const patience = 2 * time.Minute

// until polls the server until it is as what says.
func (s *server) until(t *testing.T, what string, look func() (float64, bool)) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		value, ok := look()
		if ok {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("%v on it is not so that %s: %v", patience, what, value)
		}
	}
}

// gauge is one of the server's own figures.
func (s *server) gauge(t *testing.T, name string) float64 {
	t.Helper()
	text, _, err := s.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			return v
		}
	}
	t.Fatalf("GET /metrics has no %s", name)
	return 0
}

// proc is a file about the server's process, on systems that have it.
func (s *server) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), name)
}

func (s *server) sockets(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir(s.proc("fd"))
	if err != nil {
		return -1
	}
	n := 0
	for _, f := range files {
		if to, err := os.Readlink(s.proc("fd/" + f.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

// checkMemory wants what was resident at most to stay below the bound.
func (s *server) checkMemory(t *testing.T) {
	t.Helper()
	peak, err := s.memory("VmHWM")
	if err != nil {
		t.Logf("memory is not checked: %v", err)
		return
	}
	if peak > maxMemory {
		t.Errorf("the server had %d MiB resident, allowed are %d", peak>>20, maxMemory>>20)
	}
	t.Logf("memory: at most %d MiB resident", peak>>20)
}

// memory is a figure of the process' status in bytes.
func (s *server) memory(figure string) (int64, error) {
	text, err := os.ReadFile(s.proc("status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, figure+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", s.proc("status"), figure)
}
