// Package choice implements the rules of a Choice state. [Parse] compiles one rule of "Choices" when a definition is
// loaded. [Rule.Match] evaluates it for a state's input. Package asl calls both.
//
// Sources: https://states-language.net/spec.html#choice-state and the Step Functions developer guide. As on AWS, a
// comparison with a value of another type is false, for Variable and for the operand of a ...Path operator alike. Only a
// path that selects nothing is an error.
package choice

import (
	"errors"
	"fmt"

	"tripsaga/asl/expr"
)

// Rule is one compiled rule of a Choice state. It is immutable and safe for concurrent use.
type Rule struct {
	Next string // of the rule; "" if it has no Next
	test test
}

// Match evaluates the rule. The error is an *expr.Error, States.Runtime, if a path of the rule selects nothing.
func (r *Rule) Match(env *expr.Env) (bool, error) { return r.test.match(env) }

// test is a boolean expression or a comparison.
type test interface {
	match(env *expr.Env) (bool, error)
}

// Boolean expressions are evaluated from left to right until the result is known.
type and []test

func (a and) match(env *expr.Env) (bool, error) {
	for _, t := range a {
		if ok, err := t.match(env); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

type or []test

func (o or) match(env *expr.Env) (bool, error) {
	for _, t := range o {
		if ok, err := t.match(env); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

type not struct{ test }

func (n not) match(env *expr.Env) (bool, error) {
	ok, err := n.test.match(env)
	return !ok && err == nil, err
}

// present is IsPresent, the one operator for which a path may select nothing.
type present struct {
	variable *expr.Path
	want     bool
}

func (p present) match(env *expr.Env) (bool, error) {
	_, err := p.variable.Get(env)
	if err != nil && !errors.Is(err, expr.ErrNoMatch) {
		return false, err
	}
	return (err == nil) == p.want, nil
}

// constant compares the variable with a constant of the rule.
type constant struct {
	variable *expr.Path
	holds    func(v any) bool
}

func (c constant) match(env *expr.Env) (bool, error) {
	v, err := get(c.variable, env)
	return err == nil && c.holds(v), err
}

// dynamic compares the variable with what another path selects.
type dynamic struct {
	variable, operand *expr.Path
	compare           comparison
}

func (d dynamic) match(env *expr.Env) (bool, error) {
	v, err := get(d.variable, env)
	if err != nil {
		return false, err
	}
	operand, err := get(d.operand, env)
	return err == nil && d.compare.holds(v, operand), err
}

// get returns the selected value. Its error has AWS's message.
func get(p *expr.Path, env *expr.Env) (any, error) {
	v, err := p.Get(env)
	if err != nil {
		return nil, &expr.Error{
			Name:    "States.Runtime",
			Message: fmt.Sprintf("Invalid path '%s': The choice state's condition path references an invalid value.", p),
		}
	}
	return v, nil
}
