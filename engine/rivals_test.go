package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	tablefaulty "tripsaga/table/faulty"
)

var errReset = errors.New("connection reset")

// TestAnotherEnginesEntryIsNotOnesOwn fails each write of an engine in turn, before or after its effect, and lets another
// engine finish the execution before the retry. The tasks of the two answer differently, which exposes an engine that
// continues with its own answer although the journal has the other's.
func TestAnotherEnginesEntryIsNotOnesOwn(t *testing.T) {
	for name, fault := range map[string]tablefaulty.Fault{"not written": tablefaulty.Before(errReset), "reply lost": tablefaulty.After(errReset)} {
		for n := int64(1); ; n++ {
			var inputs []string // of second, in the first engine
			b := newBench(t, twoSteps, map[string]engine.Task{"first": constant(`"ours"`), "second": func(_ context.Context, in json.RawMessage) (json.RawMessage, error) {
				inputs = append(inputs, string(in))
				return json.RawMessage(`"ours"`), nil
			}})
			b.start("a", "{}")
			other := &bench{t: t, virtual: b.virtual, opt: b.opt}
			other.opt.Tasks = map[string]engine.Task{"first": constant(`"theirs"`), "second": constant(`"theirs"`)}
			writes, armed := int64(0), false
			b.opt.Table = tablefaulty.Wrap(b.opt.Table, func(op tablefaulty.Op) tablefaulty.Fault {
				if op.Kind != tablefaulty.Transact || op.Ops[0].Key.PK == "MACHINE#test" {
					return tablefaulty.Fault{}
				}
				if writes++; writes == n {
					armed = true
					return fault
				}
				if armed {
					armed = false
					return tablefaulty.CrashBefore(func() { other.reopen(); other.end("a") })
				}
				return tablefaulty.Fault{}
			})
			b.reopen()
			b.virtual.Run()
			d, err := b.Describe(t.Context(), "a")
			if err != nil || d.Status != asl.Succeeded {
				t.Fatalf("%s at write %d: %s, %v", name, n, d.Status, err)
			}
			for _, in := range inputs {
				var got, want struct{ First string }
				if err := errors.Join(json.Unmarshal([]byte(in), &got), json.Unmarshal(d.Output, &want)); err != nil || got != want {
					t.Errorf("%s at write %d: second was called with %s, and the journal has %s (%v)", name, n, in, d.Output, err)
				}
			}
			if waited, err := b.Wait(t.Context(), "a"); err == nil && string(waited.Output) != string(d.Output) {
				t.Errorf("%s at write %d: Wait says %s, the table %s", name, n, waited.Output, d.Output)
			}
			if writes < n {
				break
			}
		}
	}
}

// TestTheNoticeOfALaterEnd lets OnEnd take so long over a failure that the execution is redriven and fails again meanwhile. Of
// the second failure OnEnd wants to hear later: what it says to the first must not settle that.
func TestTheNoticeOfALaterEnd(t *testing.T) {
	var b *bench
	var told []int
	deaf := true
	b = newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": fails("No")}, func(o *engine.Options) {
		o.OnEnd = func(_ context.Context, d engine.Description) error {
			if d.Redrives > 0 && deaf {
				return table.ErrClosed // which is tried again by the next Open only
			}
			if len(told) == 0 {
				told = append(told, d.Redrives)
				if err := b.Redrive(t.Context(), "a"); err != nil {
					t.Error(err)
				}
				b.virtual.Run()
				return nil
			}
			told = append(told, d.Redrives)
			return nil
		}
	})
	b.start("a", "{}")
	b.virtual.Run()
	deaf = false
	for range 2 {
		b.reopen()
		b.virtual.Run()
	}
	if got := fmt.Sprint(told); got != "[0 1]" {
		t.Errorf("told of the ends after %s redrives, want each once", got)
	}
}

// journal is what the table has of the execution's events.
func (b *bench) journal(name string) (entries []string) {
	b.t.Helper()
	for item, err := range table.Items(b.t.Context(), b.opt.Table, table.Query{PK: "EXEC#test#" + name, Prefix: "J#"}) {
		if err != nil {
			b.t.Fatal(err)
		}
		entries = append(entries, string(item.Data))
	}
	return entries
}

// operator does something to an execution that has failed.
type operator func(*engine.Engine) error

func redrives(e *engine.Engine) error { return e.Redrive(context.Background(), "a") }

func starts(e *engine.Engine) error { return e.Start(context.Background(), "a", json.RawMessage("{}")) }

// TestARedriveBesideAnother lets another operator act before each call that a redrive makes to the table, in the same engine
// and in another one, and loses the reply of that call as well. If Redrive succeeds, the execution is redriven and runs,
// without another Open.
func TestARedriveBesideAnother(t *testing.T) {
	type faults struct {
		name string
		make func(func()) tablefaulty.Fault
	}
	for name, other := range map[string]operator{"redrive": redrives, "start": starts} {
		for _, same := range []bool{true, false} {
			for _, f := range []faults{
				{"before", tablefaulty.CrashBefore},
				{"after", tablefaulty.CrashAfter},
				{"before, and not made", func(do func()) tablefaulty.Fault {
					return tablefaulty.Delay(func(context.Context) error { do(); return errReset })
				}},
			} {
				for n := int64(1); redriveBeside(t, fmt.Sprintf("%s in the same engine %v, %s call %d", name, same, f.name, n), other, same, n, f.make); n++ {
				}
			}
		}
	}
}

func redriveBeside(t *testing.T, what string, other operator, same bool, n int64, fault func(func()) tablefaulty.Fault) (more bool) {
	t.Helper()
	second := &mendable{}
	b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": second.task})
	b.start("a", "{}")
	b.end("a")
	plain := b.opt.Table
	var otherErr error
	var rival *engine.Engine
	calls := int64(-1 << 40)
	b.opt.Table = tablefaulty.Wrap(plain, func(op tablefaulty.Op) tablefaulty.Fault {
		if calls++; calls != n {
			return tablefaulty.Fault{}
		}
		return fault(func() { otherErr = other(rival) })
	})
	b.reopen()
	rival = b.Engine
	if !same {
		opt := b.opt
		opt.Table = plain
		var err error
		if rival, err = engine.Open(t.Context(), opt); err != nil {
			t.Fatal(err)
		}
	}
	second.mended, calls = true, 0
	err := b.Redrive(t.Context(), "a")
	more, calls = calls >= n, -1<<40
	b.virtual.Run()
	d, describeErr := b.Describe(t.Context(), "a")
	acknowledged := err == nil || more && otherErr == nil
	if describeErr != nil || d.Status == asl.Running || acknowledged && d.Status != asl.Succeeded || d.Redrives > 1 {
		t.Errorf("%s: Redrive says %v, the other %v; the execution is %s after %d redrives, %v",
			what, err, otherErr, d.Status, d.Redrives, describeErr)
	}
	if err == nil && strings.Contains(what, "not made") && d.Redrives == 0 {
		t.Errorf("%s: a redrive was acknowledged that never was", what)
	}
	return more
}

// TestARedriveOfAnEngineThatIsGone leaves a redrive behind that only its own engine, which is dead, would have gone on with.
func TestARedriveOfAnEngineThatIsGone(t *testing.T) {
	second := &mendable{}
	b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": second.task})
	b.start("a", "{}")
	b.end("a")
	dead := b.opt
	dead.Scheduler = sim.NewVirtual(epoch) // which never runs
	gone, err := engine.Open(t.Context(), dead)
	if err != nil {
		t.Fatal(err)
	}
	second.mended = true
	if err := errors.Join(gone.Redrive(t.Context(), "a"), b.Redrive(t.Context(), "a")); err != nil {
		t.Fatal(err)
	}
	b.virtual.Run()
	if d, err := b.Describe(t.Context(), "a"); err != nil || d.Status != asl.Succeeded || d.Redrives != 1 {
		t.Errorf("%s after %d redrives, %v", d.Status, d.Redrives, err)
	}
}

// TestAStartOfAnEngineThatIsGone starts again what only an engine that is dead would have gone on with.
func TestAStartOfAnEngineThatIsGone(t *testing.T) {
	b := newBench(t, twoSteps, steps())
	dead := b.opt
	dead.Scheduler = sim.NewVirtual(epoch) // which never runs
	gone, err := engine.Open(t.Context(), dead)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(starts(gone), starts(b.Engine)); err != nil {
		t.Fatal(err)
	}
	if d := b.end("a"); d.Status != asl.Succeeded {
		t.Errorf("ended %+v", d)
	}
}

// TestATimerAfterTheClockWasSetBack opens the engine anew on a day before the one on which it began to wait.
func TestATimerAfterTheClockWasSetBack(t *testing.T) {
	b := newBench(t, `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}`, nil)
	b.start("a", "{}")
	b.virtual.Step()
	before := epoch.Add(-24 * time.Hour)
	b.virtual = sim.NewVirtual(before)
	b.reopen()
	b.end("a")
	if took := b.virtual.Now().Sub(before); took > time.Hour {
		t.Errorf("a wait of an hour took %s", took)
	}
}

// TestWhatIsLeftOfATimer opens the engine anew half-way through each kind of wait.
func TestWhatIsLeftOfATimer(t *testing.T) {
	silent := func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, engine.ErrNoReply }
	for name, c := range map[string]struct {
		definition string
		task       engine.Task
		takes      time.Duration
	}{
		"Wait":     {`{"Type": "Wait", "Seconds": 3600, "End": true}`, silent, time.Hour},
		"time-out": {`{"Type": "Task", "Resource": "t", "TimeoutSeconds": 3600, "End": true}`, silent, time.Hour},
		"heartbeat": {`{"Type": "Task", "Resource": "t", "TimeoutSeconds": 36000, "HeartbeatSeconds": 3600, "End": true}`,
			silent, time.Hour},
		"time-out of the execution": {`{"Type": "Wait", "Seconds": 36000, "End": true}`, silent, time.Hour},
		"retry": {`{"Type": "Task", "Resource": "t", "End": true,
			"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3600, "MaxAttempts": 1}]}`, fails("No"), time.Hour},
	} {
		for _, at := range []time.Duration{0, time.Minute, 30 * time.Minute, 2 * time.Hour} {
			whole := `{"StartAt": "S", "States": {"S": ` + c.definition + `}}`
			if name == "time-out of the execution" {
				whole = `{"TimeoutSeconds": 3600, ` + whole[1:]
			}
			b := newBench(t, whole, map[string]engine.Task{"t": c.task})
			b.start("a", "{}")
			reached := false
			b.virtual.AfterFunc(at, func() { reached = true })
			for !reached && b.virtual.Step() {
			}
			b.reopen()
			d := b.end("a")
			if took := d.Stopped.Sub(d.Started); took != c.takes {
				t.Errorf("%s, opened anew after %s: took %s, want %s", name, at, took, c.takes)
			}
		}
	}
}

// TestATaskThatIsNotWantedAnyMore lets time pass within a task until its context ends, and has it answer then.
func TestATaskThatIsNotWantedAnyMore(t *testing.T) {
	for name, c := range map[string]struct {
		definition string
		status     asl.Status
	}{
		"time-out": {`{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "slow", "TimeoutSeconds": 10,
			"Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "W"}], "End": true}, "W": {"Type": "Wait", "Seconds": 60, "End": true}}}`, asl.Succeeded},
		"heartbeat": {`{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "slow", "TimeoutSeconds": 100, "HeartbeatSeconds": 10,
			"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "W"}], "End": true}, "W": {"Type": "Wait", "Seconds": 60, "End": true}}}`, asl.Succeeded},
		"another branch failed": {`{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
			{"StartAt": "S", "States": {"S": {"Type": "Task", "Resource": "slow", "TimeoutSeconds": 1000, "End": true}}},
			{"StartAt": "V", "States": {"V": {"Type": "Wait", "Seconds": 10, "Next": "F"}, "F": {"Type": "Fail", "Error": "No"}}}],
			"Catch": [{"ErrorEquals": ["No"], "Next": "W"}]}, "W": {"Type": "Wait", "Seconds": 60, "End": true}}}`, asl.Succeeded},
		"the execution timed out": {`{"StartAt": "S", "TimeoutSeconds": 10, "States": {"S": {"Type": "Task", "Resource": "slow",
			"TimeoutSeconds": 1000, "End": true}}}`, asl.TimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			var b *bench
			var waited time.Duration
			var reply error
			b = newBench(t, c.definition, map[string]engine.Task{"slow": func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
				begun := b.virtual.Now()
				for ctx.Err() == nil && b.virtual.Step() {
				}
				waited = b.virtual.Now().Sub(begun)
				if ctx.Err() == nil {
					t.Error("nothing told the task to end")
				}
				return json.RawMessage(`"late"`), reply
			}})
			b.start("a", "{}")
			d := b.end("a")
			journal := b.journal("a")
			reply = engine.ErrNoReply
			b.start("b", "{}")
			if b.end("b"); len(b.journal("b")) != len(journal) {
				t.Errorf("the late reply is in the journal: %q", journal)
			}
			if d.Status != c.status || waited != 10*time.Second || strings.Contains(string(d.Output), "late") {
				t.Errorf("ended %s %s with %s; the task was left alone for %s", d.Status, d.Error, d.Output, waited)
			}
		})
	}
}
