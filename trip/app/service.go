// Package app holds the use cases, one a file: what a client may ask for (BookTrip, GetTrip, ...), what the saga's
// tasks do (ReserveFlight, ...), and what operations need (Reconcile, Audit, ...). The REST API, the command line and
// package handlers call it; it knows the domain and its own ports, and nothing of the table or of state machines.
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

// Service carries the use cases' dependencies. All but Observer are required; Starter may be set last, before the first
// BookTrip or Reconcile, since whoever starts sagas needs the task handlers first.
type Service struct {
	Trips     domain.Trips
	Inventory domain.Inventory
	Airline   Airline
	Hotels    Hotels
	Payments  Payments
	Starter   Starter
	Now       func() time.Time
	Random    io.Reader // for ids that nothing determines
	Observer  Observer
}

// Starter starts the saga of a trip. The execution is named by the trip's id: starting twice is starting once, also
// when the first execution has ended. On return the start is durable, and so is all that was written before.
// Errors: Unavailable.
type Starter interface {
	Start(ctx context.Context, tripID string, input json.RawMessage) error
}

// Executions reads and resumes the sagas' executions. An execution is named by its trip's id.
type Executions interface {
	// Progress describes the execution. Errors: NotFound, Unavailable.
	Progress(ctx context.Context, tripID string) (Progress, error)
	// History returns the events so far. Errors: NotFound, Unavailable.
	History(ctx context.Context, tripID string) ([]history.Event, error)
	// Redrive resumes an execution that ended without success at the state where it failed. Errors: NotFound; Conflict
	// when it is running or has succeeded; Unavailable when too many are running.
	Redrive(ctx context.Context, tripID string) error
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

// Airline holds seats. Each method is exactly-once for its trip, however often it is called.
type Airline interface {
	// Reserve takes the seats at the inventory's price. Errors: FlightUnavailable of kind Refused;
	// IdempotencyMismatch, StepCancelled of kind Conflict; Unavailable.
	Reserve(ctx context.Context, tripID string, f domain.Flight, currency money.Currency) (domain.FlightReservation, error)
	// Cancel gives the seats back, or sees to it that they are never taken; taken tells whether this call gave seats
	// back. Errors: Unavailable.
	Cancel(ctx context.Context, tripID string) (taken bool, err error)
}

// Hotels holds rooms: every night of a stay or none. As [Airline].
type Hotels interface {
	// Reserve takes the rooms at the inventory's prices. Errors: HotelUnavailable of kind Refused;
	// IdempotencyMismatch, StepCancelled of kind Conflict; Unavailable.
	Reserve(ctx context.Context, tripID string, s domain.Stay, currency money.Currency) (domain.HotelReservation, error)
	// Cancel is as the airline's.
	Cancel(ctx context.Context, tripID string) (taken bool, err error)
}

// Payments takes the traveler's money. As [Airline].
type Payments interface {
	// Charge takes what the trip's reservations cost. Errors: PaymentDeclined of kind Refused; StepCancelled of kind
	// Conflict; Unavailable, after which the money may have moved.
	Charge(ctx context.Context, tripID string) (domain.Payment, error)
	// Refund gives the money back, or sees to it that it is never taken. Errors: Unavailable.
	Refund(ctx context.Context, tripID string) (taken bool, err error)
	// Get reads the payment. Errors: NotFound when nothing has been charged; Unavailable.
	Get(ctx context.Context, tripID string) (domain.Payment, error)
	// Entries reads the bank's ledger of one payment key. Errors: Unavailable.
	Entries(ctx context.Context, key string) ([]domain.Entry, error)
	// EachEntry calls visit for every entry of the bank's ledger; ok is false, and nothing is called, when the bank gives
	// them by key only. Errors: Unavailable.
	EachEntry(ctx context.Context, visit func(domain.Entry)) (ok bool, err error)
}

// Observer is told what happened to trips, for metrics and logs.
type Observer interface {
	// Happened is called after the commit that made an event true, at most once an event: never when the process ends
	// between the two, or when the outcome of the commit was unknown. reason is the name of a failure's reason, of
	// TripFailed and TripNeedsAttention.
	Happened(ctx context.Context, tripID string, what domain.EventType, reason string)
}

// happened tells the observer, if there is one.
func (s *Service) happened(ctx context.Context, tripID string, what domain.EventType, reason string) {
	if s.Observer != nil {
		s.Observer.Happened(ctx, tripID, what, reason)
	}
}

// happenedAll tells of what one write announced.
func (s *Service) happenedAll(ctx context.Context, events []domain.Event) {
	for i := range events {
		s.happened(ctx, events[i].TripID, events[i].Type, events[i].Reason.Name)
	}
}

// cancelled is the output of a compensation, of which the observer hears when it took something back.
func (s *Service) cancelled(ctx context.Context, tripID string, what domain.EventType, taken bool, err error) (Cancelled, error) {
	if taken && err == nil {
		s.happened(ctx, tripID, what, "")
	}
	return Cancelled{TakenBack: taken}, err
}

// changeTrip reads the trip, lets a verb change it and saves it. It begins anew when another writer was faster, which
// cannot happen more often than a trip changes its status.
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
