package app

import (
	"context"

	"tripsaga/trip/domain"
)

// Ended is the output of the task that confirms a trip.
type Ended struct {
	Status string `json:"status"`
}

// ConfirmTrip records that the trip is booked, with what was paid. Confirming again changes nothing. Errors: Invalid;
// NotFound when there is no such trip or nothing was paid; Conflict when the trip has failed; Unavailable.
func (s *Service) ConfirmTrip(ctx context.Context, in TripRef) (Ended, error) {
	if err := in.check(); err != nil {
		return Ended{}, err
	}
	paid, err := s.Payments.Get(ctx, in.TripID)
	if err != nil {
		return Ended{}, err
	}
	t, err := s.changeTrip(ctx, in.TripID, func(t *domain.Trip) ([]domain.Event, error) {
		return t.Confirm(paid.Amount, s.Now())
	})
	if err != nil {
		return Ended{}, err
	}
	return Ended{Status: string(t.Status())}, nil
}
