package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/table"
)

const failing = `{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "No"}}}`

func TestRedrivesAreBounded(t *testing.T) {
	b := newBench(t, failing, nil, func(o *engine.Options) { o.MaxRedrives = 3 })
	b.start("a", "{}")
	b.end("a")
	for i := range 3 {
		if err := b.Redrive(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if d := b.end("a"); d.Redrives != i+1 {
			t.Errorf("%d redrives, want %d", d.Redrives, i+1)
		}
		if i == 1 {
			b.reopen()
		}
	}
	err := b.Redrive(t.Context(), "a")
	if !errors.Is(err, engine.ErrNotRedrivable) || !strings.Contains(err.Error(), "redriven 3 times") {
		t.Errorf("one more: %v", err)
	}
}

func TestTheDefaultBoundsAreThoseOfStepFunctions(t *testing.T) {
	b := newBench(t, failing, nil)
	b.start("a", "{}")
	b.end("a")
	for range 1000 {
		if err := b.Redrive(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		b.virtual.Run()
	}
	if err := b.Redrive(t.Context(), "a"); !errors.Is(err, engine.ErrNotRedrivable) {
		t.Errorf("the 1,001st: %v", err)
	}
	b.start("b", "{}")
	b.end("b")
	const period = 14 * 24 * time.Hour
	b.virtual.AfterFunc(period, func() {})
	b.virtual.Run()
	if err := b.Redrive(t.Context(), "b"); err != nil {
		t.Errorf("after 14 days: %v", err)
	}
	b.end("b")
	b.virtual.AfterFunc(period+time.Second, func() {})
	b.virtual.Run()
	err := b.Redrive(t.Context(), "b")
	if !errors.Is(err, engine.ErrNotRedrivable) || !strings.Contains(err.Error(), "336h") {
		t.Errorf("after more than 14 days: %v", err)
	}
}

// reads counts the items that a table gives.
type reads struct {
	table.Table
	items int
}

func (r *reads) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := r.Table.Query(ctx, q)
	r.items += len(page.Items)
	return page, err
}

func (r *reads) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	r.items++
	return r.Table.Get(ctx, key)
}

func TestARedriveCostsNoMoreThanTheOneBefore(t *testing.T) {
	var counted *reads
	b := newBench(t, failing, nil, func(o *engine.Options) {
		if counted == nil {
			counted = &reads{Table: o.Table}
		}
		o.Table = counted
	})
	b.start("a", "{}")
	b.end("a")
	var costs []int
	for range 50 {
		counted.items = 0
		if err := b.Redrive(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		costs = append(costs, counted.items)
		b.virtual.Run()
	}
	for _, cost := range costs {
		if cost != costs[0] {
			t.Fatalf("items read by the redrives: %v", costs)
		}
	}
}

// What is kept for a redrive counts only as long as nobody else has changed the execution.
func TestARedriveSeesWhatAnotherEngineDid(t *testing.T) {
	b := newBench(t, failing, nil)
	b.start("a", "{}")
	b.end("a")
	other := b.Engine
	b.reopen()
	if err := b.Redrive(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	b.end("a")
	if err := other.Redrive(t.Context(), "a"); err != nil && !errors.Is(err, engine.ErrClosed) {
		t.Fatal(err)
	}
	b.virtual.Run()
	events, err := b.History(t.Context(), "a")
	if err != nil || events[len(events)-1].ID != int64(len(events)) {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestManyFailedExecutionsCanBeRedriven(t *testing.T) {
	b := newBench(t, failing, nil)
	for i := range 200 {
		b.start(fmt.Sprint("x", i), "{}")
	}
	b.virtual.Run()
	for i := range 200 {
		if err := b.Redrive(t.Context(), fmt.Sprint("x", i)); err != nil {
			t.Fatal(err)
		}
	}
	b.virtual.Run()
	if d := b.end("x0"); d.Redrives != 1 {
		t.Errorf("%+v", d)
	}
}
