package app

import (
	"context"

	"tripsaga/trip/domain"
)

// ListTrips reads a page of trips, newest first. Errors: Invalid (status, limit, cursor), Unavailable.
func (s *Service) ListTrips(ctx context.Context, q domain.TripQuery) (domain.Page[*domain.Trip], error) {
	return s.Trips.List(ctx, q)
}
