package lint

import "slices"

// checkRecord asks that no way ends before a task of Record has told the world.
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

// recorded tells whether the end is recorded behind e. A recording that fails with its own name has been done.
func (s *survey) recorded(e *edge) bool {
	p := &s.places[e.from]
	return s.records(p) && (!e.catch || slices.Equal(e.errors, []string{p.Function}))
}
