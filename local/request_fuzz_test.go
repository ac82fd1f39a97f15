package local_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/trip/handlers/rest"
	"tripsaga/trip/wire"
)

// fuzzed is a system in virtual time behind the API as a server has it, shared by all runs of a target. A run's
// bookings come to their end before the next run.
type fuzzed struct {
	*local.System
	clock *sim.Virtual
	api   http.Handler
	trips []string // addresses of trips that have ended in different ways
}

func newFuzzed(f *testing.F) *fuzzed {
	f.Helper()
	z := &fuzzed{clock: sim.NewVirtual(begin)}
	var err error
	if z.System, err = local.Open(f.Context(), local.Options{Scheduler: z.clock}); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := z.Close(context.Background()); err != nil {
			f.Error(err)
		}
	})
	if _, err := z.KeepDemoInventory(f.Context()); err != nil {
		f.Fatal(err)
	}
	z.api = rest.Guard(z.API(slog.New(slog.DiscardHandler)), nil)
	for _, card := range []string{"tok_ok", "tok_declined"} {
		booked := z.ask(f, "POST", "/trips", strings.Replace(happy, "CARD", card, 1), "Idempotency-Key", card)
		if booked.Code != http.StatusAccepted {
			f.Fatalf("booking: %d %s", booked.Code, booked.Body)
		}
		z.trips = append(z.trips, booked.Header().Get("Location"))
	}
	z.clock.Run()
	return z
}

// hangingUp ends the request when the answer begins to flow, as a client of an event stream does that goes.
type hangingUp struct {
	*httptest.ResponseRecorder
	hangUp func()
}

func (h *hangingUp) Flush() {
	h.ResponseRecorder.Flush()
	h.hangUp()
}

// send serves a request; ok is false when a server would not have let it through to a handler.
func (z *fuzzed) send(ctx context.Context, method, target, body string, header ...string) (w *httptest.ResponseRecorder, ok bool) {
	u, err := url.ParseRequestURI(target)
	if err != nil || !strings.HasPrefix(target, "/") {
		return nil, false
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost/", strings.NewReader(body))
	if err != nil {
		return nil, false
	}
	r.URL, r.RequestURI = u, target
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w = httptest.NewRecorder()
	z.api.ServeHTTP(&hangingUp{w, cancel}, r)
	return w, true
}

func (z *fuzzed) ask(t testing.TB, method, target, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	w, ok := z.send(t.Context(), method, target, body, header...)
	if !ok {
		t.Fatalf("%s %s is no request", method, target)
	}
	return w
}

// checkAnswer checks what holds for every response: it is a success in JSON, or a problem that the caller can act on. before
// is the number of transactions before the request; a request that was refused, or only read, made none.
func (z *fuzzed) checkAnswer(t *testing.T, method string, w *httptest.ResponseRecorder, before uint64) {
	t.Helper()
	if w.Code >= 400 {
		checkProblem(t, w)
	} else if kind := w.Header().Get("Content-Type"); kind == "application/json" && !json.Valid(w.Body.Bytes()) {
		t.Errorf("answer %d is no JSON: %s", w.Code, w.Body)
	}
	if made := z.Store.Metrics().Transactions - before; made > 0 && (w.Code >= 400 || method != http.MethodPost) {
		t.Errorf("%s was answered %d and made %d transactions", method, w.Code, made)
	}
}

func checkProblem(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var p rest.Problem
	err := json.Unmarshal(w.Body.Bytes(), &p)
	if err != nil || w.Header().Get("Content-Type") != "application/problem+json" || p.Status != w.Code || p.Name == "" || p.Detail == "" {
		t.Fatalf("answer %d is no whole problem: %s, %v", w.Code, w.Body, err)
	}
	if w.Code >= 500 {
		t.Errorf("answer %d: %s", w.Code, w.Body)
	}
	if w.Code == http.StatusUnprocessableEntity && len(p.Errors) == 0 {
		t.Errorf("the problem names nothing that is wrong: %s", w.Body)
	}
	for _, e := range p.Errors {
		if e.Location == "" || e.Message == "" {
			t.Errorf("a problem without a place or a message: %s", w.Body)
		}
	}
}

// FuzzRequest sends any method, address, header and body. The API has no PATCH and the like, and refuses them.
func FuzzRequest(f *testing.F) {
	z := newFuzzed(f)
	const id = "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a"
	for _, target := range []string{
		"/trips", "/trips?limit=1", "/trips?status=FAILED&limit=200", "/trips?limit=0", "/trips?limit=x&status=y&cursor=z",
		"/trips?cursor=MjAyNy0wMS0xNVQwOTowMDowMC4wMDBa", "/trips?cursor=MjAyNy0wMS0xNf__", "/trips/" + id, "/trips/%ff",
		"/trips/%00", "/trips/a%2Fb", "/trips/" + id + "/history", "/trips/" + strings.Repeat("x", 80) + "/history",
		"/trips/é", "/events?after=1&follow=false", "/events?after=-1", "/events?follow=perhaps", "/ledger", "/healthz",
		"/inventory/flights?from=2027-03-01&to=2027-03-02&limit=2", "/inventory/flights?to=9999-12-31", "/inventory/hotels?from=x&to=",
		"/inventory/hotels?cursor=AAAA&limit=201", "/openapi.json", "/trips?x=%zz", "/trips?status=%ff", "/nowhere", "//trips", "/trips/..",
	} {
		f.Add("GET", target, "Last-Event-ID", "", "")
	}
	for _, trip := range z.trips {
		f.Add("GET", trip, "Sec-Fetch-Site", "none", "")
		f.Add("GET", trip+"/history", "Origin", "http://localhost", "")
		f.Add("POST", trip+"/redrive", "Origin", "https://example.com", "")
		f.Add("POST", trip+"/redrive", "Accept", "text/html", "{}")
	}
	f.Add("POST", "/trips", "Idempotency-Key", "k", strings.Replace(happy, "CARD", "tok_ok", 1))
	f.Add("POST", "/trips", "Idempotency-Key", "a b", strings.Replace(happy, "CARD", "tok_timeout_after", 1))
	f.Add("POST", "/trips", "Content-Type", "text/plain", "{}")
	f.Add("POST", "/inventory", "Content-Type", "text/csv", "flight,JL5,JAL,HND,JFK,11:05,10:55,2027-03-01,2027-03-02,1200,JPY,3\n")
	f.Add("GET", "/events", "Last-Event-ID", "18446744073709551615", "")
	f.Add("GET", "/events", "Last-Event-ID", "-1", "")
	f.Add("HEAD", "/trips", "Host", "", "")
	f.Add("PATCH", "/trips/"+id, "Content-Length", "9", "{}")
	f.Fuzz(func(t *testing.T, method, target, name, value, body string) {
		before := z.Store.Metrics().Transactions
		w, ok := z.send(t.Context(), method, target, body, name, value)
		if !ok {
			return
		}
		z.checkAnswer(t, method, w, before)
		z.clock.Run()
		if place := w.Header().Get("Location"); w.Code == http.StatusAccepted {
			z.checkTrip(t, place)
		}
	})
}

// checkTrip wants that the trip that was accepted is there, and has ended.
func (z *fuzzed) checkTrip(t *testing.T, place string) {
	t.Helper()
	w := z.ask(t, "GET", place, "")
	var trip wire.TripDetails
	err := json.Unmarshal(w.Body.Bytes(), &trip)
	if err != nil || w.Code != http.StatusOK || "/trips/"+trip.ID != place || trip.Status == "PENDING" || trip.Saga == nil {
		t.Errorf("GET %s: %d %s, %v", place, w.Code, w.Body, err)
	}
}
