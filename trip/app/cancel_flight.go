package app

import (
	"context"

	"tripsaga/trip/domain"
)

// CancelFlight gives the seats back, or sees to it that they are never taken. Errors: Invalid, Unavailable.
func (s *Service) CancelFlight(ctx context.Context, in TripRef) (Cancelled, error) {
	if err := in.check(); err != nil {
		return Cancelled{}, err
	}
	taken, err := s.Airline.Cancel(ctx, in.TripID)
	return s.cancelled(ctx, in.TripID, domain.FlightCancelled, taken, err)
}
