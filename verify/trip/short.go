package trip

import (
	"context"
	"errors"

	"tripsaga/trip/domain"
)

// shortTrips returns lists in pages of one item, so that code which reads one page only misses a trip.
type shortTrips struct{ domain.Trips }

// List implements domain.Trips.
func (t shortTrips) List(ctx context.Context, q domain.TripQuery) (domain.Page[*domain.Trip], error) {
	q.Limit = 1
	return t.Trips.List(ctx, q)
}

// Each implements domain.Trips one trip after another: reads from several goroutines come in any order, and a run must be
// deterministic.
func (t shortTrips) Each(ctx context.Context, visit func(domain.Details) error) error {
	return eachPage(func(cursor string) (string, error) {
		page, err := t.List(ctx, domain.TripQuery{Cursor: cursor})
		for _, trip := range page.Items {
			d, detailErr := t.Details(ctx, trip.ID())
			if err = errors.Join(err, detailErr); err == nil {
				err = visit(d)
			}
		}
		return page.Cursor, err
	})
}

// shortInventory does the same for offers.
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
