package app_test

import (
	"context"
	"testing"

	"tripsaga/table"
)

// meter counts what the writes would cost on DynamoDB, in write units, as long as no item is larger than 1 KB: a write
// within a transaction of several costs 2 an item, a single one 1; an entry of the index costs 1 when it is put and 2
// when its key changes.
type meter struct {
	table.Table
	on    bool
	units int
	large []string // items of more than 1 KB
}

func (m *meter) Transact(ctx context.Context, ops ...table.Op) error {
	if !m.on {
		return m.Table.Transact(ctx, ops...)
	}
	for _, op := range ops {
		m.units += m.cost(ctx, op, len(ops) > 1)
	}
	return m.Table.Transact(ctx, ops...)
}

func (m *meter) cost(ctx context.Context, op table.Op, together bool) int {
	units := 1
	if together {
		units = 2
	}
	if op.Kind != table.OpPut {
		return units
	}
	if len(op.Item.Data)+len(op.Key.PK)+len(op.Key.SK) > 900 {
		m.large = append(m.large, op.Key.String())
	}
	old, _, err := m.Table.Get(ctx, op.Key)
	if err != nil {
		panic(err)
	}
	switch {
	case op.Item.Index == old.Index:
		return units
	case old.Index == (table.Key{}):
		return units + 1
	}
	return units + 2
}

func TestABookingCostsAtMost24WriteUnits(t *testing.T) {
	var m *meter
	w := newWorld(t, func(inner table.Table) table.Table {
		m = &meter{Table: inner}
		return m
	})
	w.booked(t, nil) // the day of the trips is written once a process
	m.on = true
	id := w.book(t, nil)
	for i, s := range []step{w.reserveFlight, w.reserveHotel, w.pay, w.confirm} {
		if err := s(t.Context(), id); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	if m.units > 24 || len(m.large) > 0 {
		t.Errorf("%d write units, large items %q; want at most 24 and none", m.units, m.large)
	}
	t.Logf("%d write units", m.units)
}
