package lint

import "slices"

// passing is the question which places an execution reaches before and after the pivot. It has no bad nodes.
func (s *survey) passing() *question {
	return &question{survey: s, step: s.move, bad: func(node) bool { return false }}
}

// pass fills ahead and unwon.
func (s *survey) pass() {
	s.ahead, s.unwon = map[int]bool{}, map[int]bool{}
	for _, n := range s.passing().reached() {
		if n.marks&won != 0 {
			s.ahead[n.at] = true
		} else {
			s.unwon[n.at] = true
		}
	}
}

// afterPivot reports whether an execution can reach a place after the pivot.
func (s *survey) afterPivot(at int) bool { return s.opt.Pivot != "" && s.ahead[at] }

// checkPivot requires that nothing is compensated after the pivot.
func (s *survey) checkPivot() {
	if s.opt.Pivot == "" {
		return
	}
	q := s.passing()
	q.bad = func(n node) bool { return n.at != end && n.marks&won != 0 && s.undoes(s.places[n.at].Function) }
	undoing := map[string]bool{}
	for _, c := range q.culprits() {
		undoing[c.edge.path] = true
		s.find(undoAfterPivot, c.edge.path, s.places[c.edge.from].Name, "retry what comes after the pivot for long, then continue",
			"after %s has taken effect for good the saga is undone: %s", s.opt.Pivot, c.way)
	}
	for at := range s.places {
		for i := range s.places[at].out {
			if e := &s.places[at].out[i]; e.catch && s.afterPivot(at) && !undoing[e.path] {
				s.checkForward(e)
			}
		}
	}
}

// checkForward requires that a Catch after the pivot leads only to ends to which success leads as well.
func (s *survey) checkForward(e *edge) {
	p := &s.places[e.from]
	ends := s.ends(e.from)
	for _, at := range s.ends(e.to) {
		if !slices.Contains(ends, at) {
			s.find(wayForward, e.path, p.Name, "retry it for long instead, or lead the error back to the way of success",
				"after %s a failure ends at %s, to which the success of %s does not lead", s.opt.Pivot, s.places[at].Name, p.Name)
		}
	}
}

// ends returns the places at which the execution can end if no step fails from here on.
func (s *survey) ends(from int) []int {
	seen := map[int]bool{from: true}
	var ends []int
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		p := &s.places[queue[0]]
		ending := p.Type == "Fail"
		for _, e := range p.out {
			ending = ending || !e.catch && e.to == end
			if !e.catch && e.to != end && !seen[e.to] {
				seen[e.to] = true
				queue = append(queue, e.to)
			}
		}
		if ending {
			ends = append(ends, queue[0])
		}
	}
	return ends
}

// checkRecord requires that every path to an end passes a task of Record.
func (s *survey) checkRecord() {
	if len(s.opt.Record) == 0 {
		return
	}
	q := &question{survey: s,
		step: func(e *edge, m marks) []marks {
			all := s.move(e, m)
			for i := range all {
				if s.recorded(e) {
					all[i] |= mark
				}
			}
			return all
		},
		bad: func(n node) bool {
			ends := n.at == end || s.places[n.at].Type == "Fail" && s.places[n.at].Parent == ""
			return ends && n.marks&mark == 0
		},
	}
	for _, c := range q.culprits() {
		s.find(unrecorded, c.edge.path, s.places[c.edge.from].Name, "lead it to the task that records this end",
			"the execution ends and nothing has recorded how: %s", c.way)
	}
}

// recorded reports whether e records the end. A recording that fails with its own name as the error has succeeded.
func (s *survey) recorded(e *edge) bool {
	p := &s.places[e.from]
	return s.records(p) && (!e.catch || slices.Equal(e.errors, []string{p.Function}))
}
