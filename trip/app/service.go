// Package app holds the use cases: those of clients (BookTrip, GetTrip, ...), those of the saga's tasks (ReserveFlight,
// ...), and those of operators (Reconcile, Audit, ...). The REST API, the command line and package handlers call it. It
// depends on the domain and its own ports, and knows neither the table nor state machines.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"tripsaga/shared/history"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// Service holds the dependencies of the use cases. All but Observer are required. Starter may be set last, before the
// first BookTrip or Reconcile: the implementation needs the task handlers, which need the Service.
type Service struct {
	Trips     domain.Trips
	Inventory domain.Inventory
	Airline   Airline
	Hotels    Hotels
	Payments  Payments
	Policy    domain.CancellationPolicy
	Starter   Starter
	Now       func() time.Time
	Random    io.Reader // for ids that are not derived
	Observer  Observer
}

// Starter starts a saga of a trip, one of domain.BookingSaga and domain.CancellationSaga. The execution is named by the
// trip's id, so a second start of the same saga changes nothing, even after the execution has ended. On return the start is durable, and so is everything written before it. Errors:
// Unavailable.
type Starter interface {
	Start(ctx context.Context, saga, tripID string, input json.RawMessage) error
}

// Executions reads and resumes the executions of the sagas that [Starter] starts.
type Executions interface {
	// Progress returns a description of the execution. Errors: NotFound, Unavailable.
	Progress(ctx context.Context, saga, tripID string) (Progress, error)
	// History returns the events so far. Errors: NotFound, Unavailable.
	History(ctx context.Context, saga, tripID string) ([]history.Event, error)
	// Redrive resumes an execution that ended without success at the state where it failed. Errors: NotFound; Conflict
	// when it is running or has succeeded; Unavailable when too many are running.
	Redrive(ctx context.Context, saga, tripID string) error
}

// Progress describes an execution. The values of Status are those of Step Functions.
type Progress struct {
	Status   string // RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED
	Error    string // when it ended without success
	Cause    string
	State    string // at which it failed; "" when only the history shows it
	Started  time.Time
	Stopped  time.Time // zero while it runs
	Redrives int
}

// Airline reserves seats. Each method has its effect exactly once for a trip, however often it is called.
type Airline interface {
	// Reserve reserves the seats at the inventory's price. Errors: FlightUnavailable of kind Refused;
	// IdempotencyMismatch, StepCancelled of kind Conflict; Unavailable.
	Reserve(ctx context.Context, tripID string, f domain.Flight, currency money.Currency) (domain.FlightReservation, error)
	// Cancel releases the seats, or ensures that they are never reserved. taken reports whether this call released seats.
	// Errors: Unavailable.
	Cancel(ctx context.Context, tripID string) (taken bool, err error)
}

// Hotels reserves rooms, for every night of a stay or none, exactly once as [Airline].
type Hotels interface {
	// Reserve reserves the rooms at the inventory's prices. Errors: HotelUnavailable of kind Refused;
	// IdempotencyMismatch, StepCancelled of kind Conflict; Unavailable.
	Reserve(ctx context.Context, tripID string, s domain.Stay, currency money.Currency) (domain.HotelReservation, error)
	// Cancel releases the rooms, see [Airline].
	Cancel(ctx context.Context, tripID string) (taken bool, err error)
}

// Payments charges and refunds the traveler, exactly once as [Airline]. All methods return Unavailable when the outcome is
// unknown, and Conflict when the provider does not know the payment or refuses the call as wrong: a person has to compare
// its books.
type Payments interface {
	// Charge charges the price of the trip's reservations. Errors: PaymentDeclined and TripCancelled of kind Refused, after
	// which nothing is charged and nothing can be; StepCancelled of kind Conflict; Unavailable, after which the money may
	// have moved.
	Charge(ctx context.Context, tripID string) (domain.Payment, error)
	// Refund refunds all of the money, or ensures that it is never charged.
	Refund(ctx context.Context, tripID string) (taken bool, err error)
	// GiveBack refunds this amount of a charged payment: all, a part, or nothing. taken reports whether this call refunded
	// money. A repeated call must have the same amount.
	GiveBack(ctx context.Context, tripID string, amount money.Amount) (taken bool, err error)
	// Paid returns the amount that was charged. Errors: NotFound when nothing has been charged; Unavailable.
	Paid(ctx context.Context, tripID string) (money.Amount, error)
	// Unit returns the smallest step, in minor units, in which money of a currency can be moved.
	Unit(c money.Currency) int64
	// Intent reads a payment in the provider's books, by the provider's id.
	Intent(ctx context.Context, id string) (domain.PaymentIntent, error)
	// EachEntry calls visit for every entry of the provider's ledger. ok is false, and visit is not called, if the
	// provider reads entries only by intent. Errors: Unavailable.
	EachEntry(ctx context.Context, visit func(domain.Entry)) (ok bool, err error)
}

// Observer is notified of events of trips, for metrics and logs.
type Observer interface {
	// Happened is called after the commit of an event, at most once for each event. It is not called if the process ends
	// between the two, or if the outcome of the commit was unknown. reason is the name of the event's reason, ""
	// if it has none.
	Happened(ctx context.Context, tripID string, what domain.EventType, reason string)
}

// happened notifies the observer, if there is one.
func (s *Service) happened(ctx context.Context, tripID string, what domain.EventType, reason string) {
	if s.Observer != nil {
		s.Observer.Happened(ctx, tripID, what, reason)
	}
}

// happenedAll notifies the observer of the events of one write.
func (s *Service) happenedAll(ctx context.Context, events []domain.Event) {
	for i := range events {
		s.happened(ctx, events[i].TripID, events[i].Type, events[i].Reason.Name)
	}
}

// cancelled returns the output of a compensation. It notifies the observer if something was compensated.
func (s *Service) cancelled(ctx context.Context, tripID string, what domain.EventType, taken bool, err error) (Cancelled, error) {
	if taken && err == nil {
		s.happened(ctx, tripID, what, "")
	}
	return Cancelled{TakenBack: taken}, err
}

// changeTrip reads the trip, changes it by a verb and saves it. It retries if another writer was faster, which happens at
// most as often as a trip changes its status.
func (s *Service) changeTrip(ctx context.Context, id string,
	verb func(*domain.Trip) ([]domain.Event, error)) (t *domain.Trip, err error) {
	const attempts = 4
	for range attempts {
		if t, err = s.Trips.Get(ctx, id); err != nil {
			return nil, err
		}
		events, err := verb(t)
		if err != nil || len(events) == 0 {
			return t, err
		}
		err = s.Trips.Save(ctx, t, events...)
		if err == nil {
			s.happenedAll(ctx, events)
		}
		if !errors.Is(err, domain.ErrChanged) {
			return t, err
		}
	}
	return nil, domain.ErrChanged
}
