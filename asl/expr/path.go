package expr

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/theory/jsonpath/spec"
)

// root is the value that a path starts from.
type root uint8

const (
	rootData     root = iota // $
	rootContext              // $$
	rootVariable             // $name
)

// Path is a compiled JSONPath. It is immutable and safe for concurrent use.
type Path struct {
	text     string
	root     root
	variable string
	segments []segment
	// prefix counts the leading segments that select one node by name or index.
	prefix int
	// single: the path yields the one value it selects, not a list of values.
	single bool
	miss   noMatch
}

// ParsePath compiles a Path: "$.a.b", "$", "$$.Execution.Name", "$name.x", and the segments that select many nodes
// ("..", "*", "[1:2]", "[0,2]", "[?(@.x == 1)]"). A name follows a dot or is quoted in brackets. The error names the
// position.
func ParsePath(s string) (*Path, error) {
	p, end, err := parsePathPrefix(s, 0)
	if err != nil {
		return nil, err
	}
	if end != len(s) {
		return nil, pathError(s, end, "unexpected "+runeAt(s, end))
	}
	return p, nil
}

// ParseReferencePath compiles a Reference Path, which selects one node by names and indexes only: $.a.b[0]['c'].
// It may start at the data, the context object or a variable.
func ParseReferencePath(s string) (*Path, error) {
	p, err := ParsePath(s)
	if err != nil {
		return nil, err
	}
	if p.prefix != len(p.segments) {
		return nil, fmt.Errorf("path %q: a Reference Path selects one node, by names and indexes only", s)
	}
	return p, nil
}

// ParseResultPath compiles a Reference Path for [Path.Set]: it starts at the data, not at the context object or a
// variable.
func ParseResultPath(s string) (*Path, error) {
	p, err := ParseReferencePath(s)
	if err != nil {
		return nil, err
	}
	if p.root != rootData {
		return nil, fmt.Errorf("path %q: only the data ($) can be set, not the context object ($$) or a variable", s)
	}
	return p, nil
}

func newPath(text string, from root, variable string, segments []segment) *Path {
	p := &Path{text: text, root: from, variable: variable, segments: segments, prefix: len(segments)}
	if i := slices.IndexFunc(segments, func(s segment) bool { return !s.definite() }); i >= 0 {
		p.prefix = i
	}
	p.single = p.prefix == len(segments) || p.prefix == len(segments)-1 && segments[p.prefix].kind == kindNames
	p.miss = noMatch{p}
	return p
}

// String returns the path's source.
func (p *Path) String() string { return p.text }

// Definite reports whether Get returns the one selected value. Otherwise it returns a list of the selected values.
func (p *Path) Definite() bool { return p.single }

// IsRoot reports whether the path is "$", the whole data.
func (p *Path) IsRoot() bool { return p.root == rootData && len(p.segments) == 0 }

// Variable returns the name of the variable that the path reads, "" for $ and $$.
func (p *Path) Variable() string { return p.variable }

func pathError(s string, at int, msg string) error {
	return fmt.Errorf("path %q: position %d: %s", s, at, msg)
}

// runeAt describes the character at position i of s.
func runeAt(s string, i int) string {
	if i >= len(s) {
		return "end"
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return strconv.QuoteRune(r)
}

// Get evaluates the path. A definite path returns the value it selects. Its error wraps [ErrNoMatch] if it selects nothing
// or the variable is not set. Any other path returns a list ([]any). The list is empty also if the definite beginning of
// the path selects nothing ("$.missing[*]"). Its error wraps ErrNoMatch only if a segment for arrays is applied to another
// value ("$[1:5]" on an object). An evaluation over its budget fails with States.DataLimitExceeded. The caller must not
// change the value.
func (p *Path) Get(env *Env) (any, error) {
	if p.prefix != len(p.segments) {
		env.begin()
	}
	return p.get(env)
}

// get is Get as a part of a running evaluation.
func (p *Path) get(env *Env) (any, error) {
	if lazy, ok := env.Context.(ContextObject); ok && p.root == rootContext && p.prefix == 2 && len(p.segments) == 2 {
		if v, ok := lazy.Member(p.segments[0].name, p.segments[1].name); ok {
			return v, nil
		}
	}
	start, ok := p.start(env)
	if !ok {
		return nil, &p.miss
	}
	node := start
	for i := range p.segments[:p.prefix] {
		within := node
		if node, ok = p.segments[i].child(within); ok {
			continue
		}
		if p.Definite() || !p.segments[i].applies(within) {
			return nil, &p.miss
		}
		return []any{}, nil
	}
	if p.prefix == len(p.segments) {
		return node, nil
	}
	return p.collect(env, node, start)
}

// start returns the value that the path is applied to.
func (p *Path) start(env *Env) (any, bool) {
	switch p.root {
	case rootContext:
		return env.context(), true
	case rootVariable:
		v, ok := env.Vars[p.variable]
		return v, ok
	default:
		return env.Data, true
	}
}

func (p *Path) collect(env *Env, node, start any) (any, error) {
	rest := p.segments[p.prefix:]
	if !rest[0].applies(node) {
		return nil, &p.miss
	}
	nodes := []any{node}
	for i := range rest {
		next := selection{env: env, root: start, nodes: []any{}}
		for _, n := range nodes {
			rest[i].selectFrom(&next, n)
			if next.err != nil {
				return nil, next.err
			}
		}
		nodes = next.nodes
	}
	switch {
	case !p.single:
		return nodes, nil
	case len(nodes) == 0: // ['a','b'] of a value that is not an object
		return nil, &p.miss
	}
	return nodes[0], nil
}

// Set returns a copy of root with value at the path, which must come from [ParseResultPath] (or be definite and start at
// $). The copy shares everything that is not on the path. Missing objects are created. An index can only replace an
// element that exists. The error says what is in the way.
func (p *Path) Set(root, value any) (any, error) {
	if p.root != rootData || p.prefix != len(p.segments) {
		return nil, fmt.Errorf("path %s: only a Reference Path into the data can be set", p.text)
	}
	return p.set(root, 0, value)
}

// set returns a copy of node, to which segment i is applied, with value in it.
func (p *Path) set(node any, i int, value any) (any, error) {
	if i == len(p.segments) {
		return value, nil
	}
	if p.segments[i].kind == kindIndex {
		return p.setElement(node, i, value)
	}
	return p.setMember(node, i, value)
}

func (p *Path) setMember(node any, i int, value any) (any, error) {
	object, ok := node.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("path %s: %q cannot be set in %s", p.text, p.segments[i].name, kindOf(node))
	}
	name := p.segments[i].name
	old, ok := object[name]
	if !ok && i+1 < len(p.segments) {
		old = map[string]any{}
	}
	child, err := p.set(old, i+1, value)
	if err != nil {
		return nil, err
	}
	changed := make(map[string]any, len(object)+1)
	maps.Copy(changed, object)
	changed[name] = child
	return changed, nil
}

func (p *Path) setElement(node any, i int, value any) (any, error) {
	index := p.segments[i].index
	array, ok := node.([]any)
	if !ok {
		return nil, fmt.Errorf("path %s: element %d cannot be set in %s", p.text, index, kindOf(node))
	}
	old, ok := at(array, index)
	if !ok {
		return nil, fmt.Errorf("path %s: the array has no element %d to replace, its length is %d", p.text, index, len(array))
	}
	child, err := p.set(old, i+1, value)
	if err != nil {
		return nil, err
	}
	changed := slices.Clone(array)
	if index < 0 {
		index += len(array)
	}
	changed[index] = child
	return changed, nil
}

// kindOf returns the name of a value's JSON type, for messages.
func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case nil:
		return "null"
	default:
		return "a number"
	}
}

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
	// A slice is from, included, to to, excluded; negative values count from the end.
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

// child returns the node that a definite segment selects.
func (s *segment) child(node any) (any, bool) {
	if s.kind == kindName {
		object, _ := node.(map[string]any)
		v, ok := object[s.name]
		return v, ok
	}
	array, _ := node.([]any)
	return at(array, s.index)
}

// at returns the element at index i; a negative i counts from the end.
func at(array []any, i int) (any, bool) {
	if i < 0 {
		i += len(array)
	}
	if i < 0 || i >= len(array) {
		return nil, false
	}
	return array[i], true
}

// applies reports whether the segment can be applied to a node that definite segments selected. As in Jayway, a segment for
// arrays does not select nothing from another value: it fails, except on null.
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

// addNamed adds the named members. As in Jayway, the last segment of a path adds them as one object, others one by one.
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

// addFiltered applies a filter. As in Jayway, it tests the elements of an array, but an object as a whole; RFC 9535 would
// test the object's members. After ".." every object is a candidate itself, so the elements of an array are not tested
// again.
//
// The library that evaluates filters has no budget, so the cost is paid in advance. Each of a filter's paths selects one
// node, see [pathParser.filter], and costs one step. Only a comparison of two paths may cost more: it reads at most the
// whole candidate, and comparing is far more expensive than reading.
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
