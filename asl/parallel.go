package asl

// parallel is a Parallel state.
type parallel struct {
	branches []*graph
}

// fork is a Parallel or Map state at work.
type fork struct {
	children []*thread // by branch or iteration; nil until it starts
	ended    int       // how many succeeded
	next     int       // the first that has not started
	limit    int       // of those that run at once
	begin    func(i int) (*thread, *failure)
}

func parseParallel(o *object, st *state) body {
	o.flow(st)
	o.result(st)
	o.transition(st)
	st.params = o.template("Parameters")
	b := &parallel{}
	elements, ok := o.array("Branches")
	if !o.has("Branches") || ok && len(elements) == 0 {
		o.p.problem(o.path, "a Parallel state needs Branches with at least one branch")
	}
	for i, v := range elements {
		branch, ok := o.p.object(v, at(o.at("Branches"), i), "a branch")
		if !ok {
			continue
		}
		b.branches = append(b.branches, o.p.graph(branch, o.graph, st, i))
		branch.close()
	}
	return b
}

func (b *parallel) visit(s *stepper, t *thread, input any) {
	input, f := s.template(t, t.state.params, input, "Parameters")
	size := 0
	if f == nil {
		size, f = t.checkSize(input)
	}
	if f != nil {
		s.fail(t, f)
		return
	}
	s.forkStarted(t, len(b.branches))
	n := len(b.branches)
	t.fork = &fork{children: make([]*thread, n), limit: n}
	t.fork.begin = func(i int) (*thread, *failure) {
		child := t.child(i)
		child.begin(b.branches[i].start, input, size)
		return child, nil
	}
	s.startChildren(t)
}

// child is a thread below t. It reads t's variables as they are now; t cannot change them before the child ends. What
// it begins with refers to t's last event: that the state started, or the end of the iteration that made place.
func (t *thread) child(i int) *thread {
	return &thread{parent: t, index: i, item: t.item, vars: t.vars, last: t.last}
}

// startChildren starts as many branches or iterations as may run at once.
func (s *stepper) startChildren(t *thread) {
	f := t.fork
	for ; f.next < len(f.children) && f.next-f.ended < f.limit; f.next++ {
		child, failed := f.begin(f.next)
		if failed != nil {
			s.forkFailed(t, failed, t.last)
			return
		}
		f.children[f.next] = child
		s.iterationEvent(child, "MapIterationStarted")
		s.enqueue(child)
	}
}

func (s *stepper) childSucceeded(child *thread) {
	t := child.parent
	f := t.fork
	f.ended++
	s.iterationEvent(child, "MapIterationSucceeded")
	t.last = child.last
	if f.ended < len(f.children) {
		s.startChildren(t)
		return
	}
	s.joinFork(t)
}

// joinFork gathers the outputs, in the order of the branches or items.
func (s *stepper) joinFork(t *thread) {
	outputs := make([]any, len(t.fork.children))
	for i, child := range t.fork.children {
		outputs[i] = child.output
	}
	t.fork = nil
	s.forkEvent(t, "StateSucceeded")
	s.complete(t, outputs)
}

// childFailed fails the whole state: the first failure decides, the other branches are aborted. That the state failed is
// recorded once, when no retry is left.
func (s *stepper) childFailed(child *thread, f *failure) {
	cause := child.last
	s.iterationEvent(child, "MapIterationFailed")
	s.forkFailed(child.parent, f, cause)
}

func (s *stepper) forkFailed(t *thread, f *failure, cause int64) {
	s.abortFork(t.fork, cause)
	t.last = cause
	above := *f
	above.branch = true
	s.fail(t, &above)
}
