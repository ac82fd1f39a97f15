package expr

import "github.com/theory/jsonpath/spec"

type kind uint8

const (
	kindName    kind = iota // .a ['a']
	kindIndex               // [0] [-1]
	kindAll                 // .* [*]
	kindScan                // .. : the node and all objects and arrays in it, outermost first
	kindNames               // ['a','b']
	kindIndexes             // [0,2]
	kindSlice               // [1:3]
	kindFilter              // [?(...)]
)

// segment is one step of a path from nodes to nodes.
type segment struct {
	kind    kind
	name    string
	index   int
	names   []string
	indexes []int
	// A slice is from up to but without to; negative values count from the end.
	from, to int
	open     bool // the slice has no end
	filter   *spec.FilterSelector
	paths    int  // in the filter: each is evaluated for every candidate
	compares int  // how many of the filter's comparisons may be of two big values
	text     int  // bytes of its source: a node is looked up by, or compared with, no more names and literals
	scanned  bool // the segment follows ".."
	last     bool
}

func (s *segment) definite() bool { return s.kind == kindName || s.kind == kindIndex }

// child is the node that a definite segment selects.
func (s *segment) child(node any) (any, bool) {
	if s.kind == kindName {
		object, _ := node.(map[string]any)
		v, ok := object[s.name]
		return v, ok
	}
	array, _ := node.([]any)
	return at(array, s.index)
}

// at is the element at index i, counted from the end when i is negative.
func at(array []any, i int) (any, bool) {
	if i < 0 {
		i += len(array)
	}
	if i < 0 || i >= len(array) {
		return nil, false
	}
	return array[i], true
}

// applies tells whether the segment can stand at a node that definite segments selected. As in Jayway, a segment for
// arrays fails there at any other value but null; it does not select nothing.
func (s *segment) applies(node any) bool {
	_, object := node.(map[string]any)
	_, array := node.([]any)
	switch s.kind {
	case kindIndex, kindIndexes, kindSlice:
		return array || node == nil
	case kindFilter:
		return object || array
	default:
		return true
	}
}

// selectFrom adds what the segment selects from node.
func (s *segment) selectFrom(to *selection, node any) {
	if !to.visit(1 + s.text/textPerUnit) {
		return
	}
	switch s.kind {
	case kindAll:
		to.addChildren(node)
	case kindScan:
		to.addContainers(node)
	case kindNames:
		s.addNamed(to, node)
	case kindFilter:
		s.addFiltered(to, node)
	case kindIndexes, kindSlice:
		array, _ := node.([]any)
		s.addElements(to, array)
	default:
		if v, ok := s.child(node); ok {
			to.add(v)
		}
	}
}

func (s *selection) addChildren(node any) {
	switch node := node.(type) {
	case []any:
		if s.visit(len(node)) {
			s.add(node...)
		}
	case map[string]any:
		if !s.visit(len(node)) {
			return
		}
		for _, name := range s.sorted(node) {
			s.add(node[name])
		}
	}
}

func (s *selection) addContainers(node any) {
	if !s.visit(1) {
		return
	}
	switch node := node.(type) {
	case []any:
		s.add(node)
		for _, child := range node {
			s.addContainers(child)
		}
	case map[string]any:
		s.add(node)
		for _, name := range s.sorted(node) {
			s.addContainers(node[name])
		}
	}
}

// addNamed adds the named members: at the end of a path as one object, as Jayway does, else one by one.
func (s *segment) addNamed(to *selection, node any) {
	object, ok := node.(map[string]any)
	if !ok || !to.visit(len(s.names)) {
		return
	}
	picked := map[string]any{}
	for _, name := range s.names {
		v, ok := object[name]
		if ok && s.last {
			picked[name] = v
		} else if ok {
			to.add(v)
		}
	}
	if s.last {
		to.add(picked)
	}
}

func (s *segment) addElements(to *selection, array []any) {
	if s.kind == kindSlice {
		from, end := bound(s.from, len(array)), len(array)
		if !s.open {
			end = bound(s.to, len(array))
		}
		if chosen := array[from:max(from, end)]; to.visit(len(chosen)) {
			to.add(chosen...)
		}
		return
	}
	if !to.visit(len(s.indexes)) {
		return
	}
	for _, i := range s.indexes {
		if v, ok := at(array, i); ok {
			to.add(v)
		}
	}
}

func bound(i, length int) int {
	if i < 0 {
		i += length
	}
	return min(max(i, 0), length)
}

// addFiltered tests the elements of an array, but an object itself: so does Jayway, where RFC 9535 would test the
// object's members. After ".." every object is met by itself, so an array's elements are not tested again.
//
// A filter's paths select one node each, see [pathParser.filter], so that only a comparison of two paths may cost more
// than a step for each. It looks at all of the candidate at most, and costs far more than reading it.
func (s *segment) addFiltered(to *selection, node any) {
	candidates, array := node.([]any)
	if array && s.scanned {
		return
	}
	if _, object := node.(map[string]any); object {
		candidates = []any{node}
	}
	for _, v := range candidates {
		work := s.paths + s.text/textPerUnit
		if s.compares > 0 {
			work += 4 * s.compares * Size(v, to.env.work)
		}
		if !to.visit(work) {
			return
		}
		if s.filter.Eval(v, to.root) {
			to.add(v)
		}
	}
}
