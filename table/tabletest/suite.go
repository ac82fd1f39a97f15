// Package tabletest is the conformance suite of the table port: a backend's test is one call of [Run]. The suite tests
// everything that the documentation of package table promises, since backends break promises that are not tested.
package tabletest

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"tripsaga/table"
)

// Suite is the suite with its options. The zero options are strict.
type Suite struct {
	// Open returns an empty table that is usable until the test ends.
	Open func(t *testing.T) table.Table
	// IndexLags means that a query on the index may show an older state for a while.
	IndexLags bool
	// QuerySplits means that a Query may show part of a transaction of several items, as in DynamoDB.
	QuerySplits bool
	// ShortPages means that a page may have fewer items than its Limit, or no items, although more follow.
	ShortPages bool
}

// Run runs the suite with the strict options.
func Run(t *testing.T, open func(t *testing.T) table.Table) {
	Suite{Open: open}.Run(t)
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	for _, group := range [][]testCase{items, conditions, adds, limits, queries, cursors, indexes, concurrency, models} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				c.run(&fixture{T: t, Table: s.Open(t), ctx: t.Context(), suite: s})
			})
		}
	}
}

type testCase struct {
	name string
	run  func(f *fixture)
}

// fixture is an empty table with checks that end the test when they fail.
type fixture struct {
	*testing.T
	table.Table
	ctx   context.Context
	suite Suite
}

// transact retries while the backend is busy.
func (f *fixture) transact(ops ...table.Op) error {
	for {
		if err := f.Transact(f.ctx, ops...); !errors.Is(err, table.ErrTryAgain) {
			return err
		}
	}
}

func (f *fixture) write(ops ...table.Op) {
	f.Helper()
	if err := f.transact(ops...); err != nil {
		f.Fatalf("Transact: %v", err)
	}
}

// conflicts requires that the operation with the given index fails.
func (f *fixture) conflicts(op int, ops ...table.Op) {
	f.Helper()
	err := f.transact(ops...)
	var c *table.Conflict
	if !errors.As(err, &c) {
		f.Fatalf("Transact: %v, want a conflict", err)
	}
	if c.Op != op || c.Key != ops[op].Key || c.Why == "" {
		f.Fatalf("conflict %+v, want operation %d on %s and a reason", c, op, ops[op].Key)
	}
}

func (f *fixture) invalid(err error) {
	f.Helper()
	if !errors.Is(err, table.ErrInvalid) {
		f.Fatalf("error %v, want %v", err, table.ErrInvalid)
	}
}

func (f *fixture) read(k table.Key) table.Item {
	f.Helper()
	it, ok, err := f.Get(f.ctx, k)
	if err != nil || !ok {
		f.Fatalf("Get %q: ok %v, error %v", k, ok, err)
	}
	return it
}

func (f *fixture) holds(want table.Item) {
	f.Helper()
	if got := f.read(want.Key); !same(got, want) {
		f.Fatalf("Get %q: %+v, want %+v", want.Key, got, want)
	}
}

func (f *fixture) lacks(k table.Key) {
	f.Helper()
	if it, ok, err := f.Get(f.ctx, k); err != nil || ok {
		f.Fatalf("Get %q: %+v, ok %v, error %v, want no item", k, it, ok, err)
	}
}

// same compares items; empty and nil are equal, for Data and for Ints.
func same(a, b table.Item) bool {
	if len(a.Data) == 0 && len(b.Data) == 0 {
		a.Data, b.Data = nil, nil
	}
	if len(a.Ints) == 0 && len(b.Ints) == 0 {
		a.Ints, b.Ints = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

func key(pk, sk string) table.Key { return table.Key{PK: pk, SK: sk} }

// full returns an item with every field set.
func full(pk, sk string) table.Item {
	return table.Item{
		Key:     key(pk, sk),
		Version: 3,
		Ints:    map[string]int64{"seats": 12, "held": -4},
		Index:   key("day", sk),
		Expires: 1 << 40,
		Data:    []byte(`{"name":"` + sk + `"}`),
	}
}
