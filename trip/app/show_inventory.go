package app

import (
	"context"

	"tripsaga/trip/domain"
)

// ShowFlights lists flights by day, then number. Errors: Invalid, Unavailable.
func (s *Service) ShowFlights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.FlightDay], error) {
	return s.Inventory.Flights(ctx, q)
}

// ShowNights lists hotel rooms by night, then hotel. Errors: Invalid, Unavailable.
func (s *Service) ShowNights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.HotelNight], error) {
	return s.Inventory.Nights(ctx, q)
}
