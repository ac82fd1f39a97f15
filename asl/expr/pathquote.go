package expr

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
)

// quoted reads a name in single or double quotes; the escapes are those of JSON and \'.
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

// filter reads a filter up to the bracket that closes it.
func (p *pathParser) filter() error {
	start := p.i
	if err := p.skipFilter(); err != nil {
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
	p.add(segment{kind: kindFilter, filter: filter})
	return nil
}

// skipFilter moves to the bracket that closes the filter.
func (p *pathParser) skipFilter() error {
	for depth := 0; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '\'' || c == '"':
			if _, err := p.quoted(); err != nil {
				return err
			}
			p.i--
		case c == '(' && p.i > 0 && (isVariableRune(rune(p.s[p.i-1])) || p.s[p.i-1] >= utf8.RuneSelf):
			return p.fail("functions in filters are not supported")
		case c == '(' || c == '[':
			depth++
		case c == ']' && depth == 0:
			return nil
		case c == ')' || c == ']':
			depth--
		}
	}
	return p.fail("the filter has no closing ]")
}
