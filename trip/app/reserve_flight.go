package app

import (
	"context"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// ReserveFlightInput is the input of the task.
type ReserveFlightInput struct {
	TripID   string               `json:"trip_id"`
	Flight   domain.FlightRequest `json:"flight"`
	Currency string               `json:"currency"`
}

// ReserveFlight holds the seats. Errors: Invalid, and those of [Airline].
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
