package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tripsaga/local"
)

// TestMain is also the server that the tests start.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		if err := serveIn(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveIn(dir string) error {
	s := NewServer(os.Stdin, os.Stdout)
	sys, err := local.Open(context.Background(), local.Options{Dir: dir, WrapOnEnd: s.WrapOnEnd})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.Serve(ctx, sys, listener.Addr().String(), stop)
	go http.Serve(listener, sys.API(slog.New(slog.DiscardHandler)))
	<-ctx.Done()
	return sys.Close(context.Background())
}

func server(t *testing.T, dir string) []string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{program, "serve", dir}
}

func quiet(string, int) (step, done func()) { return func() {}, func() {} }

func TestOverHTTP(t *testing.T) {
	dir := t.TempDir()
	b := Bench{Dir: dir, Trips: 60, Concurrency: 8, Server: server(t, dir), Progress: quiet}
	b.Profiles = Profiles{CPU: filepath.Join(t.TempDir(), "cpu"), Allocs: filepath.Join(t.TempDir(), "allocs")}
	r, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !r.HTTP || r.Trips != 60 || r.TransactionsPerTrip < 5 || r.AnswerP50ms <= 0 || r.AnswerP50ms > r.P50ms || r.ReopenSeconds <= 0 {
		t.Errorf("%+v", r)
	}
	if allocs := r.AllocsPerTrip; allocs < 100 {
		t.Errorf("%.0f allocations a booking are not the server's", allocs)
	}
	for _, file := range []string{b.Profiles.CPU, b.Profiles.Allocs} {
		if data, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			t.Errorf("%s is no profile: %v", file, err)
		}
	}
	var text strings.Builder
	if r.Print(&text); !strings.Contains(text.String(), "60 bookings over HTTP, 8 at once") || !strings.Contains(text.String(), "of the server") {
		t.Error(text.String())
	}
}

// TestAProfileThatCannotBeWritten loses nothing of what was measured.
func TestAProfileThatCannotBeWritten(t *testing.T) {
	for _, over := range []bool{false, true} {
		dir := t.TempDir()
		b := Bench{Dir: dir, Trips: 20, Concurrency: 4, Progress: quiet}
		if over {
			b.Server = server(t, dir)
		}
		for _, b.Profiles = range []Profiles{{CPU: filepath.Join(dir, "missing", "cpu")}, {Allocs: filepath.Join(dir, "missing", "allocs")}} {
			b.Dir = dir
			r, err := b.Run(t.Context())
			if !errors.Is(err, ErrProfile) || !strings.Contains(err.Error(), b.CPU+b.Allocs) {
				t.Errorf("over HTTP %v: %v", over, err)
			}
			if r == nil || r.Trips != 20 || r.ReopenSeconds <= 0 || r.RatioToFewWaits <= 0 || r.Partial != "" {
				t.Errorf("over HTTP %v: %+v", over, r)
			}
			dir = t.TempDir()
			if over {
				b.Server = server(t, dir)
			}
		}
	}
}

func TestAnInterruptEndsTheServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	dir := t.TempDir()
	at, err := startServer(ctx, server(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	b := Bench{Dir: dir, Trips: 200, Concurrency: 1}
	left := 40
	b.Progress = func(string, int) (step, done func()) {
		return func() {
			if left--; left == 0 {
				cancel()
			}
		}, func() {}
	}
	r, err := b.bookings(ctx, at)
	if !errors.Is(err, context.Canceled) || r == nil || r.Trips != 20 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := at.close(ctx); err != nil {
		t.Error(err)
	}
	if state := at.(*overHTTP).cmd.ProcessState; state == nil || !state.Success() {
		t.Errorf("the server's process: %v", state)
	}
}

func TestAServerThatFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b := Bench{Dir: file, Trips: 1, Concurrency: 1, Server: server(t, file), Progress: quiet}
	if _, err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "has ended (exit status 1)") || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
	b.Server = []string{filepath.Join(file, "none")}
	if _, err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "starting the server") {
		t.Errorf("%v", err)
	}
}

func TestAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		"HTTP/1.1 202 Accepted\r\nLocation: /trips/t1\r\nContent-Length: 2\r\n\r\n{}": "t1 <nil>",
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull":           " POST /trips: the answer is 503: full",
		"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":        " POST /trips: the answer 202 has no Content-Length",
		"HTTP/1.1 202 Accepted\r\nLocation: /trips/t1\r\nContent-Length: 20\r\n\r\n{": "t1 EOF",
		"HTTP/1.1 202 Accepted\r\nContent-Length: x\r\n\r\n":                          ` strconv.Atoi: parsing "x": invalid syntax`,
	} {
		ours, theirs := net.Pipe()
		go func() {
			c := connection{Conn: theirs}
			io.CopyN(io.Discard, c, 1)
			go io.Copy(io.Discard, c)
			io.WriteString(c, answer)
			c.Close()
		}()
		c := newConnection(ours, "here")
		trip, err := c.book([]byte("{}"))
		if got := fmt.Sprint(trip, " ", err); got != want {
			t.Errorf("%q: %s, want %s", answer, got, want)
		}
	}
}
