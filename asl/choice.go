package asl

import (
	"maps"

	"tripsaga/asl/choice"
)

// choosing is a Choice state.
type choosing struct {
	rules    []choiceRule
	fallback *state // Default
}

type choiceRule struct {
	rule   *choice.Rule
	text   string
	assign *assignment
	next   *state
}

func parseChoice(o *object, st *state) body {
	o.flow(st)
	b := &choosing{}
	elements, ok := o.array("Choices")
	if !o.has("Choices") || ok && len(elements) == 0 {
		o.p.problem(o.path, "a Choice state needs Choices with at least one rule")
	}
	b.rules = make([]choiceRule, len(elements))
	for i, v := range elements {
		if e, ok := o.child(v, at(o.at("Choices"), i), "a choice rule"); ok {
			e.choiceRule(&b.rules[i])
		}
	}
	if name, ok := o.text("Default"); ok {
		o.link("Default", name, &b.fallback)
	}
	for _, name := range []string{"Next", "End"} {
		o.refuse(name, "a Choice state goes where its rules say; use Default")
	}
	return b
}

// choiceRule reads what a rule has beside its comparison.
func (o *object) choiceRule(r *choiceRule) {
	r.assign = o.assignment()
	if next := o.requiredText("Next"); next != "" {
		o.link("Next", next, &r.next)
	}
	comparison := maps.Clone(o.fields)
	delete(comparison, "Assign")
	r.text = describeRule(comparison)
	rule, err := choice.Parse(comparison)
	if err != nil {
		o.p.syntax(o.path, err)
	}
	r.rule = rule
}

func (b *choosing) visit(s *stepper, t *thread, input any) {
	for i := range b.rules {
		r := &b.rules[i]
		ok, err := r.rule.Match(s.env(t, input))
		if err != nil {
			s.fail(t, t.evaluation("Choices", err))
			return
		}
		if ok {
			s.choose(t, r.assign, input, r.next)
			return
		}
	}
	if b.fallback == nil {
		s.fail(t, &failure{name: ErrNoChoiceMatched, cause: "no rule matched and there is no Default"})
		return
	}
	s.choose(t, t.state.assign, input, b.fallback)
}

// choose goes to next. A rule brings its own Assign; the state's belongs to Default.
func (s *stepper) choose(t *thread, a *assignment, input any, next *state) {
	assigned, f := s.assign(t, a, input)
	if f != nil {
		s.fail(t, f)
		return
	}
	s.leave(t, input, t.inputSize(input), assigned, next)
}
