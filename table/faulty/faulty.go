// Package faulty wraps a table and injects faults: lost replies, refused calls, delays, crashes. Each operation is described as
// data, and a function decides its fault, so that the same decisions, or the same seed of [Seeded], repeat a run. Package
// engine/sim has a language for the faults of a whole saga; this package plays them on a table.
package faulty

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"

	"tripsaga/table"
)

// Kind is a method of the port.
type Kind uint8

// The kinds.
const (
	Get Kind = iota + 1
	Query
	Transact
)

func (k Kind) String() string {
	return [...]string{"unknown", "Get", "Query", "Transact"}[k]
}

// Op describes one call.
type Op struct {
	Kind     Kind
	N        int64       // index of the call since Wrap, from 1
	Deferred bool        // the context is a [table.Deferred] one
	Key      table.Key   // Get
	Query    table.Query // Query
	Ops      []table.Op  // Transact; must not be changed
}

// Decide returns the fault of an operation. It is called from many goroutines.
type Decide func(Op) Fault

// Fault is what happens to an operation, made by one of the functions below. The zero Fault changes nothing.
type Fault struct {
	delay         func(context.Context) error
	enter, leave  func()
	before, after error
}

// Before makes the call return err; nothing happens.
func Before(err error) Fault { return Fault{before: err} }

// After makes the call happen and return err instead of its result: the reply is lost.
func After(err error) Fault { return Fault{after: err} }

// CrashBefore calls f before the call happens.
func CrashBefore(f func()) Fault { return Fault{enter: f} }

// CrashAfter calls f when the call has happened, before it returns.
func CrashAfter(f func()) Fault { return Fault{leave: f} }

// Delay calls wait before the call happens; an error from it is returned, and nothing happens.
func Delay(wait func(context.Context) error) Fault { return Fault{delay: wait} }

// Table is a table with faults.
type Table struct {
	inner  table.Table
	decide Decide
	calls  atomic.Int64
}

var _ table.Table = (*Table)(nil)

// Wrap returns inner with the faults that decide returns; a nil decide means no faults.
func Wrap(inner table.Table, decide Decide) *Table {
	if decide == nil {
		decide = func(Op) Fault { return Fault{} }
	}
	return &Table{inner: inner, decide: decide}
}

// Unwrap returns the inner table, for methods that are not part of the port.
func (t *Table) Unwrap() table.Table { return t.inner }

// Calls returns the number of calls so far.
func (t *Table) Calls() int64 { return t.calls.Load() }

// Sync calls the inner table, without faults.
func (t *Table) Sync(ctx context.Context) error { return table.Sync(ctx, t.inner) }

// Get is one call of kind Get.
func (t *Table) Get(ctx context.Context, key table.Key) (item table.Item, ok bool, err error) {
	err = t.inject(ctx, Op{Kind: Get, Key: key}, func() error {
		item, ok, err = t.inner.Get(ctx, key)
		return err
	})
	if err != nil {
		return table.Item{}, false, err
	}
	return item, ok, nil
}

// Query is one call of kind Query.
func (t *Table) Query(ctx context.Context, q table.Query) (page table.Page, err error) {
	err = t.inject(ctx, Op{Kind: Query, Query: q}, func() error {
		page, err = t.inner.Query(ctx, q)
		return err
	})
	if err != nil {
		return table.Page{}, err
	}
	return page, nil
}

// Transact is one call of kind Transact.
func (t *Table) Transact(ctx context.Context, ops ...table.Op) error {
	return t.inject(ctx, Op{Kind: Transact, Ops: ops}, func() error { return t.inner.Transact(ctx, ops...) })
}

func (t *Table) inject(ctx context.Context, op Op, call func() error) error {
	op.N, op.Deferred = t.calls.Add(1), table.IsDeferred(ctx)
	f := t.decide(op)
	if f.delay != nil {
		if err := f.delay(ctx); err != nil {
			return err
		}
	}
	if f.enter != nil {
		f.enter()
	}
	if f.before != nil {
		return f.before
	}
	err := call()
	if f.leave != nil {
		f.leave()
	}
	if f.after != nil {
		return f.after
	}
	return err
}

// At returns a Decide with one fault, on the n-th call.
func At(n int64, f Fault) Decide {
	return func(op Op) Fault {
		if op.N == n {
			return f
		}
		return Fault{}
	}
}

// ErrInjected is the error of faults of [Seeded]. After it, the outcome is unknown.
var ErrInjected = errors.New("table/faulty: injected fault")

// Seeded makes the share rate (0 to 1) of the calls fail: refused, lost with their reply, or, of the transactions,
// refused as busy. The decision on the Nth call depends on seed and N alone.
func Seeded(seed uint64, rate float64) Decide {
	return func(op Op) Fault {
		r := rand.New(rand.NewPCG(seed, uint64(op.N)))
		if r.Float64() >= rate {
			return Fault{}
		}
		faults := []Fault{Before(ErrInjected), After(ErrInjected), Before(table.ErrTryAgain)}
		if op.Kind != Transact {
			faults = faults[:2]
		}
		return faults[r.IntN(len(faults))]
	}
}
