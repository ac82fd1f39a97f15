// Package expr is the expression side of the Amazon States Language in JSONPath mode: paths, payload templates and
// intrinsic functions. Package asl parses them once, when a definition is loaded, and evaluates them in every step;
// package choice builds the rules of a Choice state on them.
//
// Data are JSON values as Go values: map[string]any, []any, string, bool, nil and [json.Number], which keeps a number's
// text as it stood. Values are immutable: nothing changes one in place, and what is returned may share parts with what
// was given. [Decode] and [Encode] convert from and to JSON text.
//
// Sources: https://states-language.net/spec.html, the Step Functions developer guide, and the behaviour observed on
// AWS, which evaluates paths with Jayway JsonPath, written in Java. The known differences: Go maps keep no order, so
// wherever AWS shows an object's members in the order of the input (wildcards, States.JsonToString, States.Format),
// this package shows them sorted by name; and two numbers inside a filter are compared as float64.
//
// [Decode] is lenient where an execution is under way: task outputs and the text of States.StringToJson are not refused
// for a duplicate member (the last one counts) or half of a surrogate pair (U+FFFD), since the States Language and the
// developer guide make neither an error, and a saga that has taken money must not fail over the spelling of an answer.
// Definitions and the inputs of new executions are read strictly before they come here (package strictjson), and so is
// what a task of this program is given.
package expr

import (
	"errors"
	"maps"
	"math/bits"
	"slices"
)

// Env is what an expression reads. One evaluation at a time may use it.
type Env struct {
	Data any // $
	// Context is $$: the context object, or a func() any that builds it. The function is called each time that a path
	// reads the context object, so it should keep what it built.
	Context any
	Vars    map[string]any // $name; nil when there are none
	// Random feeds States.UUID and States.MathRandom without a seed; without it they fail.
	Random func() uint64

	// What the evaluation under way may still do, and what its result may still weigh.
	work, room int
}

func (e *Env) context() any {
	if build, ok := e.Context.(func() any); ok {
		return build()
	}
	return e.Context
}

// The ASL error names that evaluation can end with.
const (
	nameParameterPath = "States.ParameterPathFailure"
	nameIntrinsic     = "States.IntrinsicFailure"
	nameDataLimit     = "States.DataLimitExceeded"
)

// ErrNoMatch is wrapped by the error of [Path.Get] when a definite path selects nothing. Which ASL error that is depends on the
// field that holds the path.
var ErrNoMatch = errors.New("the path selects nothing")

// Error is a failed evaluation, as a state machine sees it.
type Error struct {
	Name    string // the ASL error name, States.IntrinsicFailure for example
	Message string // the Cause
}

func (e *Error) Error() string { return e.Name + ": " + e.Message }

// SyntaxError refuses a payload template or a choice rule.
type SyntaxError struct {
	Path    string // where in the value, without the leading "$": ".And[1].Variable"; "" is the value itself
	Message string
}

func (e *SyntaxError) Error() string { return "$" + e.Path + ": " + e.Message }

// noMatch is the error of one path; it is made when the path is parsed, so that a miss costs no allocation.
type noMatch struct{ path *Path }

func (e *noMatch) Error() string { return e.path.text + ": " + ErrNoMatch.Error() }

func (e *noMatch) Unwrap() error { return ErrNoMatch }

// MaxResult is how many bytes of JSON a template may yield: Step Functions' limit on a state's data. No list or text
// that an expression makes on the way is longer, in nodes or bytes.
const MaxResult = 262144

// maxWork is how many nodes one evaluation may visit and bytes of arguments it may read. Paths that select a node more
// than once ($..*..*) would otherwise cost far more than their result may weigh. Whatever reads each of the limit's bytes
// 64 times is within it.
const maxWork = 64 * MaxResult

// errTooMuch is the error of an evaluation that is over its bounds, at the moment it is.
var errTooMuch = &Error{nameDataLimit, "the expression selects or makes more than the limit on a state's data"}

// textPerUnit is how many bytes of text one unit of work looks up or compares.
const textPerUnit = 64

// begin gives an evaluation its budget.
func (e *Env) begin() { e.work, e.room = maxWork, MaxResult }

// spend takes n units of work off the budget.
func (e *Env) spend(n int) error {
	if e.work -= n; e.work < 0 {
		return errTooMuch
	}
	return nil
}

// read spends the reading of all of v.
func (e *Env) read(v any) error { return e.spend(Size(v, e.work)) }

// yield takes v, which becomes a part of the result, off what the result may still weigh.
func (e *Env) yield(v any) error {
	n := Size(v, e.room)
	if e.room -= n; e.room < 0 {
		return errTooMuch
	}
	return e.spend(n)
}

// selection gathers the nodes that a segment selects. It takes no more once it has an error.
type selection struct {
	env   *Env
	root  any // what $ means in a filter
	nodes []any
	err   error
}

// visit spends n units of work and reports whether to go on.
func (s *selection) visit(n int) bool {
	if s.err == nil {
		s.err = s.env.spend(n)
	}
	return s.err == nil
}

// sorted is the names of an object in their order. Long names that begin alike cost more to sort than to visit.
func (s *selection) sorted(object map[string]any) []string {
	n := 0
	for name := range object {
		n += len(name)
	}
	if !s.visit(n / textPerUnit * bits.Len(uint(len(object)))) {
		return nil
	}
	return slices.Sorted(maps.Keys(object))
}

// add takes nodes that have been visited.
func (s *selection) add(nodes ...any) {
	if s.err == nil && len(s.nodes)+len(nodes) > MaxResult {
		s.err = errTooMuch
	}
	if s.err == nil {
		s.nodes = append(s.nodes, nodes...)
	}
}
