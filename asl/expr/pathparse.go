package expr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
)

const maxVariable = 80 // characters of a variable's name

// pathParser parses a path that starts at s[i] and may be followed by other text.
type pathParser struct {
	s        string
	i        int
	segments []segment
}

// parsePathPrefix compiles the path that starts at position from of s and returns the position after it.
func parsePathPrefix(s string, from int) (*Path, int, error) {
	if !utf8.ValidString(s) {
		return nil, 0, fmt.Errorf("path %q: not valid UTF-8", s)
	}
	p := &pathParser{s: s, i: from}
	if !p.skip('$') {
		return nil, 0, pathError(s, p.i, "a path starts with $, not with "+runeAt(s, p.i))
	}
	start, variable, err := p.root()
	if err != nil {
		return nil, 0, err
	}
	for more := true; more; {
		begin := p.i
		if more, err = p.segment(); err != nil {
			return nil, 0, err
		}
		if n := len(p.segments); n > 0 {
			p.segments[n-1].text += p.i - begin
		}
	}
	for i := range p.segments {
		p.segments[i].scanned = i > 0 && p.segments[i-1].kind == kindScan
		p.segments[i].last = i == len(p.segments)-1
	}
	return newPath(s[from:p.i], start, variable, p.segments), p.i, nil
}

func (p *pathParser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *pathParser) skip(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *pathParser) fail(msg string) error { return pathError(p.s, p.i, msg) }

func (p *pathParser) spaces() {
	for p.skip(' ') || p.skip('\t') {
	}
}

func (p *pathParser) root() (root, string, error) {
	if p.skip('$') {
		return rootContext, "", nil
	}
	name := p.take(isVariableRune)
	if name == "" {
		return rootData, "", nil
	}
	if err := CheckVariable(name); err != nil {
		return 0, "", err
	}
	return rootVariable, name, nil
}

// CheckVariable returns an error if name is not a variable's name: a Unicode identifier (UAX #31) of at most 80 characters.
func CheckVariable(name string) error {
	first, _ := utf8.DecodeRuneInString(name)
	if !isIDStart(first) || strings.ContainsFunc(name, func(r rune) bool { return !isVariableRune(r) }) {
		return fmt.Errorf("variable %q: a name starts with a letter; letters, digits and _ follow", name)
	}
	if n := utf8.RuneCountInString(name); n > maxVariable {
		return fmt.Errorf("variable %q: the name has %d characters; at most %d are allowed", name, n, maxVariable)
	}
	return nil
}

func isIDStart(r rune) bool {
	return r != utf8.RuneError && unicode.In(r, unicode.Letter, unicode.Nl, unicode.Other_ID_Start)
}

func isVariableRune(r rune) bool {
	return isIDStart(r) || unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue)
}

// isNameRune reports whether c may be in a name after a dot. Other names are quoted in brackets.
func isNameRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-$@:#/+~%", r)
	}
	return !unicode.IsSpace(r) && !unicode.IsControl(r)
}

func (p *pathParser) take(ok func(rune) bool) string {
	rest := p.s[p.i:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !ok(r) })
	if n < 0 {
		n = len(rest)
	}
	p.i += n
	return rest[:n]
}

// segment parses the next segment. It returns false if neither a dot nor a bracket follows.
func (p *pathParser) segment() (bool, error) {
	switch p.peek() {
	case '.':
		return true, p.dot()
	case '[':
		return true, p.bracket()
	default:
		return false, nil
	}
}

func (p *pathParser) dot() error {
	p.i++
	if p.skip('.') {
		p.add(segment{kind: kindScan})
	}
	switch {
	case p.peek() == '[':
		return nil // "$.['a']" and "$..['a']": the bracket comes as the next segment
	case p.skip('*'):
		p.add(segment{kind: kindAll})
		return nil
	}
	name := p.take(isNameRune)
	if name == "" {
		return p.fail("expected a name, * or [ after the dot, not " + runeAt(p.s, p.i) + "; put other names in brackets: ['a b']")
	}
	if p.peek() == '(' {
		return p.fail("functions in paths are not supported")
	}
	p.add(segment{kind: kindName, name: name})
	return nil
}

func (p *pathParser) add(s segment) { p.segments = append(p.segments, s) }

func (p *pathParser) bracket() error {
	p.i++
	p.spaces()
	err := p.selector()
	if err != nil {
		return err
	}
	p.spaces()
	if !p.skip(']') {
		return p.fail("expected ], not " + runeAt(p.s, p.i))
	}
	return nil
}

func (p *pathParser) selector() error {
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		return p.names()
	case p.skip('*'):
		p.add(segment{kind: kindAll})
		return nil
	case p.skip('?'):
		return p.filter()
	case c == '-' || c == ':' || c >= '0' && c <= '9':
		return p.numbers()
	default:
		return p.fail("expected a quoted name, an index, *, a slice or a filter, not " + runeAt(p.s, p.i))
	}
}

func (p *pathParser) names() error {
	var names []string
	for {
		name, err := p.quoted()
		if err != nil {
			return err
		}
		names = append(names, name)
		if !p.comma() {
			break
		}
	}
	if len(names) == 1 {
		p.add(segment{kind: kindName, name: names[0]})
		return nil
	}
	p.add(segment{kind: kindNames, names: names})
	return nil
}

func (p *pathParser) comma() bool {
	p.spaces()
	if !p.skip(',') {
		return false
	}
	p.spaces()
	return true
}

func (p *pathParser) numbers() error {
	if p.skip(':') {
		return p.slice(0)
	}
	first, err := p.integer()
	if err != nil {
		return err
	}
	if p.skip(':') {
		return p.slice(first)
	}
	indexes := []int{first}
	for p.comma() {
		i, err := p.integer()
		if err != nil {
			return err
		}
		indexes = append(indexes, i)
	}
	if len(indexes) == 1 {
		p.add(segment{kind: kindIndex, index: first})
		return nil
	}
	p.add(segment{kind: kindIndexes, indexes: indexes})
	return nil
}

func (p *pathParser) integer() (int, error) {
	start := p.i
	p.skip('-')
	p.take(func(r rune) bool { return r >= '0' && r <= '9' })
	n, err := strconv.ParseInt(p.s[start:p.i], 10, 32)
	if err != nil {
		p.i = start
		return 0, p.fail("expected an integer of 32 bits, not " + runeAt(p.s, p.i))
	}
	return int(n), nil
}

func (p *pathParser) slice(from int) error {
	s := segment{kind: kindSlice, from: from, open: true}
	if c := p.peek(); c == '-' || c >= '0' && c <= '9' {
		to, err := p.integer()
		if err != nil {
			return err
		}
		s.to, s.open = to, false
	}
	if p.peek() == ':' {
		return p.fail("a slice has no step: [start:end]")
	}
	p.add(s)
	return nil
}

// quoted parses a name in single or double quotes, with the escapes of JSON and \'. As observed on AWS, a backslash before a
// double quote is literal within single quotes.
func (p *pathParser) quoted() (string, error) {
	quote := p.peek()
	if quote != '\'' && quote != '"' {
		return "", p.fail("expected a quoted name, not " + runeAt(p.s, p.i))
	}
	p.i++
	var name strings.Builder
	for p.i < len(p.s) {
		switch c := p.s[p.i]; c {
		case quote:
			p.i++
			return name.String(), nil
		case '\\':
			if quote == '\'' && strings.HasPrefix(p.s[p.i+1:], `"`) {
				name.WriteByte(c)
				p.i++
				continue
			}
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			name.WriteRune(r)
		default:
			name.WriteByte(c)
			p.i++
		}
	}
	return "", p.fail("the name has no closing quote")
}

var escapes = map[byte]rune{'\'': '\'', '"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape parses an escape sequence.
func (p *pathParser) escape() (rune, error) {
	rest := p.s[p.i+1:]
	if rest == "" {
		return 0, p.fail("the name has no closing quote")
	}
	if r, ok := escapes[rest[0]]; ok {
		p.i += 2
		return r, nil
	}
	if rest[0] == 'u' && len(rest) >= 5 {
		n, err := strconv.ParseUint(rest[1:5], 16, 16)
		if r := rune(n); err == nil && utf8.ValidRune(r) {
			p.i += 6
			return r, nil
		}
	}
	return 0, p.fail(`unknown escape; \' \" \\ \/ \b \f \n \r \t and \uXXXX are known`)
}

// filter parses a filter up to the bracket that closes it. A path in a filter must select one node, by names and indexes. It
// is evaluated for every candidate, so a path that selects many nodes would multiply their number, without a budget.
func (p *pathParser) filter() error {
	start := p.i
	paths, compares, err := p.skipFilter()
	if err != nil {
		return err
	}
	query, err := jsonpath.Parse("$[?" + p.s[start:p.i] + "]")
	if err != nil {
		return pathError(p.s, start, "filter: "+strings.TrimPrefix(err.Error(), "jsonpath: ")+
			"; known are == != < <= > >= && || ! ( ) and existence, on @ and $")
	}
	selectors := query.Query().Segments()[0].Selectors()
	filter, ok := selectors[0].(*spec.FilterSelector)
	if !ok || len(selectors) != 1 || len(query.Query().Segments()) != 1 {
		return pathError(p.s, start, "a filter must be alone in its brackets")
	}
	p.add(segment{kind: kindFilter, filter: filter, paths: paths, compares: compares})
	return nil
}

// skipFilter moves to the bracket that closes the filter and counts its paths, and those on the right of a comparison.
func (p *pathParser) skipFilter() (paths, compares int, err error) {
	for depth := 0; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '\'' || c == '"':
			if _, err := p.quoted(); err != nil {
				return 0, 0, err
			}
			p.i--
		case c == '(' && p.i > 0 && (isVariableRune(rune(p.s[p.i-1])) || p.s[p.i-1] >= utf8.RuneSelf):
			return 0, 0, p.fail("functions in filters are not supported")
		case c == '*' || c == '?' || depth > 0 && (c == ',' || c == ':') || strings.HasPrefix(p.s[p.i:], ".."):
			return 0, 0, p.fail("a path in a filter selects one node, by names and indexes only")
		case c == '@' || c == '$':
			paths++
			if before := strings.TrimRight(p.s[:p.i], " \t\r\n"); strings.HasSuffix(before, "=") || strings.HasSuffix(before, "<") || strings.HasSuffix(before, ">") {
				compares++
			}
		case c == '(' || c == '[':
			depth++
		case c == ']' && depth == 0:
			return max(paths, 1), compares, nil
		case c == ')' || c == ']':
			depth--
		}
	}
	return 0, 0, p.fail("the filter has no closing ]")
}
