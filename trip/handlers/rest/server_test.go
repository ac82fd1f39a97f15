package rest

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

const head = "POST /trips HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

// TestShutdownDropsWhatHasNotArrived leaves each kind of connection open and shuts down.
func TestShutdownDropsWhatHasNotArrived(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing":                    "",
		"half a line":                "POST /tr",
		"half of the headers":        "POST /trips HTTP/1.1\r\nHost: loc",
		"one byte of the body":       head + "Content-Length: 500\r\n\r\n{",
		"one chunk":                  head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"half a chunk":               head + "Transfer-Encoding: chunked\r\n\r\n10\r\n{",
		"a body that nobody reads":   "POST /nope HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{",
		"a foreign host":             strings.Replace(head, "localhost", "evil.example", 1) + "Content-Length: 500\r\n\r\n{",
		"an inventory":               "POST /inventory HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 500\r\n\r\nf",
		"an event stream":            "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a request on an idle one":   "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea",
		"a body that drips":          head + "Content-Length: 500\r\n\r\n" + "drip",
		"a stream that nobody reads": "GET /events?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n" + "deaf",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.events = []FeedEvent{feedEvent(1, domain.TripRequested)}
				s := Server(Guard(w.handler(), nil))
				Limit(s, 10)
				c := listen(t, s).dial()
				defer c.Close()
				sent, deaf := strings.CutSuffix(sent, "deaf")
				if !deaf {
					go io.Copy(io.Discard, c)
				}
				sent, drips := strings.CutSuffix(sent, "drip")
				io.WriteString(c, sent)
				if drips {
					go drip(c)
				}
				synctest.Wait()
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if err := s.Shutdown(ctx); err != nil || time.Since(began) > 3*time.Second {
					t.Errorf("shutting down: %v after %v", err, time.Since(began))
				}
				c.Close()
				time.Sleep(time.Second) // drip sees it
			})
		})
	}
}

// drip sends a byte now and then until the connection is closed.
func drip(c net.Conn) {
	for {
		if _, err := io.WriteString(c, " "); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestShutdownFinishesWhatHasArrived books while the server shuts down.
func TestShutdownFinishesWhatHasArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		h := New(Deps{Executions: w, Feed: w, Book: func(ctx context.Context, key string, r domain.Request) (*domain.Trip, bool, error) {
			time.Sleep(6 * time.Second)
			if ctx.Err() != nil {
				t.Errorf("the request was abandoned: %v", ctx.Err())
			}
			return w.book(ctx, key, r)
		}})
		s := Server(Guard(h, nil))
		c := listen(t, s).dial()
		go io.WriteString(c, head+"Content-Length: "+length(goodBooking)+"\r\n\r\n"+goodBooking)
		synctest.Wait()
		ended := make(chan error)
		go func() { ended <- s.Shutdown(t.Context()) }()
		if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != http.StatusAccepted {
			t.Errorf("%+v, %v", answer, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestBrokenBodies are the client's mistake.
func TestBrokenBodies(t *testing.T) {
	for name, sent := range map[string]string{
		"shorter than its length": head + "Content-Length: 500\r\n\r\n{}",
		"no chunk":                head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"a chunk that is cut":     head + "Transfer-Encoding: chunked\r\n\r\n10\r\n{}",
		"no last chunk":           head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
		"a chunk that is longer":  head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
		"an inventory":            "POST /inventory HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 50\r\n\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			url, _ := serve(t, w)
			c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, sent)
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != 400 || !strings.Contains(string(text), fault.NameInvalid) || w.log.Len() > 0 || w.csv != "" {
				t.Errorf("%d %s, log %s", answer.StatusCode, text, &w.log)
			}
		})
	}
}

func length(s string) string { return strconv.Itoa(len(s)) }

// pipes is a listener whose connections are in memory.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }
func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialled:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// dial gives the client's end of a connection once the server has accepted it.
func (p pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.dialled <- server
	return client
}

// limited serves the health of w with at most n connections.
func limited(t *testing.T, n int) pipes {
	s := Server(guarded())
	Limit(s, n)
	return listen(t, s)
}

// listen serves until the end of the test.
func listen(t *testing.T, s *http.Server) pipes {
	p := pipes{dialled: make(chan net.Conn), closed: make(chan struct{})}
	go s.Serve(p)
	t.Cleanup(func() { s.Close() })
	return p
}

// health asks for it over the connection.
func health(t *testing.T, c net.Conn) (*http.Response, []byte) {
	t.Helper()
	if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, body
}

func TestOneConnectionTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, 2)
		first, second := p.dial(), p.dial()
		for _, c := range []net.Conn{first, second, first} {
			if answer, body := health(t, c); answer.StatusCode != http.StatusOK {
				t.Fatalf("within the bound: %s %s", answer.Status, body)
			}
		}
		third := p.dial()
		wantTurnedAway(t, third)
		first.Close()
		synctest.Wait()
		if answer, body := health(t, p.dial()); answer.StatusCode != http.StatusOK {
			t.Errorf("after one has gone: %s %s", answer.Status, body)
		}
		second.Close()
	})
}

// wantTurnedAway checks that the connection is told that it is too many, in full, and closed.
func wantTurnedAway(t *testing.T, c net.Conn) {
	t.Helper()
	answer, body := health(t, c)
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || !answer.Close ||
		answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("beyond the bound: %s %v %s", answer.Status, answer.Header, body)
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("reading on: %v, want the end", err)
	}
}

// TestConnectionsBeyondTheSpareOnesWait opens more connections than are told anything.
func TestConnectionsBeyondTheSpareOnesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, 1)
		for range 1 + spareConnections {
			p.dial()
		}
		p.dial() // is taken from the system's queue and waits
		var accepted atomic.Bool
		go func() {
			p.dial()
			accepted.Store(true)
		}()
		synctest.Wait()
		if accepted.Load() {
			t.Errorf("%d connections and more are accepted", 3+spareConnections)
		}
		time.Sleep(6 * time.Second) // after five the server has closed those that never said anything
		synctest.Wait()
		if !accepted.Load() {
			t.Error("a connection still waits though all others are gone")
		}
	})
}

// TestTooManyWithABody sends its body never: the place is free again soon, the answer is there at once.
func TestTooManyWithABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, 0)
		c := p.dial()
		go io.WriteString(c, "POST /trips HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n")
		began := time.Now()
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || answer.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("answer %v, %v", answer, err)
		}
		io.Copy(io.Discard, c)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the connection was closed after %v", took)
		}
	})
}

// TestShutdownWhileFull ends in its time although a connection waits for a place.
func TestShutdownWhileFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Server(guarded())
		Limit(s, 1)
		p := pipes{dialled: make(chan net.Conn), closed: make(chan struct{})}
		go s.Serve(p)
		for range 2 + spareConnections {
			p.dial()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		_ = s.Shutdown(ctx) // which cannot end well: the clients stay
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v, allowed were 100ms", took)
		}
		s.Close()
	})
}

func TestConnectionsLeaveFilesToTheStore(t *testing.T) {
	for files, want := range map[int]int{1: 1, 256: 64, 1024: 448, 20_000: mostConnections, 1 << 30: mostConnections} {
		if got := connectionsOf(files); got != want {
			t.Errorf("of %d files %d are for connections, want %d", files, got, want)
		}
	}
}
