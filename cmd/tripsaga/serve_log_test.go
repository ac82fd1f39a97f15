//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel"

	"tripsaga/telemetry"
)

// served is a server in a process of its own, as TestMain makes it of this program.
type served struct {
	t    *testing.T
	cmd  *exec.Cmd
	logs chan string // lines of standard error, closed at their end
	said []logLine
}

// logLine is what every line of the log has, and where a server is.
type logLine struct {
	Time            time.Time
	Level, Msg      string
	URL, Data, Addr string
	SagasResumed    *int `json:"sagas_resumed"`
	ExitCode        int  `json:"exit_code"`
}

func runServer(t *testing.T, env []string, args ...string) *served {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Args = append([]string{"tripsaga"}, args...)
	cmd.Env = append(append(os.Environ(), "GOCOVERDIR="+t.TempDir()), env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, cmd: cmd, logs: make(chan string, 1000)}
	t.Cleanup(func() { cmd.Process.Kill() })
	go func() {
		defer close(s.logs)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.logs <- lines.Text()
		}
	}()
	return s
}

// next is the next line; ok is false after the last. A line that is not JSON, or lacks what every line has, is an error.
func (s *served) next() (line logLine, ok bool) {
	s.t.Helper()
	text, ok := <-s.logs
	if !ok {
		return logLine{}, false
	}
	err := json.Unmarshal([]byte(text), &line)
	if err != nil || line.Msg == "" || line.Level == "" || line.Time.IsZero() {
		s.t.Errorf("a line that is not of a JSON log: %q, %v", text, err)
	}
	s.said = append(s.said, line)
	return line, true
}

// until reads up to the line with the message.
func (s *served) until(msg string) logLine {
	s.t.Helper()
	for {
		line, ok := s.next()
		if !ok {
			s.t.Fatalf("no line %q in %+v", msg, s.said)
		}
		if strings.Contains(line.Msg, msg) {
			return line
		}
	}
}

// ends reads to the end, and wants the exit code.
func (s *served) ends(code int) {
	s.t.Helper()
	for ok := true; ok; {
		_, ok = s.next()
	}
	s.cmd.Wait()
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("exit code %d, want %d: %+v", got, code, s.said)
	}
}

// TestTheLogIsJSONThroughout runs the server with what makes it write, the tracer included, and parses every line.
func TestTheLogIsJSONThroughout(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	collector := "http://" + dead.Addr().String()
	dead.Close()
	s := runServer(t, []string{"TRIPSAGA_LOG_FORMAT=json", "OTEL_EXPORTER_OTLP_ENDPOINT=" + collector},
		"serve", "--addr", "0.0.0.0:0", "--data", t.TempDir(), "--log-level", "warn")
	if line := s.until("no authentication"); line.Level != "WARN" || line.Addr == "" {
		t.Errorf("a public address: %+v", line)
	}
	at := s.until("serving")
	if at.Level != "INFO" || at.SagasResumed == nil || at.Data == "" {
		t.Errorf("the line of the address: %+v", at)
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(at.URL, "http://"))
	answer, err := http.Get("http://127.0.0.1:" + port + "/trips") // a span that nobody takes
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.until("stopping")
	s.ends(0)
}

// TestLibrariesWriteToTheLog is about those that know the standard logger alone, as net/http does.
func TestLibrariesWriteToTheLog(t *testing.T) {
	before, flags, out := slog.Default(), log.Flags(), log.Writer()
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetFlags(flags)
		log.SetOutput(out)
	})
	var text bytes.Buffer
	useLog(telemetry.NewLogger(&text, slog.LevelWarn, telemetry.FormatJSON))
	log.Printf("http: panic serving ada@example.com\nstack")
	otel.Handle(errors.New("lost"))
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for i, want := range []string{"http: panic serving", "tracing"} {
		var line logLine
		if err := json.Unmarshal([]byte(lines[i]), &line); err != nil || line.Level != "WARN" || !strings.HasPrefix(line.Msg, want) {
			t.Errorf("%s: %v", lines[i], err)
		}
	}
	if len(lines) != 2 || strings.Contains(text.String(), "ada@") {
		t.Error(text.String())
	}
}

// TestWhatAServerFailsWithIsALineOfItsLog has mistakes that show before there is a log, and after.
func TestWhatAServerFailsWithIsALineOfItsLog(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--addr", "nowhere", "--log-format", "json"},
		{"--max-open", "0", "--log-format=json"},
		{"--production-shape", "--bootstrap", file + "none", "--log-format=json"},
		{"--production-shape", "--addr", "127.0.0.1:0", "--data", file, "--log-format=json"},
		{"--no-such-flag", "--log-format", "json"},
		{"--log-level", "loud", "--log-format=json"},
	} {
		s := runServer(t, nil, append([]string{"serve"}, args...)...)
		s.ends(exitUsage)
		if n := len(s.said); n != 1 || s.said[0].Level != "ERROR" || s.said[0].ExitCode != exitUsage {
			t.Errorf("%s: %+v", args, s.said)
		}
	}
}
