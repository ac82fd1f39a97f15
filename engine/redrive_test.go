package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/table/tabletest"
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

// TestAStopThatMeetsARedrive stops an execution while its failure is written, and OnEnd redrives it. The stop is too late for the end
// that was under way, and the redriven execution continues.
func TestAStopThatMeetsARedrive(t *testing.T) {
	scheduler := &announcing{Scheduler: engine.RealTime, ended: make(chan struct{}, 10)}
	tasks := &mendable{}
	end := &interrupted{Table: tabletest.NewMemory()}
	opt := engine.Options{
		Name: "test", Definition: []byte(`{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "second", "End": true}}}`),
		Scheduler: scheduler, Table: end,
		Tasks: map[string]engine.Task{"second": func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
			if tasks.mended {
				<-scheduler.ended // the first run has taken all its events
			}
			return tasks.task(ctx, in)
		}},
	}
	var e *engine.Engine
	opt.OnEnd = func(ctx context.Context, d engine.Description) error {
		if d.Status != asl.Failed {
			return nil
		}
		tasks.mended = true
		return e.Redrive(ctx, d.Name)
	}
	stopped := make(chan error, 1)
	end.interrupt = func() {
		go func() {
			_, err := e.Stop(context.Background(), "a", "Stop", "")
			stopped <- err
		}()
		<-scheduler.ended // the event is queued
	}
	e, err := engine.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context(), "a", json.RawMessage("{}")); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Stop: %v", err)
	}
	if d, err := e.Wait(t.Context(), "a"); err != nil || d.Status != asl.Succeeded || d.Redrives != 1 {
		t.Errorf("%s after %d redrives, %v; want SUCCEEDED after one", d.Status, d.Redrives, err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// announcing announces the end of each function that Go was given.
type announcing struct {
	engine.Scheduler
	ended chan struct{}
}

func (a *announcing) Go(f func()) {
	a.Scheduler.Go(func() {
		f()
		a.ended <- struct{}{}
	})
}

// interrupted calls interrupt before the first transaction that ends an execution without success.
type interrupted struct {
	table.Table
	once      sync.Once
	interrupt func()
}

func (i *interrupted) Transact(ctx context.Context, ops ...table.Op) error {
	if len(ops) == 3 { // the journal's entry, the record, the notice
		i.once.Do(i.interrupt)
	}
	return i.Table.Transact(ctx, ops...)
}
