package app_test

import (
	"testing"

	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/trip/domain"
)

// TestWhatIsShownIsDurable asks each question by itself, while a write is pending that a crash could take back: then none may
// be pending any more.
func TestWhatIsShownIsDurable(t *testing.T) {
	ctx := t.Context()
	for name, ask := range map[string]func(w *world, id string) error{
		"a trip": func(w *world, id string) error { _, err := w.GetTrip(ctx, id); return err },
		"trips":  func(w *world, _ string) error { _, err := w.ListTrips(ctx, domain.TripQuery{}); return err },
		"trips of a status": func(w *world, _ string) error {
			_, err := w.ListTrips(ctx, domain.TripQuery{Status: domain.Failed})
			return err
		},
		"flights":       func(w *world, _ string) error { _, err := w.ShowFlights(ctx, domain.InventoryQuery{}); return err },
		"nights":        func(w *world, _ string) error { _, err := w.ShowNights(ctx, domain.InventoryQuery{}); return err },
		"the last load": func(w *world, _ string) error { _, err := w.Inventory.LastLoad(ctx); return err },
		"the ledger":    func(w *world, _ string) error { _, err := w.Audit(ctx); return err },
	} {
		var records *faulty.Volatile
		w := newWorld(t, func(inner table.Table) table.Table {
			records = faulty.NewVolatile(inner)
			return faulty.Pages(records)
		})
		id := w.booked(t, nil)
		event := table.Item{Key: table.Key{PK: "TRIP#" + id, SK: "OUTBOX#Later"}, Data: []byte(`{}`)}
		if err := records.Transact(table.Deferred(ctx), table.Put(event, table.Absent)); err != nil || records.Pending() != 1 {
			t.Fatalf("%d pending, %v", records.Pending(), err)
		}
		if err := ask(w, id); err != nil || records.Pending() != 0 {
			t.Errorf("%s: shown, %v, with %d writes before it that a crash takes back", name, err, records.Pending())
		}
	}
}
