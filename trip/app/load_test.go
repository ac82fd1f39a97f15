package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/domain"
)

// overtaken lets somebody in just before the next chunk of a load is written; an error of theirs is the chunk's.
type overtaken struct {
	table.Table
	by func() error
}

func (o *overtaken) Transact(ctx context.Context, ops ...table.Op) error {
	if by := o.by; by != nil && ops[0].Item.SK == "INVENTORY" {
		o.by = nil
		if err := by(); err != nil {
			return err
		}
	}
	return o.Table.Transact(ctx, ops...)
}

func overtakenWorld(t *testing.T) (w *world, o *overtaken) {
	o = &overtaken{}
	w = newWorld(t, func(under table.Table) table.Table {
		o.Table = faulty.Pages(under)
		return o
	})
	return w, o
}

func (w *world) tryLoad(t *testing.T, csv string) (domain.LoadReport, error) {
	t.Helper()
	offers, err := inventory.Parse("stock.csv", strings.NewReader(csv))
	if err != nil {
		t.Fatal(err)
	}
	return w.LoadInventory(t.Context(), offers)
}

func (w *world) lastLoad(t *testing.T) domain.LoadState {
	t.Helper()
	last, err := w.Inventory.LastLoad(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// TestALoadIsOvertakenByBookings after which one of its days no longer fits: that one is refused, the others are in place.
func TestALoadIsOvertakenByBookings(t *testing.T) {
	w, o := overtakenWorld(t)
	o.by = func() error {
		w.booked(t, nil)
		w.booked(t, nil) // four seats and two rooms are held
		return nil
	}
	_, err := w.tryLoad(t, strings.ReplaceAll(strings.ReplaceAll(stock, "1000, JPY, 5", "1000, JPY, 2"), "300, JPY, 4", "350, JPY, 4"))
	if all := fault.All(err); fault.KindOf(err) != fault.Conflict || len(all) != 2 ||
		all[0].Message != "stock.csv:1: capacity: 2 is below the 4 held of flight JL5 on 2027-03-10" ||
		!strings.HasPrefix(all[1].Message, "3 of 4 days that differed were written") {
		t.Errorf("%v", err)
	}
	if last := w.lastLoad(t); last.Complete || last.Days != 12 {
		t.Errorf("the last load is %+v, want one of 12 days that is incomplete", last)
	}
	report, err := w.tryLoad(t, strings.ReplaceAll(strings.ReplaceAll(stock, "1000, JPY, 5", "1000, JPY, 4"), "300, JPY, 4", "350, JPY, 4"))
	if want := (domain.LoadReport{Rows: 8, Changed: 2, Unchanged: 10}); err != nil || report != want || !w.lastLoad(t).Complete {
		t.Errorf("corrected: %+v, %v; want %+v", report, err, want)
	}
	if l := w.audit(t); !l.Balanced || l.SeatsHeld != 4 {
		t.Errorf("ledger %+v", l)
	}
}

// TestALoadIsOvertakenByAnother which changes what it has planned.
func TestALoadIsOvertakenByAnother(t *testing.T) {
	w, o := overtakenWorld(t)
	w.booked(t, nil)
	o.by = func() error {
		_, err := w.tryLoad(t, strings.ReplaceAll(stock, "1000, JPY, 5", "1200, JPY, 9"))
		return err
	}
	if _, err := w.tryLoad(t, strings.ReplaceAll(stock, "1000, JPY, 5", "1100, JPY, 3")); err != nil {
		t.Fatal(err)
	}
	page, err := w.ShowFlights(t.Context(), domain.InventoryQuery{From: "2027-03-10", To: "2027-03-10"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range page.Items {
		if f.Number == "JL5" && (f.Capacity != 3 || f.Available != 1 || f.Price.Minor != 1100) {
			t.Errorf("JL5 is %+v", f)
		}
	}
	if l := w.audit(t); !l.Balanced {
		t.Errorf("ledger %+v", l)
	}
}

// TestALoadThatStops says how far it came, and is completed by the same file.
func TestALoadThatStops(t *testing.T) {
	w, o := overtakenWorld(t)
	const large = "hotel, BIG-1, Big, Tokyo, 2027-01-01, 2027-12-31, 100, JPY, 9\n"
	o.by = func() error { // the first chunk is written, the second is not
		o.by = func() error { return errors.New("the disk is full") }
		return nil
	}
	_, err := w.tryLoad(t, large)
	const want = "the load stopped after 50 of 365 days that differed; those stay, load the same file again to complete it"
	if all := fault.All(err); fault.KindOf(err) != fault.Unavailable || len(all) != 1 || all[0].Message != want {
		t.Errorf("%v", err)
	}
	if last := w.lastLoad(t); last.Complete || last.Days != 365 {
		t.Errorf("the last load is %+v", last)
	}
	report, err := w.tryLoad(t, large)
	if want := (domain.LoadReport{Rows: 1, Added: 315, Unchanged: 50}); err != nil || report != want || !w.lastLoad(t).Complete {
		t.Errorf("again: %+v, %v; want %+v", report, err, want)
	}
}
