package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// syntheticTrip is the trip of a trial.
type syntheticTrip struct {
	id     string
	input  map[string]any // of its saga, were it started, and of the states that follow a failure
	ofSaga bool           // a saga takes it back
}

// errEarlier tells that the hook came again.
var errEarlier = errors.New("an earlier call of this hook was cut off: nothing more was tried")

func newTrip(id string, ofSaga bool) *syntheticTrip {
	failure := app.Failure{Error: "PreTraffic", Cause: "the trip is synthetic"}
	return &syntheticTrip{id: id, ofSaga: ofSaga, input: map[string]any{"trip_id": id, "failure": failure}}
}

// plan makes sure that the trip is new, and that it is known from here on what to give back.
func (a *attempt) plan(ctx context.Context, ofSaga bool) error {
	a.trip = newTrip(ident.Derive("trip", a.hook), ofSaga)
	_, err := a.app.GetTrip(ctx, a.trip.id)
	switch {
	case err == nil:
		return errEarlier
	case fault.KindOf(err) != fault.NotFound:
		a.trip = nil
		return fmt.Errorf("reading the table: %w", err)
	}
	return nil
}

// book stores the trip. Its saga is not started.
func (a *attempt) book(ctx context.Context, request domain.Request) error {
	if err := a.plan(ctx, false); err != nil {
		return err
	}
	if err := a.offer(ctx); err != nil {
		return err
	}
	a.app.Starter = instead{a.trip}
	_, err := a.app.BookTrip(ctx, a.hook, request)
	if err != nil {
		return fmt.Errorf("booking the synthetic trip: %w", err)
	}
	return nil
}

// instead keeps what a saga would be started with, and starts none.
type instead struct{ trip *syntheticTrip }

// Start implements app.Starter.
func (s instead) Start(_ context.Context, _ string, input json.RawMessage) error {
	return json.Unmarshal(input, &s.trip.input)
}

// request is for the function's own offer.
func (a *attempt) request(flight domain.FlightNumber, card string) domain.Request {
	return domain.Request{
		Traveler: domain.TravelerRequest{Name: "Synthetic Traveler", Email: "synthetic@example.com"},
		Flight:   domain.FlightRequest{Number: string(flight), Date: string(day), Seats: seats},
		Hotel:    domain.StayRequest{ID: string(a.hotel()), CheckIn: string(day), CheckOut: string(nextDay), Rooms: rooms},
		Payment:  domain.PaymentRequest{CardToken: card}, Currency: currency,
	}
}

// standing is the state of a trip and of its steps, by their records. A step without a record has no entry.
type standing struct {
	steps map[string]domain.StepState
	trip  domain.Status
}

func (a *attempt) standing(ctx context.Context) (s standing, d domain.Details, err error) {
	if d, err = a.app.GetTrip(ctx, a.trip.id); err != nil {
		return s, d, fmt.Errorf("reading the trip's records: %w", err)
	}
	s = standing{map[string]domain.StepState{}, d.Trip.Status()}
	for _, step := range saga.Steps() {
		if state := d.State(step.Record); state != "" {
			s.steps[step.Record] = state
		}
	}
	return s, d, nil
}

// with is the standing after the step's record has changed.
func (s standing) with(record string, state domain.StepState) standing {
	s.steps = maps.Clone(s.steps)
	if s.steps == nil {
		s.steps = map[string]domain.StepState{}
	}
	s.steps[record] = state
	return s
}

func (s standing) equal(other standing) bool {
	return s.trip == other.trip && maps.Equal(s.steps, other.steps)
}

// free reports whether nothing is held or charged.
func (s standing) free() bool {
	for _, state := range s.steps {
		if state == domain.StepStarted || state == domain.StepDone {
			return false
		}
	}
	return true
}

// settled wants everything to be as before: what was held is free, what was charged was refunded.
func (a *attempt) settled(ctx context.Context) error {
	got, d, err := a.standing(ctx)
	if err != nil {
		return err
	}
	if !got.free() || got.trip != domain.Failed {
		return fmt.Errorf("in the end the trip's records are %v", got)
	}
	if err := a.refunded(ctx, d.Payment); err != nil {
		return err
	}
	return a.allBack(ctx)
}

// refunded wants as much back as was charged, if anything was.
func (a *attempt) refunded(ctx context.Context, p *domain.Step[domain.Payment]) error {
	if p == nil || p.Result.Key == "" {
		return nil
	}
	entries, err := a.app.Payments.Entries(ctx, p.Result.Key)
	if err != nil {
		return fmt.Errorf("the bank's ledger: %w", err)
	}
	var balance int64
	for _, e := range entries {
		debit, credit := e.Totals()
		if debit != credit {
			return fmt.Errorf("bank entry %s: debits %d, credits %d", e.ID, debit, credit)
		}
		if balance += debit; e.Kind == domain.Refund {
			balance -= 2 * debit
		}
	}
	if balance != 0 {
		return fmt.Errorf("the trip was charged %d %s more than it was refunded", balance, currency)
	}
	return nil
}

// giveBack undoes all that the trip may hold, at the versions in use, and records that it failed. The order is the
// saga's. It ends where a step cannot be undone: a saga that the reconciler starts then goes on from there, as one that
// had come so far; had a later step been undone, it would turn back before it came to this one.
func (a *attempt) giveBack(ctx context.Context) error {
	d, err := a.app.GetTrip(ctx, a.trip.id)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return nil // it was not even stored
	case err == nil && d.Trip.Status() == domain.Confirmed:
		return errors.New("it was confirmed: what it holds stays booked and paid, so that the books balance")
	}
	for _, task := range saga.Rollback() {
		if err := a.again(ctx, always, func() error { return a.undo(ctx, task) }); err != nil {
			return fmt.Errorf("%s: %w", task.Name, err)
		}
	}
	return a.settled(ctx)
}

func (a *attempt) undo(ctx context.Context, task saga.Task) error {
	payload, err := a.payload(task.Name, true)
	if err != nil {
		return err
	}
	_, err = a.call(ctx, task.Name, true, payload)
	var f *Failure
	if task.Ends && errors.As(err, &f) && f.Type == task.Name {
		return nil
	}
	if task.Ends && err == nil {
		return errors.New("it answers, want the error " + task.Name)
	}
	return err
}
