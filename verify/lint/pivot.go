package lint

import "slices"

// passing asks nothing of its own: where an execution may come, before and after the pivot.
func (s *survey) passing() *question {
	return &question{survey: s, step: s.move, bad: func(node) bool { return false }}
}

// pass finds where an execution may come.
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

// afterPivot tells whether an execution may come to a place after the pivot.
func (s *survey) afterPivot(at int) bool { return s.opt.Pivot != "" && s.ahead[at] }

// checkPivot asks that after the pivot there is only the way forward.
func (s *survey) checkPivot() {
	if s.opt.Pivot == "" {
		return
	}
	q := s.passing()
	q.bad = func(n node) bool { return n.at != end && n.marks&won != 0 && s.undoes(s.places[n.at].Function) }
	undoing := map[string]bool{}
	for _, c := range q.culprits() {
		undoing[c.edge.path] = true
		s.find(undoAfterPivot, c.edge.path, s.places[c.edge.from].Name, "retry what comes after the pivot, for long, and go on",
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

// checkForward asks that a Catch after the pivot leads to no end to which success would not lead.
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

// ends are the places at which the execution ends when no step fails from here on.
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
