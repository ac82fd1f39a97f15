package barrier

import (
	"context"
	"fmt"

	"tripsaga/table"
)

// Reverse takes back what a step did or, for a provider's step, may have done. It may be called again for the same
// step, so that what it does outside the table is idempotent. It returns the result to keep and the writes that go
// with the record UNDONE; taken tells whether there was something to take back.
type Reverse[R any] func(ctx context.Context, done R) (kept R, ops []table.Op, taken bool, err error)

// Undo undoes a step, or sees to it that it never happens. taken tells whether this call took something back.
// Errors: those of reverse; Unavailable when the outcome is unknown or the table was busy; Internal when a condition of
// reverse's writes does not hold.
func Undo[R any](ctx context.Context, t table.Table, key table.Key, reverse Reverse[R]) (taken bool, err error) {
	for range rereads {
		rec, ok, err := Load[R](ctx, t, key)
		if err != nil {
			return false, err
		}
		if ok && rec.State != Done && rec.State != Started {
			return false, nil
		}
		taken, err := undo(ctx, t, key, rec, ok, reverse)
		op, conflict := conflictOn(err)
		switch {
		case err == nil:
			return taken, nil
		case !conflict:
			return false, Fault(err)
		case op != 0:
			return false, fmt.Errorf("barrier: undoing the step at %s: %w", key, err)
		}
	}
	return false, lostTooOften(key)
}

func undo[R any](ctx context.Context, t table.Table, key table.Key, rec Record[R], exists bool,
	reverse Reverse[R]) (taken bool, err error) {
	var ops []table.Op
	if exists {
		rec.Result, ops, taken, err = reverse(ctx, rec.Result)
		if err != nil {
			return false, err
		}
	}
	rec.State = Undone
	return taken, write(ctx, t, key, rec, ops)
}
