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

var journalFaults = map[string]tablefaulty.Fault{
	"busy":       tablefaulty.Before(table.ErrTryAgain),
	"reply lost": tablefaulty.After(errors.New("connection reset")),
}

// TestJournalFaults lets every write of the engine fail once, before or after its effect.
func TestJournalFaults(t *testing.T) {
	for name, fault := range journalFaults {
		t.Run(name, func(t *testing.T) {
			n := 1
			for journalFault(t, n, fault) {
				n++
			}
			if n < 4 {
				t.Fatalf("only %d writes seen, the test shows nothing", n-1)
			}
		})
	}
}

// journalFault lets the n-th write of an execution meet the fault, and reports whether there was an n-th.
func journalFault(t *testing.T, n int, fault tablefaulty.Fault) (hit bool) {
	t.Helper()
	writes := 0
	calls := map[string]int{}
	b := newBench(t, twoSteps, map[string]engine.Task{"first": counts(calls, "first"), "second": counts(calls, "second")})
	b.opt.Table = tablefaulty.Wrap(b.opt.Table, func(op tablefaulty.Op) tablefaulty.Fault {
		if op.Kind != tablefaulty.Transact {
			return tablefaulty.Fault{}
		}
		if writes++; writes != n {
			return tablefaulty.Fault{}
		}
		hit = true
		return fault
	})
	for range 3 {
		if b.tryReopen() == nil {
			break
		}
	}
	for b.Start(t.Context(), "a", json.RawMessage("{}")) != nil { // its outcome is unknown: the caller tries again
	}
	d := b.end("a")
	if d.Status != asl.Succeeded || calls["first"] != 1 || calls["second"] != 1 {
		t.Errorf("fault at write %d: %s %s, calls %v", n, d.Status, d.Error, calls)
	}
	return hit
}

// TestNoticeFaults lets every call to the table fail once while an execution ends without success: the engine notifies OnEnd
// nevertheless, leaves no notice to the next one, and keeps what is final as a dead notice.
func TestNoticeFaults(t *testing.T) {
	for name, fault := range journalFaults {
		for _, answer := range []error{nil, engine.ErrFinal} {
			for n := 1; noticeFault(t, name, n, fault, answer); n++ {
			}
		}
	}
}

func noticeFault(t *testing.T, name string, n int, fault tablefaulty.Fault, answer error) (hit bool) {
	t.Helper()
	calls, told := 0, 0
	b := newBench(t, failing, nil, func(o *engine.Options) {
		o.OnEnd = func(context.Context, engine.Description) error {
			if told++; told == 1 {
				return errors.New("not now")
			}
			return answer
		}
	})
	inner := b.opt.Table
	b.opt.Table = tablefaulty.Wrap(inner, func(tablefaulty.Op) tablefaulty.Fault {
		if calls++; calls != n {
			return tablefaulty.Fault{}
		}
		hit = true
		return fault
	})
	for b.tryReopen() != nil {
	}
	for range 2 { // the outcome of the first may be unknown: the caller tries again
		if b.Start(t.Context(), "a", json.RawMessage("{}")) == nil {
			break
		}
	}
	b.virtual.Run()
	if told < 2 {
		t.Errorf("%s at call %d: OnEnd, which answers %v the second time, was called %d times", name, n, answer, told)
	}
	for item, err := range table.Items(t.Context(), inner, table.Query{PK: "NOTICE#test"}) {
		t.Errorf("%s at call %d: OnEnd, which answers %v, was called %d times, and the notice %s is left, %v", name, n, answer, told, item.Key, err)
	}
	dead := 0
	for range table.Items(t.Context(), inner, table.Query{PK: "DEADNOTICE#test"}) {
		dead++
	}
	if (dead == 1) != (answer != nil) {
		t.Errorf("%s at call %d: OnEnd, which answers %v, leaves %d dead notices", name, n, answer, dead)
	}
	return hit
}
