package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// counted is a meter that remembers.
type counted struct {
	mu       sync.Mutex
	ended    []string
	inFlight map[string]int
	took     time.Duration
}

func (c *counted) Begun(method, route string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inFlight == nil {
		c.inFlight = map[string]int{}
	}
	c.inFlight[method+" "+route]++
}

func (c *counted) Ended(method, route string, status int, reason string, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if route != NoRoute {
		c.inFlight[method+" "+route]--
	}
	c.ended, c.took = append(c.ended, strings.TrimSpace(fmt.Sprint(method, " ", route, " ", status, " ", reason))), took
}

// TestRequestsAreCounted by the pattern of their route and the reason for which they are not carried out. No name of a
// client's comes into a count.
func TestRequestsAreCounted(t *testing.T) {
	for want, c := range map[string]struct {
		method, target, body string
		header               []string
		change               func(*Deps)
	}{
		"POST /trips 202":                          {"POST", "/trips", goodBooking, nil, nil},
		"POST /trips 400 invalid":                  {"POST", "/trips", "{", nil, nil},
		"POST /trips 422 invalid":                  {"POST", "/trips?a=1", goodBooking, nil, nil},
		"POST none 415 invalid":                    {"POST", "/trips", goodBooking, []string{"Content-Type", "text/plain"}, nil},
		"POST none 403 forbidden":                  {"POST", "/trips", goodBooking, []string{"Origin", "http://evil.example"}, nil},
		"GET /trips/{id} 404 not_found":            {"GET", "/trips/" + strings.Repeat("0", 8) + "-0000-4000-8000-000000000000", "", nil, nil},
		"GET none 404 not_found":                   {"GET", "/ada@example.com", "", nil, nil},
		"other none 405 invalid":                   {"ADA", "/trips", "", nil, nil},
		"GET /healthz 200":                         {"GET", "/healthz", "", nil, nil},
		"HEAD /healthz 200":                        {"HEAD", "/healthz", "", nil, nil},
		"GET /events 200":                          {"GET", "/events?follow=false", "", nil, nil},
		"GET /openapi.json 200":                    {"GET", "/openapi.json", "", nil, nil},
		"POST /trips 409 conflict":                 {"POST", "/trips", goodBooking, nil, fails(fault.New(fault.Conflict, fault.NameConflict, "other"))},
		"POST /trips 503 unavailable":              {"POST", "/trips", goodBooking, nil, fails(fault.New(fault.Unavailable, fault.NameUnavailable, "no"))},
		"POST /trips 500 internal":                 {"POST", "/trips", goodBooking, nil, fails(errors.New("a bug"))},
		"GET /trips 500 internal":                  {"GET", "/trips", "", nil, func(d *Deps) { d.Trips = nil }}, // panics
		"POST /trips 503 overload":                 {"POST", "/trips", goodBooking, nil, refuses(ReasonOverload)},
		"POST /trips 503 open_sagas":               {"POST", "/trips", goodBooking, nil, refuses(ReasonOpenSagas)},
		"GET /healthz 503 store":                   {"GET", "/healthz", "", nil, func(d *Deps) { d.Health = func() error { return full } }},
		"POST /trips/{id}/redrive 503 unavailable": {"POST", "/trips/" + someID + "/redrive", "", nil, fails(full)},
	} {
		m, deps := &counted{}, depsOf(newWorld())
		if c.change != nil {
			c.change(&deps)
		}
		ask(Metered(Guard(New(deps), nil), m), c.method, c.target, c.body, append([]string{"Content-Type", "application/json"}, c.header...)...)
		if len(m.ended) != 1 || m.ended[0] != want {
			t.Errorf("counted %q, want %q", m.ended, want)
		}
		for route, n := range m.inFlight {
			if n != 0 {
				t.Errorf("%s: %d of %s are in flight", want, n, route)
			}
		}
		if stream := strings.HasPrefix(want, "GET /events"); stream != (m.took == 0) {
			t.Errorf("%s took %v", want, m.took)
		}
		if f := strings.Fields(want); len(f) == 4 && !slices.Contains(Reasons(), f[3]) {
			t.Errorf("%s is not among the reasons", f[3])
		}
	}
}

func depsOf(w *world) Deps {
	return Deps{
		Book: w.book, Details: w.details, Trips: w.list, Flights: w.flights, Nights: w.nights, Load: w.load,
		Ledger: w.ledger, Executions: w, Feed: w, Log: slog.New(slog.DiscardHandler),
	}
}

const someID = "00000000-0000-4000-8000-000000000000"

var full = fault.New(fault.Unavailable, fault.NameUnavailable, "the disk is full")

func fails(err error) func(*Deps) {
	return func(d *Deps) {
		w := newWorld()
		w.fails = err
		d.Book, d.Executions = w.book, w
	}
}

// refuses is the book of a deployment that gives the reason for which it refuses.
func refuses(reason string) func(*Deps) {
	return func(d *Deps) {
		w := newWorld()
		w.fails = full
		d.Book = func(ctx context.Context, key string, r domain.Request) (*domain.Trip, bool, error) {
			Refused(ctx, reason)
			return w.book(ctx, key, r)
		}
	}
}

// TestBoundsAreCounted fills each of the API's bounds.
func TestBoundsAreCounted(t *testing.T) {
	a := &api{Deps: depsOf(newWorld()), streams: make(chan struct{}), loads: make(chan struct{})}
	a.auditing.Lock()
	mux := http.NewServeMux()
	a.routes(mux, humago.New(mux, config()))
	for want, c := range map[string][2]string{
		"GET /events 503 streams": {"GET", "/events"}, "POST /inventory 503 loads": {"POST", "/inventory"}, "GET /ledger 503 audits": {"GET", "/ledger"},
	} {
		m := &counted{}
		ask(Metered(recovering(a.Log, problems(mux)), m), c[0], c[1], "kind", "Content-Type", "text/csv")
		if len(m.ended) != 1 || m.ended[0] != want {
			t.Errorf("counted %q, want %q", m.ended, want)
		}
	}
}

// TestConnectionsAreCounted, those that are turned away as well.
func TestConnectionsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := Server(guarded()), &counted{}
		open := Limit(s, 1)
		s.Handler = Metered(s.Handler, m)
		p := listen(t, s)
		first, second := p.dial(), p.dial()
		health(t, first)
		synctest.Wait() // the server may answer the first before it has counted the second
		if n := open(); n != 2 {
			t.Errorf("%d connections are open, want 2", n)
		}
		wantTurnedAway(t, second)
		first.Close()
		synctest.Wait()
		if n := open(); n != 0 {
			t.Errorf("%d connections are open, want 0", n)
		}
		if want := []string{"GET /healthz 200", "GET none 503 connections"}; !slices.Equal(m.ended, want) {
			t.Errorf("counted %q, want %q", m.ended, want)
		}
	})
}

// TestHealth asks servers that cannot do their work, and one that can. The cause is for the log alone.
func TestHealth(t *testing.T) {
	full := fault.Wrap(fault.Unavailable, fault.NameUnavailable, errors.New("no space in /home/ada"), "the store takes no more writes")
	p := wantProblem(t, askHealth(func() error { return full }), 503, fault.NameUnavailable)
	if p.Detail != "the store takes no more writes" {
		t.Errorf("the reason is %q", p.Detail)
	}
	wantProblem(t, askHealth(func() error { return errors.New("no fault") }), 500, fault.NameInternal)
	if got := askHealth(func() error { return nil }); got.Code != 200 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func askHealth(health func() error) *httptest.ResponseRecorder {
	return ask(New(Deps{Health: health}), "GET", "/healthz", "")
}
