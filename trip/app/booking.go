package app

import (
	"context"
	"encoding/json"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/trip/domain"
)

// MaxIdempotencyKey is the length in characters of the longest Idempotency-Key.
const MaxIdempotencyKey = 255

// BookTrip is [Service.BookOnce] for callers that treat a replay like a first request.
func (s *Service) BookTrip(ctx context.Context, idempotencyKey string, r domain.Request) (*domain.Trip, error) {
	trip, _, err := s.BookOnce(ctx, idempotencyKey, r)
	return trip, err
}

// BookOnce stores the trip and starts its saga. On return both are durable. With an idempotency key, a repeated request
// returns the trip of the first one in its current state, and replayed is true. Errors: Invalid (all problems of the
// fields, see fault.All); IdempotencyMismatch of kind Conflict if the key was used with another request; Unavailable,
// after which the request may be retried with its key.
//
// Storing the trip and starting its saga are two writes. The execution is named by the trip's id, so a second start
// changes nothing. If the process ends between the two, a retry of the request starts the saga, or else Reconcile does.
func (s *Service) BookOnce(ctx context.Context, idempotencyKey string, r domain.Request) (trip *domain.Trip, replayed bool, err error) {
	id, err := s.tripID(idempotencyKey)
	if err != nil {
		return nil, false, err
	}
	trip, events, err := domain.RequestTrip(id, r, s.Now())
	if err != nil {
		return nil, false, err
	}
	stored, created, err := s.create(ctx, trip, events)
	if err != nil {
		return nil, false, err
	}
	if created {
		s.happenedAll(ctx, events)
	}
	if !created && stored.Fingerprint() != trip.Fingerprint() {
		return nil, false, fault.New(fault.Conflict, fault.NameIdempotencyMismatch,
			"the Idempotency-Key was used with another request, which made trip %s", id)
	}
	return stored, !created, s.start(ctx, stored)
}

// create stores the trip, or returns the one that the key created before. A trip that can no longer be sold is only looked
// up: a replay gets its answer even after the departure.
func (s *Service) create(ctx context.Context, t *domain.Trip, events []domain.Event) (stored *domain.Trip, created bool, err error) {
	refused := s.passed(ctx, t)
	if refused == nil {
		return s.Trips.Create(ctx, t, events...)
	}
	stored, err = s.Trips.Get(ctx, t.ID())
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = refused
	}
	return stored, false, err
}

// passed refuses a flight that has departed and a night that has passed. It reads the inventory only if the flight may
// have departed. Errors: Invalid, on flight.date and hotel.check_in; Unavailable.
func (s *Service) passed(ctx context.Context, t *domain.Trip) error {
	var p fault.Problems
	invalid := func(field string, err error) {
		if err != nil {
			p.Add("", fault.Invalidf(field, "%v", err))
		}
	}
	now, f := s.Now(), t.Flight()
	if f.Date.MayHaveDeparted(now) {
		flight, err := s.Inventory.Departure(ctx, f.Number, f.Date)
		if err != nil {
			return err
		}
		invalid("flight.date", flight.CheckDeparture(now))
	}
	invalid("hotel.check_in", t.Stay().CheckNights(now))
	return p.Err()
}

func (s *Service) tripID(key string) (string, error) {
	if key == "" {
		return ident.New(s.Now(), s.Random)
	}
	return ident.Derive("trip", key), checkKey(key)
}

func checkKey(key string) error {
	if len(key) > MaxIdempotencyKey {
		return fault.Invalidf("Idempotency-Key", "%d characters, allowed are 1 to %d", len(key), MaxIdempotencyKey)
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return fault.Invalidf("Idempotency-Key", "%.60q has characters other than printable ASCII", key)
		}
	}
	return nil
}

// start starts the saga of a PENDING or CANCELLING trip, even if the trip was stored before: the first request may have ended
// between the two writes.
func (s *Service) start(ctx context.Context, t *domain.Trip) error {
	if t.Status() != domain.Pending && t.Status() != domain.Cancelling {
		return nil
	}
	return s.StartPresent(ctx, t)
}

// StartPresent starts the current saga of a trip that has not ended, from its first state. Apart from Reconcile, it is for a
// trip that needs attention and whose execution no longer exists, for example with new state machines on a restored table.
// Steps that are done repeat their answers and not their effects. Errors: those of [Starter].
func (s *Service) StartPresent(ctx context.Context, t *domain.Trip) error {
	input := executionInput
	if t.Saga() == domain.CancellationSaga {
		input = cancellationInput
	}
	data, err := input(t)
	if err != nil {
		return err
	}
	return s.Starter.Start(ctx, t.Saga(), t.ID(), data)
}

// executionInput is derived from the trip alone, so that a second start has the same input. It has no personal data and no
// card token.
func executionInput(t *domain.Trip) (json.RawMessage, error) {
	return json.Marshal(struct {
		TripID   string        `json:"trip_id"`
		Flight   domain.Flight `json:"flight"`
		Hotel    domain.Stay   `json:"hotel"`
		Currency string        `json:"currency"`
	}{t.ID(), t.Flight(), t.Stay(), string(t.Currency())})
}

// GetTrip reads a trip and the steps of its saga. Errors: Invalid, NotFound, Unavailable.
func (s *Service) GetTrip(ctx context.Context, id string) (domain.Details, error) {
	if err := (TripRef{id}).check(); err != nil {
		return domain.Details{}, err
	}
	return s.Trips.Details(ctx, id)
}

// ListTrips reads a page of trips, newest first. Errors: Invalid (status, limit, cursor), Unavailable.
func (s *Service) ListTrips(ctx context.Context, q domain.TripQuery) (domain.Page[*domain.Trip], error) {
	return s.Trips.List(ctx, q)
}
