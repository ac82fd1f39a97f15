package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
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

// standing is how a trip's records stand; a step without a record is "".
type standing struct {
	flight, hotel, payment domain.StepState
	trip                   domain.Status
}

func (a *attempt) standing(ctx context.Context) (s standing, d domain.Details, err error) {
	if d, err = a.app.GetTrip(ctx, a.trip.id); err != nil {
		return s, d, fmt.Errorf("reading the trip's records: %w", err)
	}
	s.trip = d.Trip.Status()
	if d.Flight != nil {
		s.flight = d.Flight.State
	}
	if d.Hotel != nil {
		s.hotel = d.Hotel.State
	}
	if d.Payment != nil {
		s.payment = d.Payment.State
	}
	return s, d, nil
}

// free tells that nothing is held or charged.
func (s standing) free() bool {
	over := func(step domain.StepState) bool { return step != domain.StepStarted && step != domain.StepDone }
	return over(s.flight) && over(s.hotel) && over(s.payment)
}
