package asl

// redrive resumes the execution where it stood: at the states that were entered and not left, each with the input that
// it had, its retries fresh. What succeeded is kept. States that resume record no second Entered event.
// https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
func (s *stepper) redrive() {
	x := s.x
	x.status = Running
	x.redrives++
	x.context.restart()
	s.executionRedriven()
	s.startClock()
	s.resume(x.root, x.root.last)
}

func (s *stepper) resume(t *thread, cause int64) {
	t.last = cause
	t.stopped = false
	if t.fork == nil {
		t.renew()
		s.enqueue(t)
		return
	}
	t.attempt, t.retries = 0, nil
	for _, child := range t.fork.children {
		if child != nil && !child.done {
			s.resume(child, cause)
		}
	}
	s.startChildren(t)
}
