package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"tripsaga/barrier"
	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/shared/history"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers/rest"
)

// API is the REST API over the system.
func (s *System) API(log *slog.Logger) http.Handler { return s.traces.HTTP(rest.New(s.UseCases(log))) }

// UseCases are what the REST API and the console call.
func (s *System) UseCases(log *slog.Logger) rest.Deps {
	return rest.Deps{
		Book: s.book, Cancel: s.App.CancelTrip, Quote: s.App.CancellationQuote, Details: s.App.GetTrip, Trips: s.App.ListTrips,
		Flights: s.App.ShowFlights, Nights: s.App.ShowNights, Load: s.load, LastLoad: s.App.Inventory.LastLoad, Ledger: s.App.Audit,
		Health: s.Health, Executions: executions{s}, Feed: feed{s}, Log: log,
	}
}

// book refuses a booking, before anything is stored, if too many are open.
func (s *System) book(ctx context.Context, key string, r domain.Request) (trip *domain.Trip, replayed bool, err error) {
	if reason := s.admission.enter(s.Engine.OpenExecutions); reason != "" {
		rest.Refused(ctx, reason)
		return nil, false, fault.New(fault.Unavailable, fault.NameUnavailable, "too many bookings are under way, try again later")
	}
	defer s.admission.leave()
	return s.App.BookOnce(ctx, key, r)
}

// Health returns why the store takes no writes, nil if it does.
func (s *System) Health() error { return barrier.Fault(s.Store.Refuses()) }

func (s *System) load(ctx context.Context, csv io.Reader) (domain.LoadReport, error) {
	offers, err := inventory.Parse("inventory", csv)
	if err != nil {
		return domain.LoadReport{}, err
	}
	return s.App.LoadInventory(ctx, offers)
}

// executions implements app.Executions over the engines.
type executions struct{ *System }

func (x executions) Progress(ctx context.Context, saga, tripID string) (app.Progress, error) {
	d, err := x.Saga(saga).Describe(ctx, tripID)
	return app.Progress{
		Status: string(d.Status), Error: d.Error, Cause: d.Cause, State: d.State,
		Started: d.Started, Stopped: d.Stopped, Redrives: d.Redrives,
	}, engineFault(err)
}

func (x executions) History(ctx context.Context, saga, tripID string) ([]history.Event, error) {
	events, err := x.Saga(saga).History(ctx, tripID)
	return events, engineFault(err)
}

func (x executions) Redrive(ctx context.Context, saga, tripID string) error {
	return engineFault(x.Saga(saga).Redrive(ctx, tripID))
}

// Sagas reads the sagas of trips and what belongs to them, for people.
type Sagas struct {
	bookings, cancellations *engine.Viewer
	sys                     *System
}

// Sagas returns a new reader, which keeps what it has read last in memory.
func (s *System) Sagas() Sagas { return Sagas{s.Engine.Viewer(), s.Cancellations.Viewer(), s} }

func (r Sagas) viewer(saga string) *engine.Viewer {
	if saga == domain.CancellationSaga {
		return r.cancellations
	}
	return r.bookings
}

// View reads an execution of the saga of this name, see [engine.Viewer].
func (r Sagas) View(ctx context.Context, saga, tripID string) (engine.View, error) {
	return r.viewer(saga).View(ctx, tripID)
}

// Version returns a text that changes with the execution, see [engine.Viewer].
func (r Sagas) Version(ctx context.Context, saga, tripID string) (string, error) {
	return r.viewer(saga).Version(ctx, tripID)
}

// Intent reads a payment in the provider's books. Errors: Conflict when the provider does not know the id; Unavailable.
func (r Sagas) Intent(ctx context.Context, id string) (domain.PaymentIntent, error) {
	return r.sys.App.Payments.Intent(ctx, id)
}

// Events reads the events of a trip that are kept, the oldest first. Errors: Unavailable.
func (r Sagas) Events(ctx context.Context, tripID string) ([]domain.Event, error) {
	return store.Events(ctx, r.sys.Store, tripID)
}

// feed implements rest.Feed over the store's stream of outbox items.
type feed struct{ *System }

func (f feed) Changed() <-chan struct{} { return f.Store.Changed() }

func (f feed) ID(seq uint64) string { return f.Store.Place(seq) }

func (f feed) Place(id string) (uint64, error) {
	seq, err := f.Store.ParsePlace(id)
	if errors.Is(err, embedded.ErrPlace) {
		return 0, fault.New(fault.Conflict, "EventsLost", "the event %.40q is not one of this feed: the data was restored from a copy "+
			"or belongs to another server, or events after it were swept; read the feed from its beginning, without after and Last-Event-ID", id)
	}
	if err != nil {
		return 0, fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "reading the events")
	}
	return seq, nil
}

func (f feed) Events(ctx context.Context, after uint64, limit int) ([]rest.FeedEvent, error) {
	changes, err := f.Store.Stream(ctx, after, limit)
	return feedEvents(changes, err)
}

// LatestEvents reads at most limit events of the feed with a Seq below before, the newest first. Before 0 there is no
// bound. Errors: Unavailable.
func (s *System) LatestEvents(ctx context.Context, before uint64, limit int) ([]rest.FeedEvent, error) {
	changes, err := s.Store.Latest(ctx, before, limit)
	return feedEvents(changes, err)
}

func feedEvents(changes []embedded.Change, err error) ([]rest.FeedEvent, error) {
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "reading the events")
	}
	events := make([]rest.FeedEvent, len(changes))
	for i, c := range changes {
		events[i].Seq = c.Seq
		if err := json.Unmarshal(c.Item.Data, &events[i].Event); err != nil {
			return nil, fmt.Errorf("event %s: %w", c.Item.Key, err)
		}
	}
	return events, nil
}

// maxEntering limits the bookings that are being stored and started concurrently. It is the load shedding of the API. They
// wait in the store's one queue together with the steps of the open sagas. So the limit adapts to the machine: the longer
// the queue, the longer each booking stays in it, and the fewer are accepted. It is about the bookings of a tenth of a
// second; a much higher limit makes every client wait without more throughput. See docs/adr/0020.
const maxEntering = 128

// admission limits the open bookings. It decides before anything is stored, so a refused booking leaves nothing behind,
// and the engine starts the saga of every booking that was accepted.
//
// A saga that waits, for a provider that is down for example, costs little but memory. There may be many of those, up to
// limit.
type admission struct {
	limit int

	mu       sync.Mutex
	entering int // accepted, their sagas not yet open
}

// enter accepts a booking and returns "", or the reason of the refusal; open counts the open sagas. After it has accepted a
// booking, the caller must call leave when its saga is open or the booking has failed.
func (a *admission) enter(open func() int) (refused string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.entering >= maxEntering {
		return rest.ReasonOverload
	}
	if open()+a.entering >= a.limit {
		return rest.ReasonOpenSagas
	}
	a.entering++
	return ""
}

func (a *admission) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entering--
}
