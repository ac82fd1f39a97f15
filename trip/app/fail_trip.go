package app

import (
	"context"
	"encoding/json"
	"strings"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// FailInput is the input of the two tasks that record a failure.
type FailInput struct {
	TripID  string  `json:"trip_id"`
	Failure Failure `json:"failure"`
}

// Failure is an error as a state machine catches it. The cause of a failed function is a JSON text with the fields
// errorType and errorMessage; a time-out has none.
type Failure struct {
	Error string `json:"Error"`
	Cause string `json:"Cause"`
}

// FailTrip records that the booking failed, after what was done has been taken back. It never returns nil: when the
// failure is recorded, the error is BookingFailed, with which the saga ends. Other errors: Invalid; NotFound; Conflict
// when the trip is confirmed; Unavailable.
func (s *Service) FailTrip(ctx context.Context, in FailInput) (struct{}, error) {
	return struct{}{}, s.fail(ctx, in, fault.NameBookingFailed)
}

// FailFlightBooking is [FailTrip] for a trip whose first step failed, so that nothing had to be taken back; its error
// is FlightBookingFailed.
func (s *Service) FailFlightBooking(ctx context.Context, in FailInput) (struct{}, error) {
	return struct{}{}, s.fail(ctx, in, fault.NameFlightBookingFailed)
}

func (s *Service) fail(ctx context.Context, in FailInput, name string) error {
	if err := (TripRef{in.TripID}).check(); err != nil {
		return err
	}
	t, err := s.changeTrip(ctx, in.TripID, func(t *domain.Trip) ([]domain.Event, error) {
		return t.Fail(in.Failure.reason(), s.Now())
	})
	if err != nil {
		return err
	}
	return fault.New(fault.Refused, name, "%s: %s", t.Reason().Name, t.Reason().Message)
}

// reason makes the failure readable. What it cannot parse it keeps as it stands.
func (f Failure) reason() domain.Reason {
	const longest = 500 // bytes
	var payload struct {
		Message string `json:"errorMessage"`
	}
	message := f.Cause
	if json.Unmarshal([]byte(f.Cause), &payload) == nil && payload.Message != "" {
		message = payload.Message
	}
	if message == "" {
		message = "the step did not end in time or gave no reason"
	}
	if len(message) > longest {
		message = message[:longest] + "..."
	}
	name := f.Error
	if name == "" {
		name = fault.NameInternal
	}
	return domain.Reason{Name: name, Message: strings.ToValidUTF8(message, "")}
}
