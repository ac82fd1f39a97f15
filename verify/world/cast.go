package world

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/judge"
)

// What a Cast does in its run.

// Context is that of the run.
func (r *Run) Context() context.Context { return r.ctx }

// Scenario is what it plays.
func (r *Run) Scenario() *Scenario { return r.scenario }

// Committed counts the transactions of the program that no crash has lost.
func (r *Run) Committed() int { return len(r.ledger.writes) }

// Base returns what the table had before the run. It is shared, and not to be changed.
func (r *Run) Base() judge.Items { return r.world.base }

// Item returns an item as it is now, without an operation of the table.
func (r *Run) Item(key table.Key) (table.Item, bool) { return r.ledger.get(key) }

// Lasting returns an item as the worst crash at this moment would leave it.
func (r *Run) Lasting(key table.Key) (table.Item, bool) { return r.ledger.lasting(key) }

// Items yields everything in the table, in no order.
func (r *Run) Items() iter.Seq2[table.Key, table.Item] { return r.ledger.each }

// Outside returns what the systems outside have written in the run, see Subject.Outside. It is not to be changed.
func (r *Run) Outside() judge.Items { return r.ledger.bank.items }

// Writes counts the transactions of the run that no crash has lost.
func (r *Run) Writes() int { return len(r.ledger.writes) + len(r.ledger.bank.writes) }

// Field returns a member of a JSON object: a string, or the text of another value; "" if it is not there.
func (r *Run) Field(data []byte, name string) string { return r.world.seen.field(data, name) }

// FieldOf returns a field of a record as it is now; "" if the record does not exist.
func (r *Run) FieldOf(key table.Key, name string) string { return r.fieldOf(key, name) }

// Status returns the status in the record of the i-th saga of the scenario, "" before there is one.
func (r *Run) Status(i int) string { return r.sagas[i].status }

// Execution returns the status of an execution of the i-th saga of the scenario, "" before there is one.
func (r *Run) Execution(i, machine int) string { return r.sagas[i].executions[machine] }

// Faults yields the faults of the schedule and of the scenario, in no order.
func (r *Run) Faults() iter.Seq[sim.Fault] { return maps.Values(r.faults) }

// Skipped is the time that faults have let pass.
func (r *Run) Skipped() time.Duration { return r.skipped }

// Delivery is the label of the delivery at work; ok is false outside of any.
func (r *Run) Delivery() (call sim.Label, ok bool) {
	if r.frame == nil || r.frame.call == nil {
		return sim.Label{}, false
	}
	return r.frame.label, true
}

// OnEnd lets end be called when the run has ended.
func (r *Run) OnEnd(end func()) { r.endings = append(r.endings, end) }

// Waits adds to the time in which the run may end: somebody who is no part of the program lets it wait.
func (r *Run) Waits(d time.Duration) { r.waited = min(r.waited+d, math.MaxInt64/4) }

// Work does the next piece of an actor's work for a saga, or for none. If the fault by which the actor comes in between splits
// its work, the work is paused there.
func (r *Run) Work(saga, actor string, by sim.Fault, do func()) { r.as(r.someone(saga, actor), by, do) }

// Watch is Work in which nothing can go wrong: a fault of a reader is like that of any other.
func (r *Run) Watch(saga, actor string, do func()) {
	f := r.someone(saga, actor)
	f.quiet = true
	r.as(f, sim.Fault{}, do)
}

// Deliver delivers a task that no engine asked for. done reports whether it has returned, and was not paused.
func (r *Run) Deliver(saga, actor string, task engine.Task, in json.RawMessage) (done bool, err error) {
	c := r.newCall(r.Process(), saga, actor, r.ctx, task, in)
	c.work()
	return c.done, c.err
}

// MustLast checks that a crash now would leave the items as they are.
func (r *Run) MustLast(what string, keys ...table.Key) {
	for _, key := range keys {
		now, there := r.ledger.get(key)
		kept, ok := r.ledger.lasting(key)
		if there != ok || there && !(sameItem(now, kept) && string(now.Data) == string(kept.Data)) {
			r.Violation(toldLasts, "%s, and a crash now would take back %s", what, key)
		}
	}
}

func sameItem(a, b table.Item) bool { return a.Version == b.Version && maps.Equal(a.Ints, b.Ints) }

// Invariants of what the world sees and the records do not show.
const (
	runEnds         = "run-ends"
	stopsForLasting = "stops-only-for-lasting-faults"
	endsInTime      = "ends-in-time"
	journalFirst    = "journal-first"
	sameInput       = "same-input"
	noPanic         = "no-panic"
	canBePlayed     = "can-be-played"
	toldLasts       = "told-is-durable"
	contextEnds     = "context-ends"
	timeKept        = "time-kept"
)

// Names of invariants that others speak of.
const (
	Durable = toldLasts // which MustLast checks
	InTime  = endsInTime
)

// Invariants lists those that every run is checked for, whatever its subject.
func Invariants() []judge.Invariant {
	return []judge.Invariant{
		{Name: runEnds, Means: "A run comes to rest, and a program that was killed starts again."},
		{Name: stopsForLasting, Means: "A saga stops without an end only for a fault that outlasts its retries."},
		{Name: endsInTime, Means: "Without such a fault everything has ended within an hour."},
		{Name: journalFirst, Means: "A task is delivered only when the reply that led to it is in the journal."},
		{Name: sameInput, Means: "A step that was done is never done again with another input."},
		{Name: noPanic, Means: "Nothing panics: no task, not the engine, not a use case."},
		{Name: canBePlayed, Means: "A schedule can be played to its end."},
		{Name: toldLasts, Means: "What the program says to a client, a reader, the bank or the listener is true after a crash at that moment."},
		{Name: contextEnds, Means: "The context of a delivery has ended when its state is retried."},
		{Name: timeKept, Means: "A restart half-way through a wait keeps what was left of it."},
	}
}

// Invariants lists all that a run of the subject is checked for.
func (s *Subject) AllInvariants() []judge.Invariant { return slices.Concat(s.Invariants, Invariants()) }
