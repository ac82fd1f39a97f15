package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// function is an intrinsic function. Its error is plain and says what is wrong with the arguments.
type function struct {
	min, max int // number of arguments
	run      func(env *Env, args []any) (any, error)
}

const many = 1 << 20

var functions = map[string]function{
	"States.Format":         {1, many, format},
	"States.StringToJson":   {1, 1, stringToJSON},
	"States.JsonToString":   {1, 1, jsonToString},
	"States.Array":          {0, many, array},
	"States.ArrayPartition": {2, 2, arrayPartition},
	"States.ArrayContains":  {2, 2, arrayContains},
	"States.ArrayRange":     {3, 3, arrayRange},
	"States.ArrayGetItem":   {2, 2, arrayGetItem},
	"States.ArrayLength":    {1, 1, arrayLength},
	"States.ArrayUnique":    {1, 1, arrayUnique},
	"States.Base64Encode":   {1, 1, base64Encode},
	"States.Base64Decode":   {1, 1, base64Decode},
	"States.Hash":           {2, 2, hashText},
	"States.JsonMerge":      {3, 3, jsonMerge},
	"States.MathRandom":     {2, 3, mathRandom},
	"States.MathAdd":        {2, 2, mathAdd},
	"States.StringSplit":    {2, 2, stringSplit},
	"States.UUID":           {0, 0, uuid},
}

// call is an intrinsic function with its arguments.
type call struct {
	name string
	function
	args []node
	// template is the parsed first argument of States.Format, if it is a literal.
	template formatTemplate
}

// check refuses what is wrong whatever the arguments' values are.
func (c *call) check() error {
	if len(c.args) < c.min || len(c.args) > c.max {
		return fmt.Errorf("%s takes %s, not %d", c.name, arity(c.min, c.max), len(c.args))
	}
	if c.name != "States.Format" {
		return nil
	}
	literal, ok := c.args[0].(textNode)
	if !ok {
		return nil
	}
	template, err := parseFormat(literal.written)
	if err != nil {
		return err
	}
	c.template = template
	return template.fits(len(c.args) - 1)
}

func arity(least, most int) string {
	switch {
	case most == many && least == 0:
		return "any number of arguments"
	case most == many:
		return fmt.Sprintf("at least %d argument", least)
	case least == most:
		return fmt.Sprintf("%d argument(s)", least)
	default:
		return fmt.Sprintf("%d to %d arguments", least, most)
	}
}

func (c *call) eval(env *Env) (any, error) {
	args := make([]any, len(c.args))
	for i, arg := range c.args {
		v, err := arg.eval(env)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	for _, arg := range args {
		if err := env.read(arg); err != nil {
			return nil, err
		}
	}
	v, err := c.apply(env, args)
	if err == errTooMuch {
		return nil, err
	}
	if err != nil {
		return nil, &Error{nameIntrinsic, "Invalid arguments in " + c.name + ": " + err.Error()}
	}
	return v, nil
}

func (c *call) apply(env *Env, args []any) (any, error) {
	if c.template != nil {
		return c.template.fill(args[1:])
	}
	return c.run(env, args)
}

func textArg(args []any, i int) (string, error) {
	s, ok := args[i].(string)
	if !ok {
		return "", fmt.Errorf("argument %d must be a string, not %s", i+1, kindOf(args[i]))
	}
	return s, nil
}

func arrayArg(args []any, i int) ([]any, error) {
	a, ok := args[i].([]any)
	if !ok {
		return nil, fmt.Errorf("argument %d must be an array, not %s", i+1, kindOf(args[i]))
	}
	return a, nil
}

func objectArg(args []any, i int) (map[string]any, error) {
	o, ok := args[i].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("argument %d must be an object, not %s", i+1, kindOf(args[i]))
	}
	return o, nil
}

var errNoRandom = errors.New("no source of randomness here")

// maxNesting is how deep intrinsic functions may be nested:
// https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
const maxNesting = 10

// parseExpression compiles the value of a member whose name ends in ".$": a path or an intrinsic function.
func parseExpression(s string) (node, error) {
	switch {
	case !utf8.ValidString(s):
		return nil, fmt.Errorf("%q is not valid UTF-8", s)
	case strings.HasPrefix(s, "$"):
		p, err := ParsePath(s)
		return pathNode{p}, err
	case !strings.HasPrefix(s, "States."):
		return nil, fmt.Errorf("%q is neither a path, which starts with $, nor an intrinsic function, which starts with States", s)
	}
	p := callParser{s: s}
	n, err := p.call(1)
	if err == nil && p.i != len(s) {
		err = p.fail("unexpected " + runeAt(s, p.i))
	}
	return n, err
}

type callParser struct {
	s string
	i int
}

func (p *callParser) fail(msg string) error {
	return fmt.Errorf("intrinsic function %q: position %d: %s", p.s, p.i, msg)
}

func (p *callParser) skip(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *callParser) spaces() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *callParser) call(depth int) (node, error) {
	if depth > maxNesting {
		return nil, p.fail(fmt.Sprintf("functions are nested more than %d deep", maxNesting))
	}
	name, _, _ := strings.Cut(p.s[p.i:], "(")
	f, ok := functions[strings.TrimSpace(name)]
	if !ok {
		return nil, p.fail(fmt.Sprintf("unknown function %q; known are %s", name, strings.Join(slices.Sorted(maps.Keys(functions)), ", ")))
	}
	start := p.i
	p.i += len(name)
	args, err := p.args(depth)
	if err != nil {
		return nil, err
	}
	c := &call{name: strings.TrimSpace(name), function: f, args: args}
	if err := c.check(); err != nil {
		p.i = start
		return nil, p.fail(err.Error())
	}
	return c, nil
}

func (p *callParser) args(depth int) ([]node, error) {
	if !p.skip('(') {
		return nil, p.fail("expected ( after the function's name")
	}
	p.spaces()
	var args []node
	for !p.skip(')') {
		if len(args) > 0 {
			if !p.skip(',') {
				return nil, p.fail("expected ',' or ')', not " + runeAt(p.s, p.i))
			}
			p.spaces()
		}
		arg, err := p.arg(depth)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		p.spaces()
	}
	return args, nil
}

func (p *callParser) arg(depth int) (node, error) {
	rest := p.s[p.i:]
	switch {
	case strings.HasPrefix(rest, "$"):
		path, end, err := parsePathPrefix(p.s, p.i)
		p.i = end
		return pathNode{path}, err
	case strings.HasPrefix(rest, "States."):
		return p.call(depth + 1)
	case strings.HasPrefix(rest, "'"):
		return p.text()
	default:
		return p.literal()
	}
}

// literal reads a number, true, false or null.
func (p *callParser) literal() (node, error) {
	end := strings.IndexAny(p.s[p.i:], ",) \t\r\n")
	if end < 0 {
		return nil, p.fail("the function has no closing )")
	}
	v, err := Decode([]byte(p.s[p.i : p.i+end]))
	switch v.(type) {
	case json.Number, bool, nil:
	default:
		err = errors.New("no scalar")
	}
	if err != nil {
		return nil, p.fail("expected a path, a function, a string in single quotes, a number, true, false or null, not " + runeAt(p.s, p.i))
	}
	p.i += end
	return constant{v}, nil
}

// textNode is a string in single quotes. States.Format needs it as it was written: there, \{ is not {.
type textNode struct {
	constant
	written string
}

func (p *callParser) text() (node, error) {
	p.i++
	start := p.i
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		if c == '\'' {
			p.i++
			return textNode{constant{b.String()}, p.s[start : p.i-1]}, nil
		}
		if c == '\\' {
			p.i++
			if p.i == len(p.s) || !reserved(p.s[p.i]) {
				return nil, p.fail(`only ' { } and \ may follow a \; a backslash itself is written \\`)
			}
			c = p.s[p.i]
		}
		b.WriteByte(c)
		p.i++
	}
	return nil, p.fail("the string has no closing '")
}

// reserved reports whether c is escaped in an intrinsic function's string.
func reserved(c byte) bool { return c == '\'' || c == '{' || c == '}' || c == '\\' }
