package expr

import (
	"maps"
	"math/bits"
	"slices"
)

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
