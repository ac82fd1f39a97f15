package cloudwatch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Expr is an expression of metric math: numbers, ids of other queries, + - * /, comparisons, AND, OR, parentheses, and
// the functions IF(condition, then[, else]), FILL(series, number), MAX([...]) and MIN([...]).
type Expr struct {
	text string
	root node
	ids  []string
}

// String is the text that was parsed.
func (e *Expr) String() string { return e.text }

// ParseExpr refuses what the package does not evaluate, and names it.
func ParseExpr(text string) (*Expr, error) {
	p := &parser{lexer: lexer{text: text}}
	p.advance()
	root := p.binary(0)
	if p.err == nil && p.token != "" {
		p.fail("%q is too much", p.token)
	}
	if p.err != nil {
		return nil, fmt.Errorf("expression %q: %w", text, p.err)
	}
	return &Expr{text: text, root: root, ids: p.ids}, nil
}

// parser goes on after its first error, which is the one that counts, at an end of the text that it makes up.
type parser struct {
	lexer
	token string
	ids   []string
	err   error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.token = ""
}

func (p *parser) advance() {
	if p.err != nil {
		return
	}
	token, err := p.next()
	if err != nil {
		p.fail("%w", err)
		return
	}
	p.token = token
}

func (p *parser) expect(token string) {
	if p.token != token {
		p.fail("want %q, not %q", token, p.token)
		return
	}
	p.advance()
}

// levels are the operators, those that bind less first. Assumed: the guide gives no order of precedence; this is the
// usual one.
var levels = [][]string{{"OR", "||"}, {"AND", "&&"}, {"<", "<=", ">", ">=", "==", "!="}, {"+", "-"}, {"*", "/"}}

func (p *parser) binary(level int) node {
	if level == len(levels) {
		return p.unary()
	}
	left := p.binary(level + 1)
	for slices.Contains(levels[level], p.token) {
		op := p.token
		p.advance()
		left = &operation{op: op, left: left, right: p.binary(level + 1)}
	}
	return left
}

func (p *parser) unary() node {
	if p.token != "-" {
		return p.primary()
	}
	p.advance()
	return &operation{op: "-", left: number(0), right: p.unary()}
}

func (p *parser) primary() node {
	token := p.token
	switch {
	case token == "":
		p.fail("it ends too early")
	case token == "(":
		p.advance()
		inner := p.binary(0)
		p.expect(")")
		return inner
	case digit(token[0]):
		return p.number(token)
	case token[0] >= 'a' && token[0] <= 'z':
		p.advance()
		p.ids = append(p.ids, token)
		return reference(token)
	case wordByte(token[0]):
		return p.call(token)
	default:
		p.fail("%q is out of place", token)
	}
	return number(0)
}

func (p *parser) number(token string) node {
	v, err := strconv.ParseFloat(token, 64)
	if err != nil || strings.ContainsAny(token, "_xXpP") {
		p.fail("%q is no number", token)
	}
	p.advance()
	return number(v)
}
