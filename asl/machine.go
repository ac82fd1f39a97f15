package asl

import (
	"slices"
	"time"

	"tripsaga/asl/expr"
)

// Machine is a validated definition. It never changes: any number of executions may use it at once.
type Machine struct {
	comment   string
	root      *graph
	timeout   time.Duration // 0 is none
	states    []StateInfo
	functions []string
	notes     []Problem
}

// Comment is the definition's Comment, or "".
func (m *Machine) Comment() string { return m.comment }

// StartAt is the name of the first state.
func (m *Machine) StartAt() string { return m.root.start.name }

// Timeout is the machine's TimeoutSeconds; 0 means none.
func (m *Machine) Timeout() time.Duration { return m.timeout }

// States describes every state, those of Parallel and Map states included: in the order in which they are reached from
// StartAt, following Next first, then the rules of a Choice, then what Catch leads to. A nested state follows its parent.
func (m *Machine) States() []StateInfo { return slices.Clone(m.states) }

// Functions are the names of the functions that the tasks call, sorted. A name that an execution computes
// (FunctionName.$) is not among them.
func (m *Machine) Functions() []string { return slices.Clone(m.functions) }

// Notes are the places of the definition that Step Functions accepts and that do not do what one may think.
func (m *Machine) Notes() []Problem { return slices.Clone(m.notes) }

// graph is one set of states: the machine's own, a branch of a Parallel state or the processor of a Map state.
type graph struct {
	path   string // JSON path of the object that holds StartAt and States
	parent *graph
	owner  *state // the Parallel or Map state; nil for the machine's own
	index  int    // of the branch
	start  *state
	states map[string]*state
}

// state is one state of a machine. What its type adds is in body.
type state struct {
	name      string
	kind      string // the Type field
	comment   string
	path      string // JSON path
	graph     *graph
	input     selection
	output    selection
	params    *expr.Template
	selector  *expr.Template
	placement placement
	assign    *assignment
	next      *state // nil ends the graph
	end       bool
	retry     []retrier
	catch     []catcher
	body      body
	entered   string // history event types
	exited    string
	canRetry  bool // Task, Parallel, Map: the context object shows RetryCount
}

// body is what a state's type does. visit begins (or, after a retry, begins again) the work on input, which is the
// state's input after InputPath.
type body interface {
	visit(s *stepper, t *thread, input any)
}
