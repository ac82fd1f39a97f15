package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	tablefaulty "tripsaga/table/faulty"
)

// TestARedriveThatNeverHappenedIsNotAcknowledged runs two concurrent redrives over a table that takes no writes: the second
// is under way when the first checks whether it was written nevertheless.
func TestARedriveThatNeverHappenedIsNotAcknowledged(t *testing.T) {
	second := &mendable{}
	var on bool
	var hook func(op tablefaulty.Op)
	wrap := func(o *engine.Options) {
		o.Table = tablefaulty.Wrap(o.Table, func(op tablefaulty.Op) tablefaulty.Fault {
			if !on {
				return tablefaulty.Fault{}
			}
			if hook != nil {
				hook(op)
			}
			if op.Kind == tablefaulty.Transact {
				return tablefaulty.Before(errors.New("down"))
			}
			return tablefaulty.Fault{}
		})
	}
	b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": second.task}, wrap)
	b.start("a", "{}")
	b.end("a")
	second.mended, on = true, true
	inB, freeB := make(chan struct{}), make(chan struct{})
	writes, started := 0, false
	done := make(chan error)
	hook = func(op tablefaulty.Op) {
		switch {
		case op.Kind == tablefaulty.Transact:
			if writes++; writes == 2 { // B's write
				close(inB)
				<-freeB
			}
		case writes == 1 && !started: // A's rescue reads: B comes by
			started = true
			go func() { done <- b.Redrive(t.Context(), "a") }()
			<-inB
		}
	}
	errA := b.Redrive(t.Context(), "a")
	close(freeB)
	errB := <-done
	on = false
	d, err := b.Describe(t.Context(), "a")
	if errA == nil || errB == nil || err != nil || d.Redrives != 0 {
		t.Errorf("the one says %v, the other %v; redriven %d times, %v", errA, errB, d.Redrives, err)
	}
}

func TestAnEngineThatCannotBeOpenedStops(t *testing.T) {
	b := newBench(t, twoSteps, steps())
	b.start("a", "{}")
	b.opt.Table = tablefaulty.Wrap(b.opt.Table, func(op tablefaulty.Op) tablefaulty.Fault {
		if op.Kind == tablefaulty.Query && len(op.Query.PK) > 6 && op.Query.PK[:7] == "NOTICE#" {
			return tablefaulty.Before(errors.New("down"))
		}
		return tablefaulty.Fault{}
	})
	b.opt.OnEnd = func(context.Context, engine.Description) error { return nil }
	calls := 0
	b.opt.Tasks = map[string]engine.Task{"first": func(context.Context, json.RawMessage) (json.RawMessage, error) {
		calls++
		return json.RawMessage("1"), nil
	}, "second": constant("2")}
	err := b.tryReopen()
	b.virtual.Run()
	if err == nil || calls > 0 {
		t.Errorf("Open says %v; %d tasks were called afterwards", err, calls)
	}
}

const twoBranches = `{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
 {"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":600,"End":true}}},
 {"StartAt":"V","States":{"V":{"Type":"Wait","Seconds":60,"Next":"T"},"T":{"Type":"Task","Resource":"first","TimeoutSeconds":100000,"End":true}}}]}}}`

// back is a scheduler whose clock is set back by off.
type back struct {
	*sim.Virtual
	off *time.Duration
}

func (b back) Now() time.Time { return b.Virtual.Now().Add(-*b.off) }

// TestClockSetBackInAnotherBranch sets the clock back while one branch waits, lets an event of the other come, and opens
// the engine anew.
func TestClockSetBackInAnotherBranch(t *testing.T) {
	var off time.Duration
	b := newBench(t, twoSteps, steps())
	b.opt.Definition, b.opt.Tasks, b.opt.Name = []byte(twoBranches), map[string]engine.Task{"first": func(context.Context, json.RawMessage) (json.RawMessage, error) {
		return nil, engine.ErrNoReply
	}}, "par"
	v := sim.NewVirtual(epoch)
	b.opt.Scheduler = back{v, &off}
	var err error
	if b.Engine, err = engine.Open(t.Context(), b.opt); err != nil {
		t.Fatal(err)
	}
	b.start("a", "{}")
	v.AfterFunc(30*time.Second, func() { off = 24 * time.Hour })
	for ty := b.types("a"); len(ty) < 9 && v.Step(); ty = b.types("a") {
	}
	now := v.Now()
	v2 := sim.NewVirtual(now)
	b.opt.Scheduler = back{v2, &off}
	if b.Engine, err = engine.Open(t.Context(), b.opt); err != nil {
		t.Fatal(err)
	}
	for {
		ty := b.types("a")
		n := 0
		for _, x := range ty {
			if x == "WaitStateExited" {
				n++
			}
		}
		if n == 2 || !v2.Step() {
			break
		}
	}
	if took := v2.Now().Sub(epoch); took > 700*time.Second {
		t.Errorf("a wait of 600 s took %v", took)
	}
}

// TestNoticesDoNotKnockAtAFailedStore leaves what the failed store cannot take to the next Open.
func TestNoticesDoNotKnockAtAFailedStore(t *testing.T) {
	told := 0
	b := newBench(t, twoSteps, map[string]engine.Task{"first": fails("Broken"), "second": constant("2")}, func(o *engine.Options) {
		o.OnEnd = func(context.Context, engine.Description) error { told++; return table.ErrClosed }
	})
	b.start("a", "{}")
	b.virtual.Run()
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}
