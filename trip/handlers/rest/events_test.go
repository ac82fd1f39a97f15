package rest

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

func feedEvent(seq uint64, what domain.EventType) FeedEvent {
	return FeedEvent{Seq: seq, Event: domain.Event{ID: "e", Type: what, TripID: "t", At: noon}}
}

// follower reads a stream block by block.
type follower struct {
	t     *testing.T
	lines *bufio.Scanner
}

// next is the next block, its lines joined by |; "" at the end of the stream.
func (f *follower) next() string {
	f.t.Helper()
	var block []string
	for f.lines.Scan() {
		if f.lines.Text() == "" {
			return strings.Join(block, "|")
		}
		block = append(block, f.lines.Text())
	}
	if err := f.lines.Err(); err != nil {
		f.t.Errorf("the stream was cut: %v", err)
	}
	return strings.Join(block, "|")
}

func (f *follower) want(blocks ...string) {
	f.t.Helper()
	for _, want := range blocks {
		if got := f.next(); got != want {
			f.t.Errorf("block %q, want %q", got, want)
		}
	}
}

func block(seq, what string) string {
	return "id: e-" + seq + "|event: " + what + `|data: {"id":"e","type":"` + what + `","trip_id":"t","at":"2027-01-15T12:00:00Z"}`
}

// serve runs w's API on a connection; shutdown ends it as a graceful stop does.
func serve(t *testing.T, w *world) (url string, shutdown func() error) {
	t.Helper()
	ts := httptest.NewUnstartedServer(nil)
	ts.Config = Server(Guard(w.handler(), nil))
	ts.Start()
	t.Cleanup(ts.Close)
	return ts.URL, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return ts.Config.Shutdown(ctx)
	}
}

func follow(t *testing.T, url string, header ...string) *follower {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("answer %d, %s", answer.StatusCode, got)
	}
	f := &follower{t: t, lines: bufio.NewScanner(answer.Body)}
	f.want(": connected|retry: 1000")
	return f
}

func TestEventsFollowAndShutDown(t *testing.T) {
	w := newWorld()
	w.announce(feedEvent(1, domain.TripRequested), feedEvent(4, domain.TripFailed))
	url, shutdown := serve(t, w)
	f := follow(t, url+"/events")
	f.want(block("1", "TripRequested"), block("4", "TripFailed"))
	w.announce(feedEvent(5, domain.TripRequested))
	f.want(block("5", "TripRequested"))
	if err := shutdown(); err != nil {
		t.Fatalf("shutting down: %v", err)
	}
	f.want("")
}

func TestEventsResume(t *testing.T) {
	w := newWorld()
	for seq := range uint64(250) { // more than two pages
		w.events = append(w.events, feedEvent(seq+1, domain.TripRequested))
	}
	url, _ := serve(t, w)
	follow(t, url+"/events?after=e-249").want(block("250", "TripRequested"))
	follow(t, url+"/events?after=e-1", "Last-Event-ID", "e-249").want(block("250", "TripRequested"))
	all := follow(t, url+"/events?follow=false")
	for range 249 {
		all.next()
	}
	all.want(block("250", "TripRequested"), "")
}

func TestEventsRefusals(t *testing.T) {
	w := newWorld()
	p := wantProblem(t, ask(w.handler(), "GET", "/events", "", "Last-Event-ID", "x"), 422, fault.NameInvalid)
	if len(p.Errors) != 1 || p.Errors[0].Location != "header.Last-Event-ID" {
		t.Errorf("%+v", p.Errors)
	}
	for _, id := range []string{"8", "e-0", "e-01", "e--1", "e-9999999999999999999999", "E-1", "-1", "e-1, e-1", "e-1\n"} {
		p := wantProblem(t, ask(w.handler(), "GET", "/events", "", "Last-Event-ID", id), 422, fault.NameInvalid)
		if len(p.Errors) == 0 || p.Errors[0].Location != "header.Last-Event-ID" {
			t.Errorf("%q: %+v", id, p.Errors)
		}
	}
	wantProblem(t, ask(w.handler(), "GET", "/events?after=8", ""), 422, fault.NameInvalid)
	wantProblem(t, ask(w.handler(), "GET", "/events?after=other-8", ""), 409, "EventsLost")
	wantProblem(t, ask(w.handler(), "GET", "/events", "", "Last-Event-ID", "other-8"), 409, "EventsLost")
	w.fails = fault.New(fault.Unavailable, fault.NameUnavailable, "no")
	wantProblem(t, ask(w.handler(), "GET", "/events", ""), 503, fault.NameUnavailable)
}

// TestWithoutAFeed is an API whose deployment announces its events on a bus.
func TestWithoutAFeed(t *testing.T) {
	w := newWorld()
	h := New(Deps{Book: w.book, Executions: w})
	p := wantProblem(t, ask(h, "GET", "/events?follow=false", ""), 404, nameNoFeed)
	if !strings.Contains(p.Detail, "event bus") {
		t.Errorf("detail %q does not tell where the events are", p.Detail)
	}
	wantProblem(t, ask(h, "POST", "/events", ""), 405, nameMethodNotAllowed)
	if document := ask(h, "GET", "/openapi.json", "").Body.String(); strings.Contains(document, "/events") {
		t.Error("the description offers /events")
	}
}

func TestEventStreamsAreBounded(t *testing.T) {
	a := &api{Deps: Deps{Feed: newWorld()}, streams: make(chan struct{}, 1)}
	if _, err := a.events(t.Context(), &eventsInput{}); err != nil {
		t.Fatal(err)
	}
	_, err := a.events(t.Context(), &eventsInput{})
	if p, ok := err.(*Problem); !ok || p.Status != 503 {
		t.Errorf("the second stream of one: %v", err)
	}
}

// TestFollowersThatDoNotReadAreGivenUp takes every place for followers, and gets them back when the server has waited
// long enough for them to read.
func TestFollowersThatDoNotReadAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := listen(t, Server(Guard(w.handler(), nil)))
		for range maxStreams {
			if status := followSilently(t, p); status != http.StatusOK {
				t.Fatalf("a follower within the bound: %d", status)
			}
		}
		if status := followSilently(t, p); status != http.StatusServiceUnavailable {
			t.Errorf("one follower more: %d", status)
		}
		w.announce(feedEvent(1, domain.TripRequested))
		time.Sleep(writeTimeout + time.Second)
		if status := followSilently(t, p); status != http.StatusOK {
			t.Errorf("after the others were given up: %d", status)
		}
	})
}

// followSilently reads how the answer begins and nothing after it.
func followSilently(t *testing.T, p pipes) (status int) {
	t.Helper()
	c := p.dial()
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

// TestHeadEndsImmediately asks more often than there are places for streams.
func TestHeadEndsImmediately(t *testing.T) {
	w, _, id := booked(t)
	w.events = []FeedEvent{feedEvent(1, domain.TripRequested)}
	url, _ := serve(t, w)
	for _, path := range []string{
		"/events", "/events?follow=true", "/trips", "/trips/" + id, "/trips/" + id + "/history", "/inventory/flights", "/inventory/hotels",
		"/ledger", "/healthz", "/openapi.json", "/nope", "/events?after=x",
	} {
		var head *http.Response
		for range 1 + maxStreams {
			var err error
			if head, err = http.Head(url + path); err != nil {
				t.Fatal(err)
			}
			head.Body.Close()
		}
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", url+path, nil)
		get, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		for _, h := range []http.Header{head.Header, get.Header} {
			h.Del("Date")
			h.Del("X-Request-Id")
		}
		if head.StatusCode != get.StatusCode || !reflect.DeepEqual(head.Header, get.Header) {
			t.Errorf("HEAD %s: %s %v, GET: %s %v", path, head.Status, head.Header, get.Status, get.Header)
		}
	}
}

// TestHeartbeat runs an idle stream for a minute of virtual time.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		s := &stream{EventStream: NewEventStream(w, httptest.NewRequestWithContext(ctx, "GET", "/events", nil)), feed: newWorld()}
		ended := make(chan error)
		go func() { ended <- s.run(ctx, nil, make(chan struct{})) }()
		time.Sleep(time.Minute + time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		text, _ := io.ReadAll(w.Body)
		if got := strings.Count(string(text), ": heartbeat\n\n"); got != 4 {
			t.Errorf("%d heartbeats in a minute, want 4: %q", got, text)
		}
	})
}

// busyFeed has an event more whenever somebody has just looked and found none of it.
type busyFeed struct {
	*world
	left uint64
}

func (b *busyFeed) Events(ctx context.Context, after uint64, limit int) ([]FeedEvent, error) {
	found, err := b.world.Events(ctx, after, limit)
	if b.left > 0 {
		b.left--
		b.announce(feedEvent(100-b.left, domain.TripRequested))
	}
	return found, err
}

// TestAnEventBetweenALookAndItsWait is sent at once, and not with the next one.
func TestAnEventBetweenALookAndItsWait(t *testing.T) {
	for _, late := range []uint64{1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			h := New(Deps{Book: w.book, Executions: w, Feed: &busyFeed{w, late}, Log: slog.New(slog.DiscardHandler)})
			ctx, cancel := context.WithCancel(t.Context())
			answer := httptest.NewRecorder()
			ended := make(chan bool)
			go func() {
				h.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, "GET", "/events", nil))
				close(ended)
			}()
			time.Sleep(time.Second) // nothing else happens meanwhile
			cancel()
			<-ended
			text, _ := io.ReadAll(answer.Body)
			if got := strings.Count(string(text), "event: TripRequested\n"); got != int(late) {
				t.Errorf("%d events of %d were sent: %q", got, late, text)
			}
		})
	}
}
