package expr

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
)

// quoted reads a name in single or double quotes; the escapes are those of JSON and \'. Within single quotes a backslash
// before a double quote stands for itself, as observed on AWS.
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

// escape reads a backslash and what it stands for.
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

// filter reads a filter up to the bracket that closes it. A path in it selects one node, by names and indexes: it is
// evaluated for every candidate, and one that selects many would multiply their number.
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
		return pathError(p.s, start, "a filter stands alone in its brackets")
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
