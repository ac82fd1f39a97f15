package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/trip/saga"
	"tripsaga/verify/trip"
)

// tables are the mutants of how steps and records use the table.
var tables = []Mutant{
	{Name: "no-tombstones", Means: "an undo that finds nothing leaves no record", Scenario: "booked", variant: onTransact(
		func(ctx context.Context, t table.Table, ops []table.Op) error {
			if stepState(ops[0]) == "UNDONE" && ops[0].Cond == table.Absent {
				return nil
			}
			return t.Transact(ctx, ops...)
		})},
	{Name: "no-refusals", Means: "a step that was refused leaves no record", variant: onTransact(
		func(ctx context.Context, t table.Table, ops []table.Op) error {
			if stepState(ops[0]) == "REFUSED" {
				return nil
			}
			return t.Transact(ctx, ops...)
		})},
	{Name: "no-fingerprint", Means: "a step that was done answers whatever input it is given", variant: func() trip.Variant {
		asked := map[table.Key]string{}
		return trip.Variant{Table: func(t table.Table) table.Table { return &credulous{t, asked} }}
	}},
	{Name: "undo-twice", Means: "a repeated undo compensates again", variant: func() trip.Variant {
		return trip.Variant{Table: func(t table.Table) table.Table { return forgetful{t, nil} }}
	}},
	{Name: "throttle-swallowed", Means: "a write that the table was too busy for counts as written", variant: onTransact(
		func(ctx context.Context, t table.Table, ops []table.Op) error {
			err := t.Transact(ctx, ops...)
			if errors.Is(err, table.ErrTryAgain) {
				return nil
			}
			return err
		})},
	{Name: "counter-apart", Means: "seats and rooms are counted in a write after the reservation's", variant: apart(
		func(op table.Op) bool { return op.Key.SK == "AVAILABLE" })},
	{Name: "outbox-apart", Means: "an event is written after the change that it announces", variant: apart(
		func(op table.Op) bool { return strings.HasPrefix(op.Key.SK, "OUTBOX#") })},
	{Name: "one-night-only", Means: "of a stay only the first night is counted", variant: onTransact(
		func(ctx context.Context, t table.Table, ops []table.Op) error {
			first := slices.IndexFunc(ops, func(op table.Op) bool { return strings.HasPrefix(op.Key.PK, "HOTEL#") })
			kept := slices.Clone(ops)[:0]
			for i, op := range ops {
				if i <= first || !strings.HasPrefix(op.Key.PK, "HOTEL#") {
					kept = append(kept, op)
				}
			}
			return t.Transact(ctx, kept...)
		})},
}

// onTransact replaces every write of the program by a function.
func onTransact(f func(ctx context.Context, t table.Table, ops []table.Op) error) func() trip.Variant {
	return func() trip.Variant {
		return trip.Variant{Table: func(t table.Table) table.Table { return writer{t, f} }}
	}
}

type writer struct {
	table.Table
	write func(context.Context, table.Table, []table.Op) error
}

func (w writer) Transact(ctx context.Context, ops ...table.Op) error {
	return w.write(ctx, w.Table, ops)
}

// Sync passes the call on: embedding the interface hides the method.
func (w writer) Sync(ctx context.Context) error { return table.Sync(ctx, w.Table) }

// apart moves some of a transaction's operations to a second transaction.
func apart(which func(table.Op) bool) func() trip.Variant {
	return onTransact(func(ctx context.Context, t table.Table, ops []table.Op) error {
		var first, later []table.Op
		for _, op := range ops {
			if which(op) {
				later = append(later, op)
			} else {
				first = append(first, op)
			}
		}
		for _, part := range [][]table.Op{first, later} {
			if len(part) == 0 {
				continue
			}
			if err := t.Transact(ctx, part...); err != nil {
				return err
			}
		}
		return nil
	})
}

// stepState returns the state of the step record that an operation writes; "" if it writes something else.
func stepState(op table.Op) string {
	if op.Kind != table.OpPut || !isStep(op.Key) {
		return ""
	}
	var rec struct {
		State string `json:"state"`
	}
	_ = json.Unmarshal(op.Item.Data, &rec)
	return rec.State
}

func isStep(key table.Key) bool {
	return strings.HasPrefix(key.PK, "TRIP#") && slices.ContainsFunc(saga.Booking().Steps(), func(t saga.Task) bool {
		return t.Record != "" && t.Record == key.SK
	})
}

// credulous returns every record with the fingerprint of the last write to it, so that the barrier sees no difference.
type credulous struct {
	table.Table
	asked map[table.Key]string
}

func (c *credulous) Transact(ctx context.Context, ops ...table.Op) error {
	if isStep(ops[0].Key) {
		c.asked[ops[0].Key] = fingerprint(ops[0].Item.Data)
	}
	return c.Table.Transact(ctx, ops...)
}

func (c *credulous) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	item, ok, err := c.Table.Get(ctx, key)
	if was := fingerprint(item.Data); ok && was != "" && c.asked[key] != "" {
		item.Data = bytes.ReplaceAll(item.Data, []byte(was), []byte(c.asked[key]))
	}
	return item, ok, err
}

func (c *credulous) Sync(ctx context.Context) error { return table.Sync(ctx, c.Table) }

func fingerprint(data []byte) string {
	var rec struct {
		Fingerprint string `json:"fingerprint"`
	}
	_ = json.Unmarshal(data, &rec)
	return rec.Fingerprint
}

// forgetful returns to a compensation the step's record as it was before the compensation.
type forgetful struct {
	table.Table
	of map[string]bool // by the trip's partition; nil: of every trip
}

func (f forgetful) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	item, ok, err := f.Table.Get(ctx, key)
	info, _ := engine.InfoOf(ctx)
	if ok && isStep(key) && (f.of == nil || f.of[key.PK]) && fingerprint(item.Data) != "" && strings.HasPrefix(info.Function, "Cancel") {
		item.Data = bytes.Replace(item.Data, []byte(`"UNDONE"`), []byte(`"DONE"`), 1)
	}
	return item, ok, err
}

func (f forgetful) Sync(ctx context.Context) error { return table.Sync(ctx, f.Table) }
