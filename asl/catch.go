package asl

// catcher is one element of Catch.
type catcher struct {
	errors    []string
	placement placement
	assign    *assignment
	next      *state
}

func (o *object) catchers() []catcher {
	elements, _ := o.array("Catch")
	list := make([]catcher, len(elements))
	for i, v := range elements {
		e, ok := o.child(v, at(o.at("Catch"), i), "a catcher")
		if !ok {
			continue
		}
		list[i].errors = e.errorEquals(i == len(elements)-1)
		list[i].placement = e.placement()
		list[i].assign = e.assignment()
		if next := e.requiredText("Next"); next != "" {
			e.link("Next", next, &list[i].next)
		}
		e.close()
	}
	return list
}

// catch leaves the state by the first catcher that matches f. The error's output goes into the state's raw input; it
// passes neither ResultSelector nor OutputPath.
func (s *stepper) catch(t *thread, f *failure) bool {
	for i := range t.state.catch {
		c := &t.state.catch[i]
		if !matches(c.errors, f) {
			continue
		}
		s.follow(t, c, map[string]any{"Error": f.name, "Cause": f.cause})
		return true
	}
	return false
}

func (s *stepper) follow(t *thread, c *catcher, errorOutput map[string]any) {
	assigned, f := s.assign(t, c.assign, errorOutput)
	if f != nil {
		s.giveUp(t, f)
		return
	}
	output, f := c.placement.apply(t.input, errorOutput)
	size := 0
	if f == nil {
		size, f = t.checkSize(output)
	}
	if f != nil {
		s.giveUp(t, f)
		return
	}
	s.exit(t, output, size, assigned, c.next)
}

// fail ends the attempt of t's state: retriers are asked first, then catchers, then the failure goes up.
func (s *stepper) fail(t *thread, f *failure) {
	t.own(f)
	if s.retry(t, f) {
		return
	}
	if f.branch {
		s.forkEvent(t, "StateFailed")
	}
	if s.catch(t, f) {
		return
	}
	s.giveUp(t, f)
}
