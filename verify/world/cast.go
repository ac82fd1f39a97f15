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

// The methods of Run for a Cast.

// Context returns the context of the run.
func (r *Run) Context() context.Context { return r.ctx }

// Scenario returns the scenario of the run.
func (r *Run) Scenario() *Scenario { return r.scenario }

// Committed returns the number of transactions of the program that no crash has lost.
func (r *Run) Committed() int { return len(r.ledger.writes) }

// Base returns the items of the table before the run. It is shared and must not be changed.
func (r *Run) Base() judge.Items { return r.world.base }

// Item returns the present state of an item, without an operation of the table.
func (r *Run) Item(key table.Key) (table.Item, bool) { return r.ledger.get(key) }

// Lasting returns an item as the worst crash at this moment would leave it.
func (r *Run) Lasting(key table.Key) (table.Item, bool) { return r.ledger.lasting(key) }

// Items yields everything in the table, in no order.
func (r *Run) Items() iter.Seq2[table.Key, table.Item] { return r.ledger.each }

// Outside returns what external systems have written in the run, see Subject.Outside. It must not be changed.
func (r *Run) Outside() judge.Items { return r.ledger.bank.items }

// Writes returns the number of transactions of the run that no crash has lost, including those of external systems.
func (r *Run) Writes() int { return len(r.ledger.writes) + len(r.ledger.bank.writes) }

// Field returns a member of a JSON object: a string, or the text of another value; "" if the member does not exist.
func (r *Run) Field(data []byte, name string) string { return r.world.seen.field(data, name) }

// FieldOf returns a field of a record as it is now; "" if the record does not exist.
func (r *Run) FieldOf(key table.Key, name string) string { return r.fieldOf(key, name) }

// Status returns the status in the record of the i-th saga of the scenario; "" if the record does not exist yet.
func (r *Run) Status(i int) string { return r.sagas[i].status }

// Execution returns the status of an execution of the i-th saga of the scenario; "" if the execution does not exist yet.
func (r *Run) Execution(i, machine int) string { return r.sagas[i].executions[machine] }

// Faults yields the faults of the schedule and of the scenario, in no particular order.
func (r *Run) Faults() iter.Seq[sim.Fault] { return maps.Values(r.faults) }

// Skipped returns the virtual time by which faults have advanced the clock.
func (r *Run) Skipped() time.Duration { return r.skipped }

// Delivery returns the label of the running delivery; ok is false outside a delivery.
func (r *Run) Delivery() (call sim.Label, ok bool) {
	if r.frame == nil || r.frame.call == nil {
		return sim.Label{}, false
	}
	return r.frame.label, true
}

// OnEnd registers end to be called when the run has ended.
func (r *Run) OnEnd(end func()) { r.endings = append(r.endings, end) }

// Waits extends the time within which the run must end, because somebody outside the program makes it wait.
func (r *Run) Waits(d time.Duration) { r.waited = min(r.waited+d, math.MaxInt64/4) }

// Work does the next piece of an actor's work for a saga; saga is "" if the work belongs to no saga. If the fault by which the
// actor comes in between splits its work, the work is paused there.
func (r *Run) Work(saga, actor string, by sim.Fault, do func()) { r.as(r.someone(saga, actor), by, do) }

// Watch is Work without faults: a fault of one reader is like that of any other.
func (r *Run) Watch(saga, actor string, do func()) {
	f := r.someone(saga, actor)
	f.quiet = true
	r.as(f, sim.Fault{}, do)
}

// Deliver delivers a task that no engine has requested. done reports whether it has returned and was not paused.
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
			r.Violation(toldLasts, "%s, and a crash now would revert %s", what, key)
		}
	}
}

func sameItem(a, b table.Item) bool { return a.Version == b.Version && maps.Equal(a.Ints, b.Ints) }

// The invariants that the world checks because the records do not show them.
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

// Names of invariants that other packages use.
const (
	Durable = toldLasts // checked by MustLast
	InTime  = endsInTime
)

// Invariants lists the invariants that every run is checked for, whatever its subject.
func Invariants() []judge.Invariant {
	return []judge.Invariant{
		{Name: runEnds, Means: "A run comes to rest, and a program that was killed starts again."},
		{Name: stopsForLasting, Means: "A saga stops without an end only because of a fault that outlasts its retries."},
		{Name: endsInTime, Means: "Without such a fault everything has ended within an hour."},
		{Name: journalFirst, Means: "A task is delivered only when the reply that led to it is in the journal."},
		{Name: sameInput, Means: "A step that was done is never done again with another input."},
		{Name: noPanic, Means: "Nothing panics: no task, not the engine, not a use case."},
		{Name: canBePlayed, Means: "A schedule can be played to its end."},
		{Name: toldLasts, Means: "What the program reports to a client, a reader, the bank or the listener is true even after a crash at that moment."},
		{Name: contextEnds, Means: "The context of a delivery has ended when its state is retried."},
		{Name: timeKept, Means: "A restart half-way through a wait does not change when the wait ends."},
	}
}

// AllInvariants lists all invariants that a run of the subject is checked for.
func (s *Subject) AllInvariants() []judge.Invariant { return slices.Concat(s.Invariants, Invariants()) }
