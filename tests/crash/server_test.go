package crash

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tripsaga/trip/client"
)

var (
	builtIn string // folder of the program, removed by TestMain

	// program is the path of tripsaga, built once.
	program = sync.OnceValues(func() (path string, err error) {
		if builtIn, err = os.MkdirTemp("", "tripsaga-crash"); err != nil {
			return "", err
		}
		path = filepath.Join(builtIn, "tripsaga")
		if out, err := exec.Command("go", "build", "-o", path, "tripsaga/cmd/tripsaga").CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build: %w\n%s", err, out)
		}
		return path, nil
	})
)

func removeBuilt() {
	if builtIn != "" {
		os.RemoveAll(builtIn)
	}
}

// serve is the command that serves dir.
func serve(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, "serve", "--addr", "127.0.0.1:0", "--data", dir, "--empty", "--log-level", "warn", "--log-format", "json")
}

// server is a process that serves.
type server struct {
	cmd  *exec.Cmd
	http *http.Client

	ready chan struct{} // closed when it serves, or is gone
	url   string        // set before ready is closed; "" when it never served
	gone  chan struct{} // closed when it has nothing more to say

	mu   sync.Mutex
	said []string
}

// hang is when a call, or the way to an end, counts as hanging.
const hang = 2 * time.Minute

func launch(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{
		cmd: cmd, ready: make(chan struct{}), gone: make(chan struct{}),
		http: &http.Client{Timeout: hang, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * workers}},
	}
	t.Cleanup(func() { cmd.Process.Kill() }) // for a test that gives up early; else it is dead already
	go s.listen(stderr)
	return s
}

// start launches the server and waits until it serves.
func start(t *testing.T, cmd *exec.Cmd) *server {
	t.Helper()
	s := launch(t, cmd)
	if <-s.ready; s.url == "" {
		t.Fatalf("it does not serve: %v\n%s", cmd.Wait(), s.text())
	}
	return s
}

func (s *server) listen(stderr io.Reader) {
	defer close(s.gone)
	serves := sync.OnceFunc(func() { close(s.ready) })
	defer serves()
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, URL string }
		err := json.Unmarshal(lines.Bytes(), &line)
		if line.Msg == "serving" {
			s.url = line.URL
			serves()
			continue
		}
		s.mu.Lock()
		s.said = append(s.said, lines.Text())
		if err != nil {
			s.said = append(s.said, noJSON)
		}
		s.mu.Unlock()
	}
}

// noJSON follows a line of the log that is not JSON.
const noJSON = "^ the line above is not JSON"

// text is what the server has said beside where it serves.
func (s *server) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, "\n")
}

// kill ends the server without a warning, and wants it to have had no complaints.
func (s *server) kill(t *testing.T) {
	t.Helper()
	s.dies(t)
	s.noComplaints(t)
}

// dies ends the server without a warning. That it ended by itself before is an error.
func (s *server) dies(t *testing.T) {
	t.Helper()
	s.cmd.Process.Kill()
	<-s.gone
	if err := s.cmd.Wait(); err == nil || s.cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the server ended by itself: %v\n%s", err, s.text())
	}
}

// stop ends the server as Ctrl-C does.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.gone
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("stopping: %v\n%s", err, s.text())
	}
	s.noComplaints(t)
}

func (s *server) noComplaints(t *testing.T) {
	t.Helper()
	for _, mark := range []string{`"level":"ERROR"`, "panic:", "fatal error:", noJSON} {
		if text := s.text(); strings.Contains(text, mark) {
			t.Errorf("the server complained:\n%.4000s", text)
			return
		}
	}
}

// api calls the server as users do, for everything but the load.
func (s *server) api(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(s.url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
