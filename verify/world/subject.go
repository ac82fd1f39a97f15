package world

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/judge"
)

// Subject is the program that a world plays: its state machines, the scenarios, and the faults that only this program can meet.
// It is not changed, and worlds may share it.
type Subject struct {
	Machines  []Machine // at least one. A later one continues a saga of the first under the same id
	Scenarios []Scenario
	Faults    []FaultKind // its own kinds, in addition to those of this package
	Actors    []Actor     // actors other than tasks and engines; [Listener] and [Redriver] always exist
	Rules     Rules       // where its own faults can happen
	LeaveOut  []LeaveOut  // pairs that an exploration leaves out although they are not equivalent to another schedule

	Steps      []string          // its tasks, in the order of a report
	Words      map[string]string // for stories: by task what has happened when it succeeds ("the card was charged"), by actor its description; default: the name
	Invariants []judge.Invariant // what its casts check

	Events  string // prefix of the sort keys of events, for the embedded store; "" if there are no events
	Outside string // prefix of the partitions of external systems' books, where a crash of the program loses nothing; "" if there are no such systems

	// Load fills the empty table once, for all runs; nil loads nothing.
	Load func(ctx context.Context, t table.Table) error
	// Aside reports whether a record does not influence what follows, such as an index entry; nil: no record is such.
	Aside func(key table.Key) bool
	// Age is the text before a duration in a record whose value makes no difference, such as the age of an overdue trip. The
	// duration ends at a comma. "": there is no such duration.
	Age     string
	Amounts *Amounts // in the inputs of tasks; nil: no amounts
	// Frozen reports whether a task that is done must refuse a delivery with other amounts; nil: each must.
	Frozen func(task string) bool

	// NewCast returns the cast for a run of one of the scenarios.
	NewCast func(r *Run, scenario string) Cast
}

// Machine is one state machine.
type Machine struct {
	Name   string // name of the engine that runs it, see [engine.Options]
	Actor  string // the engine's name in labels
	Source []byte // its definition
}

// Scenario is a set of sagas that run concurrently. Without a fault, it always has the same end.
type Scenario struct {
	Name  string
	Means string
	Sagas []Saga
	Given []sim.Fault   // faults of every run; if there are any, pairs of further faults are left out
	Takes time.Duration // duration without a fault, if it is long
}

// Saga is one execution of a scenario.
type Saga struct {
	Name   string    // in labels: "A"
	ID     string    // the name of its executions
	Record table.Key // key of the item with its status; zero if it has no such item
	Field  string    // field of that item with the status
}

// FaultKind is a kind of fault that only this subject knows.
type FaultKind struct {
	Kind    sim.Kind
	Means   string
	Takes   sim.Takes // Split: another actor's work, which can be paused between two of its operations
	Alone   bool      // it is two faults in one: pairs with it are left out
	Diverts bool      // the saga takes another path after it, however often it retries
	Equal   bool      // where it is moot, it is equivalent to another fault at the same point
}

// Actor is a part of the program or a person other than the tasks and the engines: a client, a reconciler.
type Actor struct {
	Name    string
	Waits   bool // its work can be paused and resume later
	Leaves  bool // it is a client that may not come back after an error
	OneList bool // its queries read one list, so that an error of any of them has the same effect
}

// The actors of every program.
const (
	Listener = "Listener" // is notified of the ends
	Redriver = "Redrive"  // an operator
)

var everyActor = []Actor{{Name: Listener, Waits: true}, {Name: Redriver, Waits: true}}

// Add adds faults that can happen at a point. A moot fault has the same future as another fault, see [Choice].
type Add func(moot bool, kinds ...sim.Kind)

// Rules determine which faults of a subject can happen at a point, in addition to those of every program.
type Rules interface {
	// Between adds the subject's own faults: actors that work just before the point, and faults of a provider.
	Between(p *Point, add Add)
	// Elapse adds the durations that can pass just before the point.
	Elapse(p *Point, add Add)
}

// LeaveOut is a rule that leaves out pairs that are not equivalent to another schedule. It trades coverage for time: the number
// of pairs grows with the square of the number of points.
type LeaveOut struct {
	Name  string
	Means string // description of what is left out, a sentence of the report
	// First reports whether pairs with this first fault are left out, Second whether this pair is; nil leaves out nothing.
	First  func(scenario string, first sim.Fault) bool
	Second func(scenario string, first, second sim.Fault) bool
}

// Lookup returns an item; ok is false if it does not exist.
type Lookup = func(table.Key) (item table.Item, ok bool)

// Cast is the subject in one run: its program, its clients and other actors, and its judge. All calls come from one thread.
type Cast interface {
	// Open opens the program in a process: a new one, or a second one that joins it. It returns the engines in the order of
	// Subject.Machines.
	Open(p *Process) ([]*engine.Engine, error)
	// Call starts the clients that have no answer yet, in a process that has just started.
	Call(p *Process)

	// Begins is called before the function of a delivery runs.
	Begins(call sim.Label)
	// Answered judges what the function of a delivery returned, even if the reply is lost. The actor of call is the task, even
	// for a repeated delivery.
	Answered(call sim.Label, out json.RawMessage, err error) []judge.Violation
	// Commit judges an applied transaction.
	Commit(ops []table.Op, before, after Lookup) []judge.Violation
	// Reset is called after a crash that lost writes. The next call that returns violations also returns those of Reset.
	Reset()

	// Struck is called before a fault happens.
	Struck(f sim.Fault)
	// Between runs an actor of the subject just before the point.
	Between(f sim.Fault, p *Point)
	// Left is called when a client of the saga leaves.
	Left(saga string)
	// Elapsed is called after a fault has advanced the time.
	Elapsed(f sim.Fault)

	// Halted reports whether a saga whose execution has stopped needs a redrive.
	Halted(s *Saga) bool
	// Attend starts what only the operators' jobs would start, and reports whether it has started something.
	Attend(s *Saga) bool
	// Stopped judges a saga that has stopped, before it is redriven.
	Stopped(s *Saga) []judge.Violation
	// Final judges everything at the end.
	Final() []judge.Violation
	// State returns a hash of the state that is not in a record and influences what follows.
	State() uint64
}

// LeavesFirst returns the name of the rule that leaves out all pairs with this first fault; "" if no rule does.
func (s *Subject) LeavesFirst(scenario string, first sim.Fault) (rule string) {
	return s.leaves(func(l *LeaveOut) bool { return l.First != nil && l.First(scenario, first) })
}

// LeavesPair returns the name of the rule that leaves out the pair; "" if no rule does.
func (s *Subject) LeavesPair(scenario string, first, second sim.Fault) (rule string) {
	return s.leaves(func(l *LeaveOut) bool { return l.Second != nil && l.Second(scenario, first, second) })
}

func (s *Subject) leaves(applies func(*LeaveOut) bool) string {
	for i := range s.LeaveOut {
		if applies(&s.LeaveOut[i]) {
			return s.LeaveOut[i].Name
		}
	}
	return ""
}

// alters reports whether a delivery can be repeated with other amounts.
func (s *Subject) alters(task string, input []byte) bool {
	return (s.Frozen == nil || s.Frozen(task)) && s.Amounts.in(input)
}

// words returns all kinds of fault that the subject knows.
func (s *Subject) words() sim.Words {
	all := sim.Words{}
	for k, takes := range words {
		all[k] = takes
	}
	for _, f := range s.Faults {
		all[f.Kind] = f.Takes
	}
	return all
}

// Kinds lists the kinds of fault that a schedule can have.
func (s *Subject) Kinds() []sim.Kind {
	var all []sim.Kind
	for k := range s.words() {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

func (s *Subject) fault(k sim.Kind) FaultKind {
	for i := range s.Faults {
		if s.Faults[i].Kind == k {
			return s.Faults[i]
		}
	}
	return FaultKind{}
}

// Splits reports whether the kind is another actor's work, which can be paused between two of its operations.
func (s *Subject) Splits(k sim.Kind) bool {
	return words[k] == sim.Split || s.fault(k).Takes == sim.Split
}

// Diverts reports whether the saga takes another path after the fault, however often it retries.
func (s *Subject) Diverts(k sim.Kind) bool { return Lasts(k) || s.fault(k).Diverts }

// Equal reports whether a moot fault of this kind is equivalent to another one at the same point.
func (s *Subject) Equal(k sim.Kind) bool { return s.fault(k).Equal }

// Alone reports whether the fault is two faults in one, such as a failure and a restart during the wait that follows.
// Pairs with such a fault are left out.
func (s *Subject) Alone(f sim.Fault) bool {
	switch f.Kind {
	case Doze, Nap, Hour, Break, Holidays:
		return true
	case sim.Late:
		return s.IsEngine(f.At.Actor) || s.actor(f.At.Actor).Waits
	}
	return s.fault(f.Kind).Alone || s.Splits(f.Kind) && f.Count > 0
}

// IsEngine reports whether actor is the name of an engine in labels.
func (s *Subject) IsEngine(actor string) bool {
	return slices.ContainsFunc(s.Machines, func(m Machine) bool { return m.Actor == actor })
}

// IsActor reports whether name is the name, in labels, of an actor that is neither a task nor an engine.
func (s *Subject) IsActor(name string) bool { return s.actor(strings.TrimSuffix(name, "+")).Name != "" }

func (s *Subject) actor(name string) Actor {
	for _, all := range [][]Actor{s.Actors, everyActor} {
		for i := range all {
			if all[i].Name == name {
				return all[i]
			}
		}
	}
	return Actor{}
}

// Scenario returns the scenario with this name.
func (s *Subject) Scenario(name string) (*Scenario, bool) {
	i := slices.IndexFunc(s.Scenarios, func(one Scenario) bool { return one.Name == name })
	if i < 0 {
		return &Scenario{}, false
	}
	return &s.Scenarios[i], true
}

// ScenarioNames lists the names of the scenarios.
func (s *Subject) ScenarioNames() []string {
	names := make([]string, len(s.Scenarios))
	for i := range names {
		names[i] = s.Scenarios[i].Name
	}
	return names
}
