package local_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers/rest"
)

// TestRefusedAtOnceIsNeverStored lets many bookings in at the same moment, more than there are places.
func TestRefusedAtOnceIsNeverStored(t *testing.T) {
	gate := make(chan struct{})
	sys, err := local.Open(t.Context(), local.Options{MaxOpen: 3, WrapTasks: held(gate)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sys.KeepDemoInventory(t.Context()); err != nil {
		t.Fatal(err)
	}
	reasons := &reasons{}
	api := rest.Metered(sys.API(slog.New(slog.DiscardHandler)), reasons)
	var accepted, refused atomic.Int64
	var clients sync.WaitGroup
	for range 24 {
		clients.Go(func() {
			switch status, _, _ := call(t, api, "POST", "/trips", "", strings.Replace(happy, "CARD", "tok_ok", 1)); status {
			case http.StatusAccepted:
				accepted.Add(1)
			case http.StatusServiceUnavailable:
				refused.Add(1)
			default:
				t.Errorf("status %d", status)
			}
		})
	}
	clients.Wait()
	page, err := sys.App.ListTrips(t.Context(), domain.TripQuery{})
	if err != nil || int64(len(page.Items)) != accepted.Load() || accepted.Load() > 3 || accepted.Load() == 0 {
		t.Errorf("accepted %d, refused %d, stored %d, %v", accepted.Load(), refused.Load(), len(page.Items), err)
	}
	if counted := reasons.of("open_sagas"); counted != refused.Load() {
		t.Errorf("%d were refused, and %d counted", refused.Load(), counted)
	}
	close(gate)
	if err := sys.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestTooManyAtOnceAreNeverStored holds the store, so that every booking which is let in waits there. The bookings beyond
// the bound are answered meanwhile; clients that wait and go away make room for others.
func TestTooManyAtOnceAreNeverStored(t *testing.T) {
	const bound, beyond = 128, 72
	store := &heldStore{entered: make(chan struct{})}
	sys, err := local.Open(t.Context(), local.Options{WrapTable: store.wrap})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sys.KeepDemoInventory(t.Context()); err != nil {
		t.Fatal(err)
	}
	reasons := &reasons{}
	api := rest.Metered(sys.API(slog.New(slog.DiscardHandler)), reasons)
	store.hold.Store(true)
	ctx, goAway := context.WithCancel(t.Context())
	answers := make(chan int, bound+beyond)
	for range bound + beyond {
		go func() { answers <- book(ctx, api) }()
	}
	entered, refused := 0, 0
	for entered+refused < bound+beyond {
		select {
		case <-store.entered:
			entered++
		case status := <-answers:
			if refused++; status != http.StatusServiceUnavailable {
				t.Errorf("a booking beyond the bound: %d", status)
			}
		}
	}
	if entered != bound {
		t.Errorf("%d bookings were let in at once and %d refused, want %d let in", entered, refused, bound)
	}
	if counted := reasons.of("overload"); counted != int64(refused) {
		t.Errorf("%d were refused, and %d counted", refused, counted)
	}
	goAway()
	for range entered {
		<-answers
	}
	store.hold.Store(false)
	if status := book(t.Context(), api); status != http.StatusAccepted {
		t.Errorf("after those who waited have gone: %d", status)
	}
	page, err := sys.App.ListTrips(t.Context(), domain.TripQuery{})
	if err != nil || len(page.Items) != 1 {
		t.Errorf("%d trips are stored, %v; want the one that was accepted", len(page.Items), err)
	}
	if err := sys.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// reasons is a meter that counts for what reasons requests are not carried out.
type reasons struct{ counts sync.Map }

func (r *reasons) Begun(string, string) {}
func (r *reasons) Ended(_, _ string, _ int, reason string, _ time.Duration) {
	n, _ := r.counts.LoadOrStore(reason, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

func (r *reasons) of(reason string) int64 {
	n, ok := r.counts.Load(reason)
	if !ok {
		return 0
	}
	return n.(*atomic.Int64).Load()
}

// heldStore holds back what is written, while hold is set, until the writer goes away.
type heldStore struct {
	table.Table
	hold    atomic.Bool
	entered chan struct{}
}

func (s *heldStore) wrap(t table.Table) table.Table {
	s.Table = t
	return s
}

func (s *heldStore) Transact(ctx context.Context, ops ...table.Op) error {
	if !s.hold.Load() {
		return s.Table.Transact(ctx, ops...)
	}
	s.entered <- struct{}{}
	<-ctx.Done()
	return ctx.Err()
}

func (s *heldStore) Sync(ctx context.Context) error { return table.Sync(ctx, s.Table) }

// book sends one booking and gives the status of the answer.
func book(ctx context.Context, api http.Handler) int {
	r := httptest.NewRequestWithContext(ctx, "POST", "/trips", strings.NewReader(strings.Replace(happy, "CARD", "tok_ok", 1)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w.Code
}

// held pauses every first step until the gate is open.
func held(gate <-chan struct{}) func(map[string]engine.Task) map[string]engine.Task {
	return func(tasks map[string]engine.Task) map[string]engine.Task {
		reserve := tasks["ReserveFlight"]
		tasks["ReserveFlight"] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
			<-gate
			return reserve(ctx, in)
		}
		return tasks
	}
}
