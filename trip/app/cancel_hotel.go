package app

import (
	"context"

	"tripsaga/trip/domain"
)

// CancelHotel gives the rooms back, or sees to it that they are never taken. Errors: Invalid, Unavailable.
func (s *Service) CancelHotel(ctx context.Context, in TripRef) (Cancelled, error) {
	if err := in.check(); err != nil {
		return Cancelled{}, err
	}
	taken, err := s.Hotels.Cancel(ctx, in.TripID)
	return s.cancelled(ctx, in.TripID, domain.HotelCancelled, taken, err)
}
