package asl

import "tripsaga/asl/expr"

// selection is InputPath or OutputPath. The zero value selects everything; if the field none is set, it selects {}.
type selection struct {
	path *expr.Path
	none bool
}

var nothing = map[string]any{}

// selection reads InputPath or OutputPath; null is allowed and discards.
func (o *object) selection(name string) selection {
	v, ok := o.get(name)
	if !ok {
		return selection{}
	}
	if v == nil {
		return selection{none: true}
	}
	s, isText := v.(string)
	if !isText {
		o.problem(name, "must be a path or null, is %s", kindOf(v))
		return selection{}
	}
	if s == "$" {
		return selection{}
	}
	p, err := expr.ParsePath(s)
	if err != nil {
		o.problem(name, "%s", err)
	}
	return selection{path: p}
}

func (sel selection) apply(s *stepper, t *thread, data any, field string) (any, *failure) {
	if sel.none {
		return nothing, nil
	}
	if sel.path == nil {
		return data, nil
	}
	v, err := sel.path.Get(s.env(t, data))
	if err != nil {
		return nil, t.evaluation(field, err)
	}
	return v, nil
}

// placement is ResultPath. The zero value replaces the state's raw input by the result; discard drops the result.
type placement struct {
	path    *expr.Path
	discard bool
}

// placement reads ResultPath; null is allowed and drops the result.
func (o *object) placement() placement {
	const name = "ResultPath"
	v, ok := o.get(name)
	if !ok {
		return placement{}
	}
	if v == nil {
		return placement{discard: true}
	}
	if v == "$" {
		return placement{}
	}
	text, isText := v.(string)
	if !isText {
		o.problem(name, "must be a path or null, is %s", kindOf(v))
		return placement{}
	}
	p, err := expr.ParseResultPath(text)
	if err != nil {
		o.problem(name, "%s", err)
	}
	return placement{path: p}
}

func (pl placement) apply(raw, result any) (any, *failure) {
	if pl.discard {
		return raw, nil
	}
	if pl.path == nil {
		return result, nil
	}
	v, err := pl.path.Set(raw, result)
	if err != nil {
		return nil, &failure{name: ErrResultPathMatchFailure, cause: "ResultPath: " + err.Error()}
	}
	return v, nil
}

// place applies a ResultPath to t's raw input.
func (s *stepper) place(t *thread, pl placement, result any) (any, *failure) {
	output, f := pl.apply(t.input, result)
	if f == nil && pl != (placement{}) {
		s.flow(t, "ResultPath", output)
	}
	return output, f
}

// template evaluates a payload template on data. Without a template it returns data.
func (s *stepper) template(t *thread, tpl *expr.Template, data any, field string) (any, *failure) {
	if tpl == nil {
		return data, nil
	}
	v, err := tpl.Eval(s.env(t, data))
	if err != nil {
		return nil, t.evaluation(field, err)
	}
	s.flow(t, field, v)
	return v, nil
}

// complete leaves a state with a result. It applies ResultSelector, Assign, ResultPath and OutputPath in Step Functions'
// order. Assign sees the result before ResultSelector.
func (s *stepper) complete(t *thread, result any) {
	st := t.state
	s.flow(t, DataResult, result)
	assigned, f := s.assign(t, st.assign, result)
	if f != nil {
		s.fail(t, f)
		return
	}
	if result, f = s.template(t, st.selector, result, "ResultSelector"); f != nil {
		s.fail(t, f)
		return
	}
	output, f := s.place(t, st.placement, result)
	if f != nil {
		s.fail(t, f)
		return
	}
	s.leave(t, output, st.placement.size(t.size, result), assigned, st.next)
}

// size returns an upper bound of the size of apply's output, for a raw input of that size. Sizes are bounds so that most
// states need not measure their data: a path adds a result to data whose bound is known, and only a bound over the limit
// is checked against the data itself.
func (pl placement) size(raw int, result any) int {
	if pl.discard {
		return raw
	}
	size := expr.Size(result, MaxData)
	if pl.path != nil {
		// An object that Set creates adds `"name":{},` to the data, where the path has `.name`.
		size += raw + 5*len(pl.path.String())
	}
	return size
}

// leave applies OutputPath to data and moves the thread to next, or ends it if next is nil. Data has at most size bytes; the
// output is measured only if that bound is over the limit.
func (s *stepper) leave(t *thread, data any, size int, assigned map[string]any, next *state) {
	output, f := t.state.output.apply(s, t, data, "OutputPath")
	if f == nil && t.state.output != (selection{}) {
		s.flow(t, "OutputPath", output)
	}
	if f == nil && (size > MaxData || t.state.output != selection{}) {
		size, f = t.checkSize(output)
	}
	if f != nil {
		s.fail(t, f)
		return
	}
	s.exit(t, output, size, assigned, next)
}

// inputSize returns an upper bound of the size of input, which InputPath selected from the thread's.
func (t *thread) inputSize(input any) int {
	if t.state.input == (selection{}) {
		return t.size
	}
	return expr.Size(input, MaxData)
}

// checkSize measures v and fails if it is over the limit.
func (t *thread) checkSize(v any) (int, *failure) {
	size := expr.Size(v, MaxData)
	if size > MaxData {
		return size, dataLimit(t.state.name)
	}
	return size, nil
}
