package app

import (
	"context"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// LoadInventory adds and changes flights and hotel nights. Seats and rooms that are held stay held: what is available moves by
// as much as the capacity does. Rows that are not given do not change. If any row cannot be applied at the beginning, nothing
// is written; repeating an interrupted load completes it. Errors: Invalid; Conflict (every refused row, see fault.All);
// Unavailable.
func (s *Service) LoadInventory(ctx context.Context, offers domain.Offers) (domain.LoadReport, error) {
	if len(offers.Flights)+len(offers.Nights) == 0 {
		return domain.LoadReport{}, fault.Invalidf("inventory", "it has no rows")
	}
	return s.Inventory.Load(ctx, offers)
}

// ShowFlights lists flights by day, then number. Errors: Invalid, Unavailable.
func (s *Service) ShowFlights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.FlightDay], error) {
	return s.Inventory.Flights(ctx, q)
}

// ShowNights lists hotel rooms by night, then hotel. Errors: Invalid, Unavailable.
func (s *Service) ShowNights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.HotelNight], error) {
	return s.Inventory.Nights(ctx, q)
}
