package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"tripsaga/trip/client"
)

// server is a running tripsaga serve.
type server struct {
	rawClient
	cmd   *exec.Cmd
	ended chan error

	mu  sync.Mutex
	log bytes.Buffer
}

// serve runs the program, which may stand after what starts it, on a new data folder. It returns when the server has
// told its address.
func serve(t *testing.T, program ...string) *server {
	t.Helper()
	args := append(program, "serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--empty")
	cmd := exec.Command(args[0], args[1:]...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{cmd: cmd, ended: make(chan error, 1)}
	t.Cleanup(func() { cmd.Process.Kill() })
	ready := make(chan string, 1)
	go s.listen(bufio.NewScanner(stderr), ready)
	if s.addr = <-ready; s.addr == "" {
		t.Fatalf("the server did not start: %v\n%s", <-s.ended, s.said())
	}
	return s
}

// listen keeps what the server says, and sends the address that it tells, or "" when it ends before.
func (s *server) listen(lines *bufio.Scanner, ready chan<- string) {
	for lines.Scan() {
		s.mu.Lock()
		fmt.Fprintln(&s.log, lines.Text())
		s.mu.Unlock()
		var line struct{ Msg, URL string }
		if err := json.Unmarshal(lines.Bytes(), &line); err == nil && line.Msg == "serving" {
			ready <- strings.TrimPrefix(line.URL, "http://")
		}
	}
	s.ended <- s.cmd.Wait()
	close(ready)
}

func (s *server) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// stop ends the server as a service manager does, and wants it to end well.
func (s *server) stop(t *testing.T) {
	t.Helper()
	s.close()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-s.ended; err != nil {
		t.Errorf("the server ended with %v, want exit code 0\n%s", err, s.said())
	}
	for line := range strings.Lines(s.said()) {
		if strings.Contains(line, `"ERROR"`) || strings.Contains(line, "panic") {
			t.Errorf("the server's log: %s", line)
		}
	}
}

// loadInventory makes room for bookings that never sells out. The connection stays open, for calls that follow.
func (s *server) loadInventory(t *testing.T) {
	t.Helper()
	answer, body, err := s.ask("POST", "/inventory", "text/csv", inventory())
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("loading the inventory: %v %s", err, body)
	}
}

// api calls the server as users do, for everything that is not the load.
func (s *server) api(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New("http://"+s.addr, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
