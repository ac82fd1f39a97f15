package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/table"
	tablefaulty "tripsaga/table/faulty"
)

// mendable is a task that fails until it is mended.
type mendable struct{ mended bool }

func (m *mendable) task(context.Context, json.RawMessage) (json.RawMessage, error) {
	if !m.mended {
		return nil, &engine.TaskError{Name: "Broken", Message: "still"}
	}
	return json.RawMessage("2"), nil
}

// loseNext lets the next write of the table hold and its reply be lost.
type loseNext struct{ on bool }

func (l *loseNext) decide(op tablefaulty.Op) tablefaulty.Fault {
	if op.Kind != tablefaulty.Transact || !l.on {
		return tablefaulty.Fault{}
	}
	l.on = false
	return tablefaulty.After(context.Canceled)
}

func (l *loseNext) wrap(o *engine.Options) { o.Table = tablefaulty.Wrap(o.Table, l.decide) }

func TestRedriveWithLostReplyGoesOn(t *testing.T) {
	second, lose := &mendable{}, &loseNext{}
	b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": second.task}, lose.wrap)
	b.start("a", "{}")
	b.end("a")
	second.mended, lose.on = true, true
	if err := b.Redrive(t.Context(), "a"); err != nil {
		t.Fatalf("it was written, which a look at the table tells: %v", err)
	}
	if d := b.end("a"); d.Status != asl.Succeeded || d.Redrives != 1 {
		t.Errorf("ended %+v", d)
	}
}

// loseReads lets the next reads of one execution's record fail.
type loseReads struct{ left int }

func (l *loseReads) decide(op tablefaulty.Op) tablefaulty.Fault {
	if op.Kind != tablefaulty.Get || op.Key.SK != "EXEC" || l.left == 0 {
		return tablefaulty.Fault{}
	}
	l.left--
	return tablefaulty.Before(table.ErrTryAgain)
}

// TestAnExecutionThatCannotBeReadIsResumedLater reopens an engine while the table is too busy for one execution.
func TestAnExecutionThatCannotBeReadIsResumedLater(t *testing.T) {
	reads := &loseReads{}
	b := newBench(t, twoSteps, steps(), func(o *engine.Options) { o.Table = tablefaulty.Wrap(o.Table, reads.decide) })
	b.start("a", "{}")
	reads.left = 3
	b.reopen()
	b.virtual.Run()
	if reads.left != 0 {
		t.Fatalf("%d reads were still to fail", reads.left)
	}
	if d := b.end("a"); d.Status != asl.Succeeded {
		t.Errorf("ended %+v", d)
	}
}

func TestStartWithLostReplyGoesOn(t *testing.T) {
	lose := &loseNext{}
	b := newBench(t, twoSteps, steps(), lose.wrap)
	lose.on = true
	if err := b.Start(t.Context(), "a", json.RawMessage("{}")); err == nil {
		t.Fatal("the reply was lost and the start acknowledged")
	}
	if d := b.end("a"); d.Status != asl.Succeeded {
		t.Errorf("ended %+v", d)
	}
}

func TestStartOutlivesItsCaller(t *testing.T) {
	b := newBench(t, twoSteps, steps())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := b.Start(ctx, "a", json.RawMessage("{}"))
	if d := b.end("a"); d.Status != asl.Succeeded {
		t.Errorf("Start = %v, ended %+v", err, d)
	}
}

// TestWaitDuringARefusedStart waits for an ended execution while a Start of its name is on its way to be refused.
func TestWaitDuringARefusedStart(t *testing.T) {
	entered, goOn := make(chan bool), make(chan bool)
	hold := false
	b := newBench(t, twoSteps, steps(), func(o *engine.Options) {
		o.Table = tablefaulty.Wrap(o.Table, func(op tablefaulty.Op) tablefaulty.Fault {
			if !hold || op.Kind != tablefaulty.Transact {
				return tablefaulty.Fault{}
			}
			return tablefaulty.CrashBefore(func() { entered <- true; <-goOn })
		})
	})
	b.start("a", "{}")
	b.end("a")
	hold = true
	refused := make(chan error)
	go func() { refused <- b.Start(t.Context(), "a", json.RawMessage("{}")) }()
	<-entered
	waited := make(chan error)
	go func() {
		_, err := b.Wait(t.Context(), "a")
		waited <- err
	}()
	close(goOn)
	if err := <-refused; !errors.Is(err, engine.ErrExists) {
		t.Errorf("Start of an ended execution: %v", err)
	}
	if err := <-waited; err != nil {
		t.Errorf("Wait: %v", err)
	}
}

// TestNoticeEndsWithItsEnd redrives before OnEnd has taken the failure: OnEnd is called once for the success, and no notice stays.
func TestNoticeEndsWithItsEnd(t *testing.T) {
	second, told := &mendable{}, 0
	b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": second.task}, func(o *engine.Options) {
		o.OnEnd = func(_ context.Context, d engine.Description) error {
			if d.Status != asl.Succeeded {
				return errors.New("not now")
			}
			told++
			return nil
		}
	})
	b.start("a", "{}")
	for b.virtual.Step() {
		if d, err := b.Describe(t.Context(), "a"); err != nil || d.Status == asl.Failed {
			break
		}
	}
	second.mended = true
	if err := b.Redrive(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	b.end("a")
	for range 3 {
		b.reopen()
		b.virtual.Run()
	}
	for item, err := range table.Items(t.Context(), b.opt.Table, table.Query{PK: "NOTICE#test"}) {
		t.Errorf("notice %s is left, error %v", item.Key, err)
	}
	if told != 1 {
		t.Errorf("told of the success %d times", told)
	}
}

// TestExplainsAConflictOnlyByReading loses a reply, and then the read that would explain the conflict.
func TestExplainsAConflictOnlyByReading(t *testing.T) {
	writes, failGet := 0, false
	b := newBench(t, twoSteps, steps())
	b.opt.Table = tablefaulty.Wrap(b.opt.Table, func(op tablefaulty.Op) tablefaulty.Fault {
		if op.Kind == tablefaulty.Transact {
			if writes++; writes == 3 {
				failGet = true
				return tablefaulty.After(errors.New("reset"))
			}
		}
		if op.Kind == tablefaulty.Get && failGet {
			failGet = false
			return tablefaulty.Before(errors.New("reset"))
		}
		return tablefaulty.Fault{}
	})
	b.reopen()
	b.start("a", "{}")
	if d := b.end("a"); d.Status != asl.Succeeded {
		t.Errorf("ended %+v", d)
	}
}
