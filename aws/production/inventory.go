package production

import (
	"context"
	"time"

	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
)

// KeepDemoInventory loads the demo inventory into a table that never had an inventory, and keeps one that has it up to
// date, see inventory.KeepDemo.
func (s *System) KeepDemoInventory(ctx context.Context) (added bool, err error) {
	return inventory.KeepDemo(ctx, store.NewInventory(s.Table), domain.DateOf(time.Now()))
}
