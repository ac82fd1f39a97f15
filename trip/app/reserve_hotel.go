package app

import (
	"context"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// ReserveHotelInput is the input of the task.
type ReserveHotelInput struct {
	TripID   string             `json:"trip_id"`
	Hotel    domain.StayRequest `json:"hotel"`
	Currency string             `json:"currency"`
}

// ReserveHotel holds the rooms for every night of the stay, or none. Errors: Invalid, and those of [Hotels].
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
