package asl

// pass is a Pass state.
type pass struct {
	result    any
	hasResult bool
}

func parsePass(o *object, st *state) body {
	o.flow(st)
	o.transition(st)
	st.params = o.template("Parameters")
	st.placement = o.placement()
	result, ok := o.get("Result")
	return &pass{result: result, hasResult: ok}
}

func (b *pass) visit(s *stepper, t *thread, input any) {
	result, f := s.template(t, t.state.params, input, "Parameters")
	if f != nil {
		s.fail(t, f)
		return
	}
	if b.hasResult {
		result = b.result
	}
	s.complete(t, result)
}
