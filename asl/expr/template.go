package expr

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Template is a compiled payload template, the value of Parameters, ResultSelector and Assign. It is immutable and safe for
// concurrent use.
type Template struct{ root node }

// node is a part of a template, or an argument of an intrinsic function.
type node interface {
	eval(env *Env) (any, error)
}

// ParseTemplate compiles a payload template, which may be any JSON value. At any depth, a member whose name ends in ".$"
// becomes a member without that suffix, with the value of its path or intrinsic function. The error is a [*SyntaxError].
func ParseTemplate(v any) (*Template, error) {
	n, err := parseNode("", v)
	if err != nil {
		return nil, err
	}
	return &Template{n}, nil
}

// Eval returns the template's value. A template without ".$" returns the value it was parsed from. The error is an
// [*Error]: States.ParameterPathFailure for a path that selects nothing, States.IntrinsicFailure for a failed function,
// States.DataLimitExceeded as soon as the result exceeds [MaxResult] bytes or the evaluation its budget.
func (t *Template) Eval(env *Env) (any, error) {
	env.begin()
	return t.root.eval(env)
}

// Append appends the value of [Template.Eval] as JSON, with the bytes of [Encode], without making the value. The error is
// Eval's.
func (t *Template) Append(dst []byte, env *Env) ([]byte, error) {
	env.begin()
	return appendNode(dst, t.root, env)
}

func appendNode(dst []byte, n node, env *Env) ([]byte, error) {
	switch n := n.(type) {
	case objectNode:
		return n.append(dst, env)
	case arrayNode:
		return n.append(dst, env)
	}
	v, err := n.eval(env)
	if err != nil {
		return dst, err
	}
	return appendValue(dst, v)
}

// ParseField compiles the path or intrinsic function of a field such as ErrorPath.
func ParseField(name, expression string) (*Template, error) {
	n, err := parseExpression(expression)
	if err != nil {
		return nil, &SyntaxError{"", err.Error()}
	}
	return &Template{dynamic{name, n}}, nil
}

type constant struct{ value any }

func (c constant) eval(*Env) (any, error) { return c.value, nil }

type arrayNode []node

func (a arrayNode) eval(env *Env) (any, error) {
	array := make([]any, len(a))
	for i, n := range a {
		v, err := n.eval(env)
		if err != nil {
			return nil, err
		}
		array[i] = v
	}
	return array, nil
}

func (a arrayNode) append(dst []byte, env *Env) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, n := range a {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendNode(dst, n, env); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

type member struct {
	name  string
	value node
}

type objectNode []member

func (o objectNode) eval(env *Env) (any, error) {
	object := make(map[string]any, len(o))
	for i := range o {
		v, err := o[i].value.eval(env)
		if err != nil {
			return nil, err
		}
		object[o[i].name] = v
	}
	return object, nil
}

func (o objectNode) append(dst []byte, env *Env) (_ []byte, err error) {
	dst = append(dst, '{')
	for i := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, o[i].name), ':')
		if dst, err = appendNode(dst, o[i].value, env); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// unsorted is an object whose members are evaluated in another order than they are written: "a-b" before "a.$".
type unsorted struct{ objectNode }

type pathNode struct{ path *Path }

func (p pathNode) eval(env *Env) (any, error) { return p.path.get(env) }

// dynamic is the value of a member whose name ends in ".$".
type dynamic struct {
	name  string // with the suffix
	value node
}

func (d dynamic) eval(env *Env) (any, error) {
	v, err := d.value.eval(env)
	if err == nil {
		return v, env.yield(v)
	}
	if miss, ok := errors.AsType[*noMatch](err); ok {
		return nil, &Error{nameParameterPath, d.missing(miss.path, env)}
	}
	return nil, err
}

// maxShown is how many bytes of the input a message shows.
const maxShown = 4096

// missing has AWS's message.
func (d dynamic) missing(p *Path, env *Env) string {
	start, _ := p.start(env)
	input := []byte("...")
	if Size(start, MaxResult) <= MaxResult {
		input, _ = appendValue(nil, start)
	}
	if len(input) > maxShown {
		cut := maxShown
		for !utf8.RuneStart(input[cut]) {
			cut--
		}
		input = append(input[:cut], "..."...)
	}
	return fmt.Sprintf("The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'", p.text, d.name, input)
}

func parseNode(at string, v any) (node, error) {
	switch v := v.(type) {
	case map[string]any:
		return parseObject(at, v)
	case []any:
		return parseArray(at, v)
	default:
		return constant{v}, nil
	}
}

func parseArray(at string, array []any) (node, error) {
	nodes := make(arrayNode, len(array))
	for i, v := range array {
		n, err := parseNode(fmt.Sprintf("%s[%d]", at, i), v)
		if err != nil {
			return nil, err
		}
		nodes[i] = n
	}
	if slices.ContainsFunc(nodes, isDynamic) {
		return nodes, nil
	}
	return constant{array}, nil
}

func parseObject(at string, object map[string]any) (node, error) {
	members := make(objectNode, 0, len(object))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		m, err := parseMember(at, object, name)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	switch {
	case !slices.ContainsFunc(members, func(m member) bool { return isDynamic(m.value) }):
		return constant{object}, nil
	case !slices.IsSortedFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) }):
		return unsorted{members}, nil
	}
	return members, nil
}

func isDynamic(n node) bool {
	_, static := n.(constant)
	return !static
}

func parseMember(at string, object map[string]any, name string) (member, error) {
	at += Step(name)
	plain, ok := strings.CutSuffix(name, ".$")
	if !ok {
		n, err := parseNode(at, object[name])
		return member{name, n}, err
	}
	if _, twice := object[plain]; twice {
		return member{}, &SyntaxError{at, fmt.Sprintf("%q and %q name the same member", plain, name)}
	}
	text, ok := object[name].(string)
	if !ok {
		return member{}, &SyntaxError{at, fmt.Sprintf("must be a path or an intrinsic function in a string, not %s", kindOf(object[name]))}
	}
	n, err := parseExpression(text)
	if err != nil {
		return member{}, &SyntaxError{at, err.Error()}
	}
	return member{plain, dynamic{name, n}}, nil
}

// Step returns the step to an object's member in the path of a message: ".name" or "['other name']".
func Step(name string) string {
	if name != "" && !strings.ContainsFunc(name, func(r rune) bool { return !isVariableRune(r) && r != '-' }) {
		return "." + name
	}
	return "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}
