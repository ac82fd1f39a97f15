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

// Subject is the program that a world plays: its state machines, the scenarios, and what can go wrong in them beside the
// faults of every program. It does not change, and worlds may share it.
type Subject struct {
	Machines  []Machine // at least one. A later one continues a saga of the first under the same id
	Scenarios []Scenario
	Faults    []FaultKind // its own kinds, beside those of this package
	Actors    []Actor     // who works beside the tasks and the engines; [Listener] and [Redriver] are always there
	Rules     Rules       // where its own faults can happen
	LeaveOut  []LeaveOut  // pairs that an exploration leaves out although they equal no other schedule

	Steps      []string          // its tasks, in the order of a report
	Words      map[string]string // for stories: by task what has happened when it succeeds ("the card was charged"), by actor who it is; without one its name is used
	Invariants []judge.Invariant // what its casts check

	Events  string // what the sort keys of events begin with, for the embedded store; "" is none
	Outside string // what the partitions of other systems' books begin with, "" is none: a crash of the program loses nothing there

	// Load fills the empty table once, for all runs; nil loads nothing.
	Load func(ctx context.Context, t table.Table) error
	// Aside reports whether a record says nothing about what follows, such as an index; nil: none.
	Aside func(key table.Key) bool
	// Age precedes a duration in a record, such as the age of what is overdue: which one it is makes no difference. It ends at
	// a comma. "" is none.
	Age     string
	Amounts *Amounts // in the inputs of tasks; nil: none
	// Frozen reports whether a task that is done must refuse a delivery with other amounts; nil: each must.
	Frozen func(task string) bool

	// NewCast begins a run of one of the scenarios.
	NewCast func(r *Run, scenario string) Cast
}

// Machine is one state machine.
type Machine struct {
	Name   string // of the engine that runs it, see [engine.Options]
	Actor  string // the engine's name in labels
	Source []byte // its definition
}

// Scenario is a set of sagas that run together. Without a fault it has one end.
type Scenario struct {
	Name  string
	Means string
	Sagas []Saga
	Given []sim.Fault   // faults of every run; with one, pairs of further faults are left out
	Takes time.Duration // without a fault, if that is long
}

// Saga is one execution of a scenario.
type Saga struct {
	Name   string    // in labels: "A"
	ID     string    // the name of its executions
	Record table.Key // of the item with its status; the zero Key is none
	Field  string    // of that item
}

// FaultKind is a kind of fault that only this subject knows.
type FaultKind struct {
	Kind    sim.Kind
	Means   string
	Takes   sim.Takes // Split: another actor's work, which can be paused between two of its operations
	Alone   bool      // it is two faults in one: pairs with it are left out
	Diverts bool      // the saga takes another way after it, however often it retries
	Equal   bool      // where it is moot, it equals another fault at the same point
}

// Actor is somebody who works beside the tasks and the engines: a client, a reconciler.
type Actor struct {
	Name    string
	Waits   bool // its work can be paused and resume later
	Leaves  bool // it is a client who may not come back after an error
	OneList bool // its queries read one list, so that an error of one is like that of another
}

// The actors of every program.
const (
	Listener = "Listener" // is notified of the ends
	Redriver = "Redrive"  // an operator
)

var everyActor = []Actor{{Name: Listener, Waits: true}, {Name: Redriver, Waits: true}}

// Add offers faults at a point. A moot one has the same future as another one, see [Choice].
type Add func(moot bool, kinds ...sim.Kind)

// Rules say which faults of a subject can happen at a point, beside those of every program.
type Rules interface {
	// Between adds the subject's own faults: who comes in between just before the point, what a provider does.
	Between(p *Point, add Add)
	// Elapse adds the times that can pass just before the point.
	Elapse(p *Point, add Add)
}

// LeaveOut is a rule that leaves out pairs which equal no other schedule. It trades coverage for time: the pairs grow with the
// square of the points.
type LeaveOut struct {
	Name  string
	Means string // what is left out, as a sentence of the report
	// First reports whether pairs with this first fault are left out, Second whether this pair is; nil: none.
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
	// Call sets the clients to work who have no answer yet, in a process that has just started.
	Call(p *Process)

	// Begins is called before the function of a delivery runs.
	Begins(call sim.Label)
	// Answered judges what it returned, also if the reply is lost. The actor is its task, also of a repeated delivery.
	Answered(call sim.Label, out json.RawMessage, err error) []judge.Violation
	// Commit judges a transaction that was applied.
	Commit(ops []table.Op, before, after Lookup) []judge.Violation
	// Reset is called after a crash that lost writes. The next call that returns violations returns those of Reset, too.
	Reset()

	// Struck is called before a fault happens.
	Struck(f sim.Fault)
	// Between lets an actor of the subject's own come in between just before the point.
	Between(f sim.Fault, p *Point)
	// Left is called when a client of the saga leaves.
	Left(saga string)
	// Elapsed is called when a fault has let time pass.
	Elapsed(f sim.Fault)

	// Halted reports whether a saga whose execution has stopped needs a redrive.
	Halted(s *Saga) bool
	// Attend starts what nobody but the operators' jobs would start, and reports whether there is such a thing.
	Attend(s *Saga) bool
	// Stopped judges a saga that has stopped, before it is redriven.
	Stopped(s *Saga) []judge.Violation
	// Final judges everything at the end.
	Final() []judge.Violation
	// State is a hash of what is in no record and decides what follows.
	State() uint64
}

// LeavesFirst returns the name of the rule that leaves out all pairs with this first fault; "" is none.
func (s *Subject) LeavesFirst(scenario string, first sim.Fault) (rule string) {
	return s.leaves(func(l *LeaveOut) bool { return l.First != nil && l.First(scenario, first) })
}

// LeavesPair returns the name of the rule that leaves out the pair; "" is none.
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

// words are all kinds of fault that the subject knows.
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

// Kinds lists the faults that a schedule can have.
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

// Diverts reports whether the saga takes another way after the fault, however often it retries.
func (s *Subject) Diverts(k sim.Kind) bool { return Lasts(k) || s.fault(k).Diverts }

// Equal reports whether a moot fault of this kind equals another one at the same point.
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

// IsEngine reports whether labels name an engine so.
func (s *Subject) IsEngine(actor string) bool {
	return slices.ContainsFunc(s.Machines, func(m Machine) bool { return m.Actor == actor })
}

// IsActor reports whether labels name an actor so that is neither a task nor an engine.
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

// Scenario returns the scenario of this name.
func (s *Subject) Scenario(name string) (*Scenario, bool) {
	i := slices.IndexFunc(s.Scenarios, func(one Scenario) bool { return one.Name == name })
	if i < 0 {
		return &Scenario{}, false
	}
	return &s.Scenarios[i], true
}

// ScenarioNames lists their names.
func (s *Subject) ScenarioNames() []string {
	names := make([]string, len(s.Scenarios))
	for i := range names {
		names[i] = s.Scenarios[i].Name
	}
	return names
}
