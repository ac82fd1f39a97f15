// Package expr implements the expressions of the Amazon States Language in JSONPath mode: paths, payload templates and
// intrinsic functions. Package asl parses them once, when a definition is loaded, and evaluates them in every step.
// Package choice uses them for the rules of a Choice state.
//
// Data is JSON values as Go values: map[string]any, []any, string, bool, nil and [json.Number], which keeps the text of a
// number. Values are immutable: nothing changes a value in place, and a result may share parts with its input. [Decode] and
// [Encode] convert from and to JSON text.
//
// Sources: https://states-language.net/spec.html, the Step Functions developer guide, and the behaviour observed on
// AWS, which evaluates paths with Jayway JsonPath, a Java library. Known differences: Go maps have no order, so wherever
// AWS shows an object's members in the order of the input (wildcards, States.JsonToString, States.Format), this package
// sorts them by name; and two numbers inside a filter are compared as float64.
//
// [Decode] is lenient, because it reads the data of running executions. It accepts a duplicate member (the last one
// counts) and half of a surrogate pair (U+FFFD) in task outputs and in the text of States.StringToJson. The specification
// and the developer guide make neither an error, and a saga that has charged a card must not fail over the spelling of a
// reply. Definitions, the inputs of new executions and the inputs of this program's tasks are checked strictly before
// (package strictjson).
package expr

import (
	"errors"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// Env is the data that an expression reads. It is not safe for concurrent use.
type Env struct {
	Data    any            // $
	Context any            // $$: the context object, or a ContextObject that builds it
	Vars    map[string]any // $name; may be nil
	// Random is the source of States.UUID, and of States.MathRandom without a seed. If nil, they fail.
	Random rand.Source

	work, room int // what is left of the running evaluation's budget: units of work, and bytes of the result
}

// ContextObject builds the context object.
type ContextObject interface {
	// Object returns the context object. It is called each time a path reads it, so it should cache its result.
	Object() any
	// Member returns a member of an object in the context object, without building it. ok is false for members that only
	// Object has.
	Member(object, name string) (value any, ok bool)
}

func (e *Env) context() any {
	if lazy, ok := e.Context.(ContextObject); ok {
		return lazy.Object()
	}
	return e.Context
}

// The ASL error names that evaluation can end with.
const (
	nameParameterPath = "States.ParameterPathFailure"
	nameIntrinsic     = "States.IntrinsicFailure"
	nameDataLimit     = "States.DataLimitExceeded"
)

// ErrNoMatch is wrapped by the error of [Path.Get] if a definite path selects nothing. The ASL error for that depends on the
// field that holds the path.
var ErrNoMatch = errors.New("the path selects nothing")

// Error is a failed evaluation as an ASL error.
type Error struct {
	Name    string // the ASL error name, States.IntrinsicFailure for example
	Message string // the Cause
}

func (e *Error) Error() string { return e.Name + ": " + e.Message }

// SyntaxError describes what is wrong with a payload template or a choice rule.
type SyntaxError struct {
	Path    string // where in the value, without the leading "$": ".And[1].Variable"; "" is the value itself
	Message string
}

func (e *SyntaxError) Error() string { return "$" + e.Path + ": " + e.Message }

// noMatch is the error of one path. It is created when the path is parsed, so that a miss does not allocate.
type noMatch struct{ path *Path }

func (e *noMatch) Error() string { return e.path.text + ": " + ErrNoMatch.Error() }

func (e *noMatch) Unwrap() error { return ErrNoMatch }

// MaxResult is the largest result of a template in bytes of JSON: Step Functions' limit on a state's data. It also limits
// intermediate lists (in nodes) and texts (in bytes).
const MaxResult = 262144

// maxWork is the budget of one evaluation: one unit for each node it visits and for each byte of arguments it reads. A path
// that selects a node more than once ($..*..*) can cost far more than the size of its result suggests, so a limit on the result
// alone comes too late; and a time limit would depend on the machine. 64 reads of the largest data are within the budget. See
// docs/adr/0027.
const maxWork = 64 * MaxResult

// errTooMuch is the error of an evaluation when its budget is used up.
var errTooMuch = &Error{nameDataLimit, "the expression selects or makes more than the limit on a state's data"}

// textPerUnit is how many bytes of text one unit of work looks up or compares.
const textPerUnit = 64

// begin starts an evaluation with a full budget.
func (e *Env) begin() { e.work, e.room = maxWork, MaxResult }

// spend subtracts n units of work from the budget.
func (e *Env) spend(n int) error {
	if e.work -= n; e.work < 0 {
		return errTooMuch
	}
	return nil
}

// read spends the work of reading all of v.
func (e *Env) read(v any) error { return e.spend(Size(v, e.work)) }

// yield subtracts v, a part of the result, from the bytes that the result may still have.
func (e *Env) yield(v any) error {
	n := Size(v, e.room)
	if e.room -= n; e.room < 0 {
		return errTooMuch
	}
	return e.spend(n)
}

// selection collects the nodes that a segment selects. After an error it collects no more.
type selection struct {
	env   *Env
	root  any // what $ means in a filter
	nodes []any
	err   error
}

// visit spends n units of work and reports whether to continue.
func (s *selection) visit(n int) bool {
	if s.err == nil {
		s.err = s.env.spend(n)
	}
	return s.err == nil
}

// sorted returns the sorted names of an object. Long names with a common prefix cost more to sort than to visit.
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

// add adds nodes that have been visited.
func (s *selection) add(nodes ...any) {
	if s.err == nil && len(s.nodes)+len(nodes) > MaxResult {
		s.err = errTooMuch
	}
	if s.err == nil {
		s.nodes = append(s.nodes, nodes...)
	}
}
