package engine_test

import (
	"encoding/json"
	"errors"
	"testing"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/table"
	tablefaulty "tripsaga/table/faulty"
)

// TestJournalFaults lets every write of the engine fail once, before or after its effect.
func TestJournalFaults(t *testing.T) {
	for name, fault := range map[string]tablefaulty.Fault{
		"busy":       tablefaulty.Before(table.ErrTryAgain),
		"reply lost": tablefaulty.After(errors.New("connection reset")),
	} {
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
