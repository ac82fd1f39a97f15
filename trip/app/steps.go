package app

import (
	"context"
	"encoding/json"
	"strings"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// TripRef is the input of the tasks that need only the trip's id.
type TripRef struct {
	TripID string `json:"trip_id"`
}

func (r TripRef) check() error {
	_, err := ident.Parse(r.TripID)
	return fault.In("trip_id", err)
}

// Cancelled is the output of a compensation: whether this call compensated something.
type Cancelled struct {
	TakenBack bool `json:"taken_back"`
}

// Reserved is the output of a step that holds or charges something.
type Reserved struct {
	ReservationID string `json:"reservation_id"`
	AmountMinor   int64  `json:"amount_minor"`
	Currency      string `json:"currency"`
}

func reserved(id string, a money.Amount) Reserved {
	return Reserved{ReservationID: id, AmountMinor: a.Minor, Currency: string(a.Currency)}
}

// ReserveFlightInput is the input of the task.
type ReserveFlightInput struct {
	TripID   string               `json:"trip_id"`
	Flight   domain.FlightRequest `json:"flight"`
	Currency string               `json:"currency"`
}

// ReserveFlight reserves the seats. Errors: Invalid, and those of [Airline].
func (s *Service) ReserveFlight(ctx context.Context, in ReserveFlightInput) (Reserved, error) {
	var p fault.Problems
	p.Add("", TripRef{in.TripID}.check())
	flight, err := domain.NewFlight(in.Flight)
	p.Add("flight", err)
	currency, err := money.ParseCurrency(in.Currency)
	p.Add("currency", err)
	if err := p.Err(); err != nil {
		return Reserved{}, err
	}
	r, err := s.Airline.Reserve(ctx, in.TripID, flight, currency)
	return reserved(r.ID, r.Amount), err
}

// ReserveHotelInput is the input of the task.
type ReserveHotelInput struct {
	TripID   string             `json:"trip_id"`
	Hotel    domain.StayRequest `json:"hotel"`
	Currency string             `json:"currency"`
}

// ReserveHotel reserves the rooms for every night of the stay, or none. Errors: Invalid, and those of [Hotels].
func (s *Service) ReserveHotel(ctx context.Context, in ReserveHotelInput) (Reserved, error) {
	var p fault.Problems
	p.Add("", TripRef{in.TripID}.check())
	stay, err := domain.NewStay(in.Hotel)
	p.Add("hotel", err)
	currency, err := money.ParseCurrency(in.Currency)
	p.Add("currency", err)
	if err := p.Err(); err != nil {
		return Reserved{}, err
	}
	r, err := s.Hotels.Reserve(ctx, in.TripID, stay, currency)
	return reserved(r.ID, r.Amount), err
}

// ProcessPayment charges the price of the trip's reservations, as recorded. It is the saga's pivot: the steps before it
// are compensated on failure, the step after it is only retried. Errors: Invalid, and those of [Payments].
func (s *Service) ProcessPayment(ctx context.Context, in TripRef) (Reserved, error) {
	if err := in.check(); err != nil {
		return Reserved{}, err
	}
	p, err := s.Payments.Charge(ctx, in.TripID)
	return reserved(p.Key, p.Amount), err
}

// Ended is the output of the task that confirms a trip.
type Ended struct {
	Status string `json:"status"`
}

// ConfirmTrip records that the trip is booked, and what was paid. A second call changes nothing and succeeds, even after
// the payment was given back because the trip was cancelled meanwhile. Errors: Invalid; NotFound if the trip does not exist
// or nothing was paid; Conflict if the trip has failed; Unavailable.
func (s *Service) ConfirmTrip(ctx context.Context, in TripRef) (Ended, error) {
	if err := in.check(); err != nil {
		return Ended{}, err
	}
	paid, unpaid := s.Payments.Paid(ctx, in.TripID)
	t, err := s.changeTrip(ctx, in.TripID, func(t *domain.Trip) ([]domain.Event, error) {
		if unpaid != nil && !t.Confirmed() {
			return nil, unpaid
		}
		return t.Confirm(paid, s.Now())
	})
	if err != nil {
		return Ended{}, err
	}
	return Ended{Status: string(t.Status())}, nil
}

// RefundPayment compensates ProcessPayment: it refunds the money, or ensures that it is never charged. Errors: Invalid,
// Unavailable.
func (s *Service) RefundPayment(ctx context.Context, in TripRef) (Cancelled, error) {
	if err := in.check(); err != nil {
		return Cancelled{}, err
	}
	taken, err := s.Payments.Refund(ctx, in.TripID)
	return s.cancelled(ctx, in.TripID, domain.PaymentRefunded, taken, err)
}

// CancelHotel compensates ReserveHotel: it releases the rooms, or ensures that they are never reserved. Errors: Invalid,
// Unavailable.
func (s *Service) CancelHotel(ctx context.Context, in TripRef) (Cancelled, error) {
	if err := in.check(); err != nil {
		return Cancelled{}, err
	}
	taken, err := s.Hotels.Cancel(ctx, in.TripID)
	return s.cancelled(ctx, in.TripID, domain.HotelCancelled, taken, err)
}

// CancelFlight compensates ReserveFlight: it releases the seats, or ensures that they are never reserved. Errors: Invalid,
// Unavailable.
func (s *Service) CancelFlight(ctx context.Context, in TripRef) (Cancelled, error) {
	if err := in.check(); err != nil {
		return Cancelled{}, err
	}
	taken, err := s.Airline.Cancel(ctx, in.TripID)
	return s.cancelled(ctx, in.TripID, domain.FlightCancelled, taken, err)
}

// FailInput is the input of the two tasks that record a failure.
type FailInput struct {
	TripID  string  `json:"trip_id"`
	Failure Failure `json:"failure"`
}

// Failure is an error as a state machine catches it. The cause of a failed function is JSON text with the fields errorType
// and errorMessage. A timeout has no cause.
type Failure struct {
	Error string `json:"Error"`
	Cause string `json:"Cause"`
}

// FailTrip records that the booking failed, after the compensations. It always returns an error. BookingFailed means that
// the failure is recorded; the saga ends with it. Other errors: Invalid; NotFound; Conflict if the trip is confirmed;
// Unavailable.
func (s *Service) FailTrip(ctx context.Context, in FailInput) (struct{}, error) {
	return struct{}{}, s.fail(ctx, in, fault.NameBookingFailed)
}

// FailFlightBooking is [Service.FailTrip] for a trip whose first step failed, so that nothing had to be compensated. Its
// error is FlightBookingFailed.
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

// reason makes the failure readable. It keeps a cause that it cannot parse.
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
	switch name {
	case "":
		name = fault.NameInternal
	case fault.NameConflict, fault.NameInternal: // about us, not the client: the text may speak of our accounts and keys
		message = "the booking could not be made, for a reason that its operator has to look into"
	case fault.NameUnavailable: // the text may have addresses of our network
		message = "a service that the booking needs did not answer"
	}
	return domain.Reason{Name: name, Message: strings.ToValidUTF8(message, "")}
}
