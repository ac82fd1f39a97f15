package choice

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tripsaga/asl/expr"
)

// maxDepth limits nested boolean expressions, which are evaluated recursively.
const maxDepth = 100

// Parse compiles one rule of "Choices" from its decoded JSON. It stores Next and ignores Assign, Comment and Output, which
// the caller reads. The error is an *expr.SyntaxError, whose path is relative to the rule.
func Parse(v any) (*Rule, error) {
	p := parser{}
	t, err := p.rule(v, "Next", "Assign", "Output", "Comment")
	if err != nil {
		return nil, err
	}
	next, ok := v.(map[string]any)["Next"]
	name, text := next.(string)
	if ok && !text {
		return nil, &expr.SyntaxError{Path: ".Next", Message: "must be a string, the name of a state"}
	}
	return &Rule{Next: name, test: t}, nil
}

// parser is a position in the rule.
type parser struct {
	at    string
	depth int
}

func (p parser) in(step string) parser { return parser{p.at + step, p.depth + 1} }

func (p parser) fail(format string, args ...any) error {
	return &expr.SyntaxError{Path: p.at, Message: fmt.Sprintf(format, args...)}
}

// rule compiles an object with one operator, without the members in ignored.
func (p parser) rule(v any, ignored ...string) (test, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, p.fail("a rule must be an object")
	}
	if p.depth > maxDepth {
		return nil, p.fail("rules are nested more than %d deep", maxDepth)
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(object)), func(name string) bool {
		return name == "Variable" || slices.Contains(ignored, name)
	})
	for _, name := range names {
		if err := p.member(name); err != nil {
			return nil, err
		}
	}
	if len(names) != 1 {
		return nil, p.fail("a rule needs exactly one operator, this has %d: %s; known are %s",
			len(names), strings.Join(names, ", "), known())
	}
	return p.operator(object, names[0])
}

// member refuses a member that is not an operator.
func (p parser) member(name string) error {
	switch {
	case isOperator(name):
		return nil
	case name == "Next" || name == "Assign" || name == "Output":
		return p.in("."+name).fail("only a rule of Choices itself may have %s, not a rule within it", name)
	case name == "Condition":
		return p.in("." + name).fail("a Condition is JSONata, which is not supported")
	default:
		return p.in(expr.Step(name)).fail("unknown operator %q; known are %s", name, known())
	}
}

func isOperator(name string) bool {
	switch name {
	case "And", "Or", "Not", "IsPresent", "StringMatches":
		return true
	}
	_, static := comparisons[name]
	_, dynamic := comparisons[strings.TrimSuffix(name, "Path")]
	return static || dynamic || typeTests[name] != nil
}

func (p parser) operator(object map[string]any, name string) (test, error) {
	_, hasVariable := object["Variable"]
	operand, inner := object[name], p.in("."+name)
	switch {
	case (name == "And" || name == "Or" || name == "Not") && hasVariable:
		return nil, p.in(".Variable").fail("%s takes no Variable", name)
	case name == "And":
		tests, err := inner.rules(operand)
		return and(tests), err
	case name == "Or":
		tests, err := inner.rules(operand)
		return or(tests), err
	case name == "Not":
		t, err := inner.rule(operand, "Comment")
		return not{t}, err
	}
	variable, err := p.in(".Variable").path(object["Variable"])
	if err != nil {
		return nil, err
	}
	return inner.comparison(variable, name, operand)
}

func (p parser) rules(v any) ([]test, error) {
	array, ok := v.([]any)
	if !ok || len(array) == 0 {
		return nil, p.fail("must be an array of at least one rule")
	}
	tests := make([]test, len(array))
	for i, v := range array {
		t, err := p.in(fmt.Sprintf("[%d]", i)).rule(v, "Comment")
		if err != nil {
			return nil, err
		}
		tests[i] = t
	}
	return tests, nil
}

func (p parser) path(v any) (*expr.Path, error) {
	s, ok := v.(string)
	if !ok {
		return nil, p.fail("must be a Reference Path in a string")
	}
	path, err := expr.ParseReferencePath(s)
	if err != nil {
		return nil, p.fail("%v", err)
	}
	return path, nil
}

func (p parser) comparison(variable *expr.Path, name string, operand any) (test, error) {
	if base, ok := strings.CutSuffix(name, "Path"); ok {
		path, err := p.path(operand)
		return dynamic{variable, path, comparisons[base]}, err
	}
	if name == "StringMatches" {
		return p.matches(variable, operand)
	}
	if c, ok := comparisons[name]; ok {
		// A value compares with itself if and only if it has the operator's type.
		if _, ok := c.order(operand, operand); !ok {
			return nil, p.fail("must be %s", c.want)
		}
		return constant{variable, func(v any) bool { return c.holds(v, operand) }}, nil
	}
	want, ok := operand.(bool)
	if !ok {
		return nil, p.fail("must be true or false")
	}
	if name == "IsPresent" {
		return present{variable, want}, nil
	}
	is := typeTests[name]
	return constant{variable, func(v any) bool { return is(v) == want }}, nil
}

func (p parser) matches(variable *expr.Path, operand any) (test, error) {
	s, ok := operand.(string)
	if !ok {
		return nil, p.fail("must be a string, in which * matches any text")
	}
	pat, err := parsePattern(s)
	if err != nil {
		return nil, p.fail("%v", err)
	}
	return constant{variable, pat.matches}, nil
}
