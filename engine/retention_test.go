package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/table"
)

const stubborn = `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "first", "End": true,
	"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 150}]}}}`

func forget(t *testing.T, b *bench, before time.Time, limit, want int) {
	t.Helper()
	if n, err := b.Forget(t.Context(), before, limit, nil); n != want || err != nil {
		t.Errorf("%d executions are forgotten, %v; want %d", n, err, want)
	}
}

func left(t *testing.T, b *bench, name string) (items int) {
	t.Helper()
	for _, err := range table.Items(t.Context(), b.opt.Table, table.Query{PK: "EXEC#test#" + name}) {
		if items++; err != nil {
			t.Fatal(err)
		}
	}
	return items
}

func TestForget(t *testing.T) {
	b := newBench(t, twoSteps, steps())
	for _, name := range []string{"a", "b", "c"} {
		b.start(name, "{}")
		b.end(name)
		b.virtual.Advance(time.Hour)
	}
	b.start("running", "{}")
	now := b.virtual.Now()
	forget(t, b, now.Add(-3*time.Hour), 10, 0)
	forget(t, b, now.Add(-90*time.Minute), 10, 2)
	forget(t, b, now.Add(time.Hour), 10, 1)
	forget(t, b, now.Add(time.Hour), 10, 0)
	if _, err := b.History(t.Context(), "a"); !errors.Is(err, engine.ErrNotFound) || left(t, b, "a") != 0 {
		t.Errorf("the history of a: %v, %d items", err, left(t, b, "a"))
	}
	b.reopen()
	if d := b.end("running"); d.Error != "" {
		t.Errorf("running: %+v", d)
	}
	b.start("a", "{}")
	if d := b.end("a"); d.Error != "" {
		t.Errorf("a again: %+v", d)
	}
}

func TestForgetInSteps(t *testing.T) {
	b := newBench(t, failing, nil)
	for _, name := range []string{"a", "b", "c"} {
		b.start(name, "{}")
		b.end(name)
	}
	later := b.virtual.Now().Add(time.Hour)
	forget(t, b, later, 2, 2)
	forget(t, b, later, 2, 1)
}

// TestWhatIsNeededIsNotForgotten: the limit is for the others.
func TestWhatIsNeededIsNotForgotten(t *testing.T) {
	b := newBench(t, failing, nil)
	for _, name := range []string{"a", "b", "c"} {
		b.start(name, "{}")
		b.end(name)
	}
	var asked []string
	down := errors.New("down")
	var answer error
	needed := func(_ context.Context, d engine.Description) (bool, error) {
		asked = append(asked, d.Name+" "+string(d.Status)+" "+d.Machine)
		return d.Name == "a", answer
	}
	later := b.virtual.Now().Add(time.Hour)
	for _, want := range []int{1, 1, 0} {
		if n, err := b.Forget(t.Context(), later, 1, needed); n != want || err != nil {
			t.Errorf("%d executions are forgotten, %v; want %d", n, err, want)
		}
	}
	if left(t, b, "a") == 0 || left(t, b, "b")+left(t, b, "c") != 0 || asked[0] != "a FAILED test" {
		t.Errorf("%d items of a are left, asked were %q", left(t, b, "a"), asked)
	}
	answer = down
	if n, err := b.Forget(t.Context(), later, 1, needed); n != 0 || !errors.Is(err, down) {
		t.Errorf("%d executions are forgotten, %v", n, err)
	}
	forget(t, b, later, 1, 1)
}

// TestForgetALongHistory needs several transactions.
func TestForgetALongHistory(t *testing.T) {
	fails := func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, errors.New("down") }
	b := newBench(t, stubborn, map[string]engine.Task{"first": fails})
	b.start("a", "{}")
	if b.end("a"); left(t, b, "a") < 2*table.MaxOps {
		t.Fatalf("the history has %d items", left(t, b, "a"))
	}
	forget(t, b, b.virtual.Now().Add(time.Hour), 1, 1)
	if n := left(t, b, "a"); n != 0 {
		t.Errorf("%d items are left", n)
	}
}

func TestWhatIsNotAnnouncedIsNotForgotten(t *testing.T) {
	var b *bench
	calls := 0
	b = newBench(t, failing, nil, func(o *engine.Options) {
		o.OnEnd = func(context.Context, engine.Description) error {
			calls++
			forget(t, b, b.virtual.Now().Add(time.Hour), 1, 0)
			return nil
		}
	})
	b.start("a", "{}")
	if b.end("a"); calls != 1 || left(t, b, "a") == 0 {
		t.Errorf("%d calls, %d items", calls, left(t, b, "a"))
	}
	forget(t, b, b.virtual.Now().Add(time.Hour), 1, 1)
}
