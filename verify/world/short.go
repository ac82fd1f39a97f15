package world

import (
	"context"

	"tripsaga/trip/domain"
)

// shortTrips gives lists in pages of one: whoever takes the first page for all misses a trip.
type shortTrips struct{ domain.Trips }

// List implements domain.Trips.
func (t shortTrips) List(ctx context.Context, q domain.TripQuery) (domain.Page[*domain.Trip], error) {
	q.Limit = 1
	return t.Trips.List(ctx, q)
}

// shortInventory does so with what is offered.
type shortInventory struct{ domain.Inventory }

// Flights implements domain.Inventory.
func (v shortInventory) Flights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.FlightDay], error) {
	q.Limit = 1
	return v.Inventory.Flights(ctx, q)
}

// Nights implements domain.Inventory.
func (v shortInventory) Nights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.HotelNight], error) {
	q.Limit = 1
	return v.Inventory.Nights(ctx, q)
}
