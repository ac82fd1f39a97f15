package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"tripsaga/asl"
	"tripsaga/engine"
	tablefaulty "tripsaga/table/faulty"
	"tripsaga/table/tabletest"
)

// perishable is a bench whose table forgets in a crash whatever it may.
type perishable struct {
	*bench
	table *tablefaulty.Volatile
}

func newPerishable(t *testing.T, tasks map[string]engine.Task, change ...func(*engine.Options)) *perishable {
	t.Helper()
	p := &perishable{}
	p.bench = newBench(t, twoSteps, tasks, append(change, func(o *engine.Options) {
		p.table = tablefaulty.NewVolatile(o.Table)
		o.Table = p.table
	})...)
	return p
}

// crashed is the next engine after a crash at this moment, which some of the writes survived that it need not have. Nothing
// runs until somebody runs its time.
func (p *perishable) crashed(lucky int) *perishable {
	p.t.Helper()
	v := tablefaulty.NewVolatile(tablefaulty.Pages(tabletest.NewMemory()))
	if err := errors.Join(p.table.Crash(v, lucky), v.Sync(p.t.Context())); err != nil { // synced for a crash of the next one
		p.t.Fatal(err)
	}
	next := &perishable{&bench{t: p.t, virtual: p.virtual, opt: p.opt}, v}
	next.opt.Table = v
	next.reopen()
	return next
}

// questions are all that the engine is asked of an execution, one by one, since an answer may make true what the next one says.
var questions = []func(*bench, string) (any, error){
	func(b *bench, name string) (any, error) { return b.Describe(b.t.Context(), name) },
	func(b *bench, name string) (any, error) { return b.History(b.t.Context(), name) },
	func(b *bench, _ string) (any, error) {
		l, _, err := b.List(b.t.Context(), engine.ListQuery{})
		return l, err
	},
}

func (b *bench) answer(question func(*bench, string) (any, error), name string) string {
	b.t.Helper()
	answer, err := question(b, name)
	out, jsonErr := json.Marshal(answer)
	return fmt.Sprint(string(out), err, jsonErr)
}

// says wants the execution to be found in this state after a crash.
func (p *perishable) says(when, name string, status asl.Status, redrives int) {
	p.t.Helper()
	d, err := p.crashed(0).Describe(p.t.Context(), name)
	if err != nil || d.Status != status || d.Redrives != redrives {
		p.t.Errorf("%s, after a crash: %s, %d redrives, %v; want %s, %d", when, d.Status, d.Redrives, err, status, redrives)
	}
}

// TestWhatWasSaidHoldsAfterACrash crashes after each acknowledgement.
func TestWhatWasSaidHoldsAfterACrash(t *testing.T) {
	second, heard := &mendable{}, 0
	var p *perishable
	p = newPerishable(t, map[string]engine.Task{"first": constant("1"), "second": second.task}, func(o *engine.Options) {
		o.OnEnd = func(_ context.Context, d engine.Description) error {
			heard++
			p.says("OnEnd", d.Name, d.Status, d.Redrives)
			return nil
		}
	})
	p.start("a", `{"in":1}`)
	p.says("started", "a", asl.Running, 0)
	p.start("a", `{"in":1}`)
	p.says("started again", "a", asl.Running, 0)
	for p.virtual.Step() {
		if d, err := p.Engine.Describe(t.Context(), "a"); err == nil && d.Status != asl.Running {
			break
		}
	}
	if _, err := p.Wait(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	p.says("waited", "a", asl.Failed, 0)
	p.virtual.Run()
	second.mended = true
	if err := p.Redrive(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	p.says("redriven", "a", asl.Running, 1)
	p.end("a")
	p.says("ended", "a", asl.Succeeded, 1)
	p.start("b", "{}")
	stopped := make(chan error)
	go func() { _, err := p.Stop(t.Context(), "b", "Why", ""); stopped <- err }()
	for done := false; !done; {
		select {
		case err := <-stopped:
			if done = true; err != nil {
				t.Fatal(err)
			}
		default:
			p.virtual.Step()
		}
	}
	if d, err := p.crashed(0).Describe(t.Context(), "b"); err != nil || d.Status == asl.Running {
		t.Errorf("stopped, after a crash: %s, %v", d.Status, err)
	}
	if heard != 3 {
		t.Errorf("OnEnd was told of %d ends", heard)
	}
}

// atCall runs f when the n-th call to the table has happened, before it returns, and reports whether there was an n-th.
func (p *perishable) atCall(n int64, f func()) (reached func() bool) {
	p.t.Helper()
	w := tablefaulty.Wrap(p.table, tablefaulty.At(n, tablefaulty.CrashAfter(f)))
	p.opt.Table = w
	p.reopen()
	return func() bool { return w.Calls() >= n }
}

// TestWhatWasShownHoldsAfterACrash reads after every call to the table, and reads the same after a crash.
func TestWhatWasShownHoldsAfterACrash(t *testing.T) {
	for i, question := range questions {
		lost := 0
		for n := int64(1); ; n++ {
			p := newPerishable(t, map[string]engine.Task{"first": constant("1"), "second": fails("No")})
			reached := p.atCall(n, func() {
				lost += p.table.Pending()
				if said, after := p.answer(question, "a"), p.crashed(0).answer(question, "a"); said != after {
					t.Errorf("question %d after %d calls: it said\n%s\nand after the crash\n%s", i, n, said, after)
				}
			})
			p.start("a", "{}")
			p.virtual.Run()
			if !reached() {
				break
			}
		}
		if lost == 0 {
			t.Error("there was nothing to lose: the test shows nothing")
		}
	}
}

// TestACrashAtEveryMoment crashes after one call to the table after the other, once with as little left as may be and once
// with one write more, and lets the next engine finish. OnEnd hears of each failure, from the one engine or the other.
func TestACrashAtEveryMoment(t *testing.T) {
	for want, second := range map[string]engine.Task{"": constant("2"), "No": fails("No")} {
		for n := int64(1); ; n++ {
			heard, started := 0, false
			p := newPerishable(t, map[string]engine.Task{"first": constant("1"), "second": second}, func(o *engine.Options) {
				o.OnEnd = func(context.Context, engine.Description) error { heard++; return nil }
			})
			var next [2]*perishable
			var before int
			acknowledged := false
			reached := p.atCall(n, func() { next[0], next[1], before, acknowledged = p.crashed(0), p.crashed(1), heard, started })
			p.start("a", "{}")
			started = true
			p.virtual.Run()
			if !reached() {
				break
			}
			for lucky, after := range next {
				heard = before
				if !acknowledged {
					after.start("a", "{}")
				}
				d := after.end("a")
				if d.Error != want || want == "" && d.Status != asl.Succeeded || want != "" && heard == 0 {
					t.Errorf("crash after %d calls, %d lucky writes: %s %s, OnEnd heard %d times", n, lucky, d.Status, d.Error, heard)
				}
			}
		}
	}
}

// TestCloseLeavesNothingPending closes an engine while an execution waits to try a task again.
func TestCloseLeavesNothingPending(t *testing.T) {
	lost := 0
	for n := range 3 {
		p := newPerishable(t, map[string]engine.Task{"first": fails("Shaky"), "second": constant("2")})
		p.start("a", "{}")
		for range n {
			p.virtual.Step()
		}
		lost += p.table.Pending()
		if err := p.Close(t.Context()); err != nil || p.table.Pending() != 0 {
			t.Errorf("after %d steps: %d writes pending, %v", n, p.table.Pending(), err)
		}
	}
	if lost == 0 {
		t.Error("there was nothing to lose: the test shows nothing")
	}
}

// TestEveryErrorOfTheTableIsReturned fails each read of each method in turn.
func TestEveryErrorOfTheTableIsReturned(t *testing.T) {
	errDown := errors.New("down")
	b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": fails("No")})
	b.start("a", "{}")
	b.end("a")
	inner := b.opt.Table
	for name, ask := range map[string]func(*engine.Engine) error{
		"Describe": func(e *engine.Engine) error { _, err := e.Describe(t.Context(), "a"); return err },
		"History":  func(e *engine.Engine) error { _, err := e.History(t.Context(), "a"); return err },
		"Wait":     func(e *engine.Engine) error { _, err := e.Wait(t.Context(), "a"); return err },
		"Stop":     func(e *engine.Engine) error { _, err := e.Stop(t.Context(), "a", "", ""); return err },
		"List": func(e *engine.Engine) error {
			_, _, err := e.List(t.Context(), engine.ListQuery{})
			return err
		},
	} {
		failed := 0
		for n := int64(1); ; n++ {
			fail := false
			calls := int64(0)
			b.opt.Table = tablefaulty.Wrap(inner, func(tablefaulty.Op) tablefaulty.Fault {
				if !fail {
					return tablefaulty.Fault{}
				}
				calls++
				return tablefaulty.At(n, tablefaulty.Before(errDown))(tablefaulty.Op{N: calls})
			})
			b.reopen()
			fail = true
			err := ask(b.Engine)
			if calls < n {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			if failed++; !errors.Is(err, errDown) {
				t.Errorf("%s with call %d failing: %v", name, n, err)
			}
		}
		if failed == 0 {
			t.Errorf("%s made no call: the test shows nothing", name)
		}
	}
	for n := int64(1); n < 20; n++ { // Open may go on without an execution, and reads it later
		f := tablefaulty.Wrap(inner, tablefaulty.At(n, tablefaulty.Before(errDown)))
		b.opt.Table = f
		if err := b.tryReopen(); n == 1 && err == nil || err != nil && !errors.Is(err, errDown) || err == nil && f.Calls() < n && f.Calls() < 2 {
			t.Errorf("Open with call %d failing: %v, %d calls", n, err, f.Calls())
		}
	}
}

// TestAContextEndsWithItsReply looks at the context of a task that has answered.
func TestAContextEndsWithItsReply(t *testing.T) {
	for _, answer := range []error{nil, &engine.TaskError{Name: "No"}} {
		var first context.Context
		looked := false
		b := newBench(t, `{"StartAt": "First", "States": {"First": {"Type": "Task", "Resource": "first",
			"Catch": [{"ErrorEquals": ["No"], "Next": "Second"}], "Next": "Second"},
			"Second": {"Type": "Task", "Resource": "second", "End": true}}}`, map[string]engine.Task{
			"first": func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
				first = ctx
				return json.RawMessage("1"), answer
			},
			"second": func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
				looked = first.Err() != nil && ctx.Err() == nil
				return json.RawMessage("2"), nil
			},
		})
		b.start("a", "{}")
		if d := b.end("a"); d.Status != asl.Succeeded || !looked {
			t.Errorf("answered with %v, its context is %v; ended %s", answer, first.Err(), d.Status)
		}
	}
}
