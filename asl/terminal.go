package asl

import "tripsaga/asl/expr"

// succeed is a Succeed state.
type succeed struct{}

func parseSucceed(o *object, st *state) body {
	st.input = o.selection("InputPath")
	st.output = o.selection("OutputPath")
	return succeed{}
}

func (succeed) visit(s *stepper, t *thread, input any) {
	s.leave(t, input, t.inputSize(input), nil, nil)
}

// failing is a Fail state.
type failing struct {
	name, cause dynamicText
}

// dynamicText is a text that stands in the definition, or that a path or an intrinsic function gives.
type dynamicText struct {
	field    string
	text     string
	template *expr.Template
}

func parseFail(o *object, _ *state) body {
	return &failing{name: o.dynamicText("Error"), cause: o.dynamicText("Cause")}
}

func (o *object) dynamicText(field string) dynamicText {
	d := dynamicText{field: field + "Path"}
	o.either(field, d.field)
	d.text, _ = o.text(field)
	path, ok := o.text(d.field)
	if !ok {
		return d
	}
	tpl, err := expr.ParseField(d.field, path)
	if err != nil {
		o.problem(d.field, "%s", syntaxMessage(err))
	}
	d.template = tpl
	return d
}

func (b *failing) visit(s *stepper, t *thread, input any) {
	name, f := b.name.eval(s, t, input)
	if f != nil {
		s.giveUp(t, f)
		return
	}
	cause, f := b.cause.eval(s, t, input)
	if f != nil {
		s.giveUp(t, f)
		return
	}
	s.giveUp(t, &failure{name: name, cause: cause})
}

func (d *dynamicText) eval(s *stepper, t *thread, input any) (string, *failure) {
	if d.template == nil {
		return d.text, nil
	}
	v, f := s.template(t, d.template, input, d.field)
	if f != nil {
		return "", f
	}
	text, ok := v.(string)
	if !ok {
		return "", runtimeFailure("%s: must give a string, gives %s", d.field, shown(v))
	}
	return text, nil
}
