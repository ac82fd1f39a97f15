package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/history"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

var noon = time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)

// world is an application in memory, with a saga that never moves.
type world struct {
	mu        sync.Mutex
	trips     map[string]*domain.Trip
	fails     error  // answered by everything, when set
	sagaFails error  // of Progress
	asked     func() // is called when the state machine is asked
	queries   []any  // of lists, as they arrived
	csv       string
	log       bytes.Buffer

	progress map[string]app.Progress
	history  map[string][]json.RawMessage
	redriven []string
	cancels  []app.CancelRequest // key and reason, as they arrived

	events  []FeedEvent
	changed chan struct{}
}

func newWorld() *world {
	return &world{
		trips: map[string]*domain.Trip{}, progress: map[string]app.Progress{}, history: map[string][]json.RawMessage{},
		changed: make(chan struct{}), asked: func() {},
	}
}

func (w *world) handler() http.Handler {
	return New(Deps{
		Book: w.book, Cancel: w.cancel, Quote: w.quote, Details: w.details, Trips: w.list, Flights: w.flights, Nights: w.nights, Load: w.load,
		LastLoad: func(context.Context) (domain.LoadState, error) {
			return domain.LoadState{Fingerprint: "f", Days: 2}, w.fails
		},
		Ledger: w.ledger, Executions: w, Feed: w, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	})
}

func (w *world) book(_ context.Context, key string, r domain.Request) (*domain.Trip, bool, error) {
	if w.fails != nil {
		return nil, false, w.fails
	}
	t, _, err := domain.RequestTrip(ident.Derive("trip", key), r, noon)
	if err != nil {
		return nil, false, err
	}
	stored := w.trips[t.ID()]
	if stored == nil {
		w.trips[t.ID()] = t
		return t, false, nil
	}
	if stored.Fingerprint() != t.Fingerprint() {
		return nil, false, fault.New(fault.Conflict, fault.NameIdempotencyMismatch, "the key %s came with another request", key)
	}
	return stored, true, nil
}

func (w *world) details(_ context.Context, id string) (domain.Details, error) {
	if w.fails != nil {
		return domain.Details{}, w.fails
	}
	t := w.trips[id]
	if t == nil {
		return domain.Details{}, fault.New(fault.NotFound, fault.NameNotFound, "there is no trip %.40q", id)
	}
	return domain.Details{
		Trip:   t,
		Flight: &domain.Step[domain.FlightReservation]{State: domain.StepDone, Result: domain.FlightReservation{ID: "f1", Amount: yen(30000)}},
		Hotel:  &domain.Step[domain.HotelReservation]{State: domain.StepRefused, Reason: domain.Reason{Name: fault.NameHotelUnavailable, Message: "full"}},
		Payment: &domain.Step[domain.Payment]{
			State: domain.StepUndone, Result: domain.Payment{Amount: yen(50000), ChargeID: "ch1", RefundID: "re1"},
		},
	}, nil
}

// cancel departs an hour after noon: 20 %.
func (w *world) cancel(_ context.Context, id string, r app.CancelRequest) (*domain.Trip, error) {
	d, err := w.details(context.Background(), id)
	if err != nil {
		return nil, err
	}
	if r.Reason == "\x00" {
		return nil, fault.Invalidf("reason", "%q has the character U+0000", r.Reason)
	}
	w.cancels = append(w.cancels, r)
	if err = d.Trip.CheckFee(r.MaxFee, 20, 1); err == nil {
		_, err = d.Trip.RequestCancellation(r.Reason, r.Key, 20, 1, noon)
	}
	return d.Trip, err
}

func (w *world) quote(_ context.Context, id string) (app.Quote, error) {
	d, err := w.details(context.Background(), id)
	return app.Quote{
		Trip: d.Trip, Cancellable: true, Departs: noon, FeePercent: 20, Fee: yen(10000), Refund: yen(40000), Policy: domain.DefaultCancellationPolicy(),
	}, err
}

func yen(n int64) money.Amount { return money.Amount{Minor: n, Currency: "JPY"} }

func (w *world) list(_ context.Context, q domain.TripQuery) (domain.Page[*domain.Trip], error) {
	w.queries = append(w.queries, q)
	page := domain.Page[*domain.Trip]{Cursor: "more"}
	for _, t := range w.trips {
		page.Items = append(page.Items, t)
	}
	return page, w.fails
}

func (w *world) flights(_ context.Context, q domain.InventoryQuery) (domain.Page[domain.FlightDay], error) {
	w.queries = append(w.queries, q)
	day := domain.FlightDay{Number: "JL5", Date: "2027-03-01", Price: yen(15000), Capacity: 9, Available: 7}
	return domain.Page[domain.FlightDay]{Items: []domain.FlightDay{day}, Cursor: "more"}, w.fails
}

func (w *world) nights(_ context.Context, q domain.InventoryQuery) (domain.Page[domain.HotelNight], error) {
	w.queries = append(w.queries, q)
	return domain.Page[domain.HotelNight]{}, w.fails
}

func (w *world) load(_ context.Context, csv io.Reader) (domain.LoadReport, error) {
	text, err := io.ReadAll(csv)
	if err != nil {
		return domain.LoadReport{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.csv = string(text)
	return domain.LoadReport{Added: 2}, w.fails
}

func (w *world) ledger(context.Context) (app.Ledger, error) {
	return app.Ledger{SeatsHeld: 2, Balanced: true}, w.fails
}

func (w *world) Progress(_ context.Context, saga, id string) (app.Progress, error) {
	w.asked()
	if w.sagaFails != nil {
		return app.Progress{}, w.sagaFails
	}
	p, ok := w.progress[execution(saga, id)]
	if !ok {
		return app.Progress{}, fault.New(fault.NotFound, fault.NameNotFound, "there is no saga of trip %.40q", id)
	}
	return p, nil
}

func (w *world) History(_ context.Context, saga, id string) ([]history.Event, error) {
	if _, err := w.Progress(context.Background(), saga, id); err != nil {
		return nil, err
	}
	return history.Decode(w.history[execution(saga, id)])
}

func (w *world) Redrive(_ context.Context, saga, id string) error {
	if w.fails != nil {
		return w.fails
	}
	w.redriven = append(w.redriven, execution(saga, id))
	return nil
}

// execution is the key of a saga's execution: that of a booking is the trip's id.
func execution(saga, id string) string {
	if saga == domain.BookingSaga {
		return id
	}
	return saga + " " + id
}

func (w *world) Events(_ context.Context, after uint64, limit int) (found []FeedEvent, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Seq > after && len(found) < limit {
			found = append(found, e)
		}
	}
	return found, w.fails
}

func (w *world) ID(seq uint64) string { return fmt.Sprintf("e-%d", seq) }

func (w *world) Place(id string) (seq uint64, err error) {
	if _, err := fmt.Sscanf(id, "e-%d", &seq); err != nil {
		return 0, fault.New(fault.Conflict, "EventsLost", "not of this feed")
	}
	return seq, nil
}

func (w *world) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

func (w *world) announce(events ...FeedEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, events...)
	close(w.changed)
	w.changed = make(chan struct{})
}

const goodBooking = `{"traveler":{"name":"Ada Lovelace","email":"ada@example.com"},
"flight":{"number":"JL5","date":"2027-03-01","seats":2},
"hotel":{"id":"TYO-PARK","check_in":"2027-03-01","check_out":"2027-03-04","rooms":1},
"payment":{"card_token":"tok_secret1"},"currency":"JPY"}`

// ask sends one request; header is a list of names and values.
func ask(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func decoded[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("answer %d %q: %v", w.Code, w.Body, err)
	}
	return v
}

// wantProblem checks that the answer is a problem of the status and the name, and gives it.
func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int, name string) Problem {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q, want application/problem+json", got)
	}
	p := decoded[Problem](t, w)
	if w.Code != status || p.Status != status || p.Name != name || p.Title != http.StatusText(status) {
		t.Errorf("answer %d %s, want a problem %d %s", w.Code, w.Body, status, name)
	}
	return p
}
