package app

import (
	"context"

	"tripsaga/trip/domain"
)

// GetTrip reads a trip and what its saga has done. Errors: Invalid, NotFound, Unavailable.
func (s *Service) GetTrip(ctx context.Context, id string) (domain.Details, error) {
	if err := (TripRef{id}).check(); err != nil {
		return domain.Details{}, err
	}
	return s.Trips.Details(ctx, id)
}
