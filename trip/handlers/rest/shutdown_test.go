package rest

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
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
				t.Errorf("the request was given up: %v", ctx.Err())
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
