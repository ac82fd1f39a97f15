package expr

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
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
	// single says that the path yields the one value it selects and not a list of values.
	single bool
	miss   noMatch
}

// ParsePath compiles a Path: "$.a.b", "$", "$$.Execution.Name", "$name.x", and the forms that select many nodes
// ("..", "*", "[1:2]", "[0,2]", "[?(@.x == 1)]"). Names may stand after a dot or, quoted, in brackets. The error names
// the position.
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

// ParseResultPath compiles a Reference Path that values can be set at: it starts at the data, neither at the context
// object nor at a variable.
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

// String is the path as it was written.
func (p *Path) String() string { return p.text }

// Definite tells whether Get yields the selected value itself; else it yields a list of the selected values.
func (p *Path) Definite() bool { return p.single }

// IsRoot tells whether the path is "$", the data as a whole.
func (p *Path) IsRoot() bool { return p.root == rootData && len(p.segments) == 0 }

// Variable is the name of the variable that the path reads, "" for $ and $$.
func (p *Path) Variable() string { return p.variable }

func pathError(s string, at int, msg string) error {
	return fmt.Errorf("path %q: position %d: %s", s, at, msg)
}

// runeAt describes what stands at position i of s.
func runeAt(s string, i int) string {
	if i >= len(s) {
		return "end"
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return strconv.QuoteRune(r)
}
