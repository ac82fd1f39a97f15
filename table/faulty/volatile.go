package faulty

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"tripsaga/table"
)

// Volatile is a table that knows which of its writes survive a crash at this moment. It gives the minimum that the port
// promises: a write with a [table.Deferred] context becomes durable only with the next call without one, or with Sync.
type Volatile struct {
	inner table.Table

	mu      sync.Mutex
	writes  [][]table.Op // in the order in which they happened
	durable int          // how many of them survive
}

var _ table.Table = (*Volatile)(nil)

// NewVolatile wraps inner. The items that it contains already do not count as writes.
func NewVolatile(inner table.Table) *Volatile { return &Volatile{inner: inner} }

// Get reads an item. Unless the call is deferred, everything before it becomes durable.
func (v *Volatile) Get(ctx context.Context, key table.Key) (item table.Item, ok bool, err error) {
	err = v.call(ctx, func() error {
		item, ok, err = v.inner.Get(ctx, key)
		return err
	})
	return item, ok, err
}

// Query reads a page, with the durability of Get.
func (v *Volatile) Query(ctx context.Context, q table.Query) (page table.Page, err error) {
	err = v.call(ctx, func() error {
		page, err = v.inner.Query(ctx, q)
		return err
	})
	return page, err
}

// Transact writes. Unless the call is deferred, the transaction and everything before it become durable. A conflict makes
// nothing durable.
func (v *Volatile) Transact(ctx context.Context, ops ...table.Op) error {
	return v.call(ctx, func() error {
		err := v.inner.Transact(ctx, ops...)
		if err == nil {
			v.writes = append(v.writes, clone(ops))
		}
		return err
	})
}

// Sync makes everything durable.
func (v *Volatile) Sync(ctx context.Context) error {
	return v.call(table.Durable(ctx), func() error { return ctx.Err() })
}

func (v *Volatile) call(ctx context.Context, f func() error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := f()
	if err == nil && !table.IsDeferred(ctx) {
		v.durable = len(v.writes)
	}
	return err
}

// Pending returns the number of writes that a crash at this moment can lose.
func (v *Volatile) Pending() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.writes) - v.durable
}

// Crash writes what survives a crash at this moment to another table, which must have the items that inner had at the
// beginning. lucky is how many of the pending writes survive as well.
func (v *Volatile) Crash(into table.Table, lucky int) error {
	v.mu.Lock()
	survived := slices.Clone(v.writes[:min(v.durable+lucky, len(v.writes))])
	v.mu.Unlock()
	for i, ops := range survived {
		if err := into.Transact(table.Deferred(context.Background()), clone(ops)...); err != nil {
			return fmt.Errorf("table/faulty: write %d after a crash: %w", i, err)
		}
	}
	return nil
}

func clone(ops []table.Op) []table.Op {
	ops = slices.Clone(ops)
	for i := range ops {
		ops[i].Item.Data = slices.Clone(ops[i].Item.Data)
		ops[i].Item.Ints = maps.Clone(ops[i].Item.Ints)
	}
	return ops
}
