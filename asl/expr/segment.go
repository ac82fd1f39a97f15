package expr

import (
	"maps"
	"slices"

	"github.com/theory/jsonpath/spec"
)

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

// applies tells whether the segment can stand at a node that definite segments selected. As in Jayway, a path whose
// definite beginning leads to a value of the wrong kind fails; it does not yield an empty list.
func (s *segment) applies(node any) bool {
	_, object := node.(map[string]any)
	_, array := node.([]any)
	switch s.kind {
	case kindNames:
		return object
	case kindIndexes, kindSlice:
		return array
	case kindFilter:
		return object || array
	default:
		return true
	}
}

// appendNodes appends what the segment selects from node; root is what $ means in a filter.
func (s *segment) appendNodes(dst []any, node, root any) []any {
	switch s.kind {
	case kindAll:
		return appendChildren(dst, node)
	case kindScan:
		return appendContainers(dst, node)
	case kindNames:
		return s.appendNamed(dst, node)
	case kindFilter:
		return s.appendFiltered(dst, node, root)
	case kindIndexes, kindSlice:
		array, _ := node.([]any)
		return s.appendElements(dst, array)
	default:
		if v, ok := s.child(node); ok {
			dst = append(dst, v)
		}
		return dst
	}
}

func appendChildren(dst []any, node any) []any {
	switch node := node.(type) {
	case []any:
		return append(dst, node...)
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(node)) {
			dst = append(dst, node[name])
		}
	}
	return dst
}

func appendContainers(dst []any, node any) []any {
	switch node.(type) {
	case map[string]any, []any:
		dst = append(dst, node)
	}
	for _, child := range appendChildren(nil, node) {
		dst = appendContainers(dst, child)
	}
	return dst
}

// appendNamed appends the named members: at the end of a path as one object, as Jayway does, else one by one.
func (s *segment) appendNamed(dst []any, node any) []any {
	object, ok := node.(map[string]any)
	if !ok {
		return dst
	}
	picked := map[string]any{}
	for _, name := range s.names {
		v, ok := object[name]
		if ok && s.last {
			picked[name] = v
		} else if ok {
			dst = append(dst, v)
		}
	}
	if s.last {
		dst = append(dst, picked)
	}
	return dst
}

func (s *segment) appendElements(dst []any, array []any) []any {
	if s.kind == kindSlice {
		from, to := bound(s.from, len(array)), len(array)
		if !s.open {
			to = bound(s.to, len(array))
		}
		return append(dst, array[from:max(from, to)]...)
	}
	for _, i := range s.indexes {
		if v, ok := at(array, i); ok {
			dst = append(dst, v)
		}
	}
	return dst
}

func bound(i, length int) int {
	if i < 0 {
		i += length
	}
	return min(max(i, 0), length)
}

// appendFiltered tests the elements of an array, but an object itself: so does Jayway, where RFC 9535 would test the
// object's members. After ".." every object is met by itself, so an array's elements are not tested again.
func (s *segment) appendFiltered(dst []any, node, root any) []any {
	candidates, array := node.([]any)
	if array && s.scanned {
		return dst
	}
	if _, object := node.(map[string]any); object {
		candidates = []any{node}
	}
	for _, v := range candidates {
		if s.filter.Eval(v, root) {
			dst = append(dst, v)
		}
	}
	return dst
}
