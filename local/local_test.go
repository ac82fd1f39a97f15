package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

const happy = `{"traveler": {"name": "Ada Lovelace", "email": "ada@example.com"},
  "flight": {"number": "JL317", "date": "2027-03-15", "seats": 2},
  "hotel": {"id": "FUK-CANAL", "check_in": "2027-03-15", "check_out": "2027-03-17", "rooms": 1},
  "payment": {"card_token": "CARD"}, "currency": "JPY"}`

var begin = time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC)

// open is a system in virtual time with the demo inventory, and its API.
func open(t *testing.T, opt local.Options) (*local.System, *sim.Virtual, http.Handler) {
	t.Helper()
	v := sim.NewVirtual(begin)
	opt.Scheduler = v
	sys, err := local.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sys.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if loaded, err := sys.KeepDemoInventory(t.Context()); err != nil || !loaded {
		t.Fatalf("demo inventory: loaded %v, %v", loaded, err)
	}
	return sys, v, sys.API(slog.New(slog.DiscardHandler))
}

func call(t *testing.T, api http.Handler, method, path, key, body string) (status int, answer map[string]any, header http.Header) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	data, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(bytes.TrimSpace(data)) > 0 {
		if err := json.Unmarshal(data, &answer); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, data)
		}
	}
	return w.Code, answer, w.Header()
}

func TestBookingOverTheAPI(t *testing.T) {
	_, v, api := open(t, local.Options{})
	body := strings.Replace(happy, "CARD", "tok_ok", 1)
	status, _, header := call(t, api, "POST", "/trips", "key-1", body)
	if status != http.StatusAccepted {
		t.Fatalf("POST = %d", status)
	}
	place := header.Get("Location")
	if status, _, again := call(t, api, "POST", "/trips", "key-1", body); status != http.StatusAccepted || again.Get("Location") != place {
		t.Errorf("the same key and body: %d, %s, want 202 and %s", status, again.Get("Location"), place)
	}
	v.Run()
	status, trip, _ := call(t, api, "GET", place, "", "")
	saga, _ := trip["saga"].(map[string]any)
	if status != http.StatusOK || saga["status"] != "SUCCEEDED" {
		t.Errorf("GET %s = %d, saga %v", place, status, saga)
	}
	if status, _, again := call(t, api, "POST", "/trips", "key-1", body); status != http.StatusAccepted || again.Get("Location") != place {
		t.Errorf("the same key and body after the end: %d, %s", status, again.Get("Location"))
	}
	other := strings.Replace(body, `"seats": 2`, `"seats": 3`, 1)
	if status, problem, _ := call(t, api, "POST", "/trips", "key-1", other); status != http.StatusConflict || problem["name"] != "IdempotencyMismatch" {
		t.Errorf("the same key with another body: %d %v", status, problem)
	}
	if status, _, _ := call(t, api, "POST", place+"/redrive", "", ""); status != http.StatusConflict {
		t.Errorf("redrive of a success: %d, want 409", status)
	}
}

// TestFullIsRefusedBeforeItIsStored sheds bookings beyond the bound, and a refused one leaves no trip behind.
func TestFullIsRefusedBeforeItIsStored(t *testing.T) {
	sys, v, api := open(t, local.Options{MaxOpen: 1})
	body := strings.Replace(happy, "CARD", "tok_ok", 1)
	if status, _, _ := call(t, api, "POST", "/trips", "", body); status != http.StatusAccepted {
		t.Fatalf("the first: %d", status)
	}
	status, _, header := call(t, api, "POST", "/trips", "", body)
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("the second: %d, Retry-After %q", status, header.Get("Retry-After"))
	}
	v.Run()
	page, err := sys.App.ListTrips(t.Context(), domain.TripQuery{})
	if err != nil || len(page.Items) != 1 {
		t.Errorf("%d trips are stored, %v; want the one that was accepted", len(page.Items), err)
	}
	if status, _, _ := call(t, api, "POST", "/trips", "", body); status != http.StatusAccepted {
		t.Errorf("after the first has ended: %d", status)
	}
}

// TestReconcileStartsWhatWasOnlyStored stores a trip as a process does that dies before it starts the saga.
func TestReconcileStartsWhatWasOnlyStored(t *testing.T) {
	sys, v, _ := open(t, local.Options{})
	var request domain.Request
	if err := json.Unmarshal([]byte(strings.Replace(happy, "CARD", "tok_ok", 1)), &request); err != nil {
		t.Fatal(err)
	}
	starter := sys.App.Starter
	sys.App.Starter = dead{}
	if _, err := sys.App.BookTrip(t.Context(), "key", request); err == nil {
		t.Fatal("the starter is dead and the booking succeeded")
	}
	sys.App.Starter = starter
	v.AfterFunc(time.Second, func() {})
	v.Run()
	report, err := sys.App.Reconcile(t.Context(), app.Patience{})
	if err != nil || report.Started != 1 {
		t.Fatalf("Reconcile = %+v, %v", report, err)
	}
	v.Run()
	page, err := sys.App.ListTrips(t.Context(), domain.TripQuery{})
	if err != nil || len(page.Items) != 1 || page.Items[0].Status() != domain.Confirmed {
		t.Errorf("trips %v, %v", page.Items, err)
	}
}

// TestOverdueCountsFromTheOpening reopens a folder after two hours, in which nothing ran: its pending trip is overdue by
// the clock, and yet has had no chance to end.
func TestOverdueCountsFromTheOpening(t *testing.T) {
	dir := t.TempDir()
	var request domain.Request
	if err := json.Unmarshal([]byte(strings.Replace(happy, "CARD", "tok_ok", 1)), &request); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	reopened := func(at time.Time) (*local.System, *sim.Virtual) {
		v := sim.NewVirtual(at)
		sys, err := local.Open(t.Context(), local.Options{Dir: dir, Scheduler: v})
		if err != nil {
			t.Fatal(err)
		}
		sys.App.Starter = dead{}
		return sys, v
	}
	status := func(sys *local.System) domain.Status {
		page, err := sys.App.ListTrips(t.Context(), domain.TripQuery{})
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("trips %v, %v", page.Items, err)
		}
		return page.Items[0].Status()
	}
	sys, _ := reopened(begin)
	if _, err := sys.App.BookTrip(t.Context(), "key", request); err == nil {
		t.Fatal("the starter is dead and the booking succeeded")
	}
	if err := sys.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	sys, v := reopened(begin.Add(2 * time.Hour))
	defer sys.Close(t.Context())
	sys.App.Starter = idle{}
	sys.Reconcile(t.Context(), 0, log)
	if got := status(sys); got != domain.Pending {
		t.Errorf("right after the opening: %s", got)
	}
	v.AfterFunc(30*time.Minute, func() {})
	v.Run()
	sys.Reconcile(t.Context(), 0, log)
	if got := status(sys); got != domain.NeedsAttention {
		t.Errorf("half an hour later: %s", got)
	}
}

// idle starts sagas that never move.
type idle struct{}

func (idle) Start(context.Context, string, string, json.RawMessage) error { return nil }

type dead struct{}

func (dead) Start(context.Context, string, string, json.RawMessage) error { return context.Canceled }

// TestEventsAreReadInOrder reads the feed that the API streams.
func TestEventsAreReadInOrder(t *testing.T) {
	_, v, api := open(t, local.Options{})
	call(t, api, "POST", "/trips", "", strings.Replace(happy, "CARD", "tok_declined", 1))
	v.Run()
	r := httptest.NewRequest("GET", "/events?follow=false", nil)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	var types []string
	for line := range strings.Lines(w.Body.String()) {
		if kind, ok := strings.CutPrefix(line, "event: "); ok {
			types = append(types, strings.TrimSpace(kind))
		}
	}
	if got := strings.Join(types, " "); got != "TripRequested HotelCancelled FlightCancelled TripFailed" {
		t.Errorf("events %s", got)
	}
}
