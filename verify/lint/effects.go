package lint

import (
	"maps"
	"slices"
	"strings"

	"tripsaga/asl"
)

// checkEffects follows the effect of each step to the ends of the saga.
func (s *survey) checkEffects() {
	held := map[int][]string{} // by place that an uncaught error can leave: the steps not compensated there
	for _, do := range slices.Sorted(maps.Keys(s.opt.Undo)) {
		if s.opt.Undo[do] == "" {
			continue
		}
		q := s.effect(do)
		for _, c := range q.culprits() {
			s.findEffect(do, c)
		}
		for _, at := range q.uncaught(do) {
			held[at] = append(held[at], do)
		}
	}
	for at, steps := range held {
		s.findUncaught(&s.places[at], steps)
	}
}

// effect is the question on which paths the saga fails while the step may be in effect.
func (s *survey) effect(do string) *question {
	return &question{survey: s,
		step: func(e *edge, m marks) []marks {
			all := s.move(e, m)
			for i := range all {
				all[i] = s.affect(do, e, all[i])
			}
			return all
		},
		bad: func(n node) bool {
			if n.marks&mark == 0 {
				return false
			}
			if n.at == end {
				return n.marks&won == 0
			}
			p := &s.places[n.at]
			return p.Type == "Fail" && p.Parent == "" || s.records(p) && n.marks&won == 0
		},
	}
}

// affect returns the marks after e: the step sets mark, its compensation clears it.
func (s *survey) affect(do string, e *edge, m marks) marks {
	p := &s.places[e.from]
	switch {
	case e.catch && s.mayHaveDone(p, do) && !s.onlyKnown(e, p, do):
		return m | mark
	case e.catch:
		return m
	case p.Function == do:
		return m | mark
	case p.Function != "" && p.Function == s.opt.Undo[do]:
		return m &^ mark
	}
	return m
}

// mayHaveDone reports whether a failure of p may leave the step in effect.
func (s *survey) mayHaveDone(p *place, do string) bool {
	return s.does(p, func(task string) bool { return task == do })
}

// onlyKnown reports whether e catches only errors after which the step that p calls had no effect.
func (s *survey) onlyKnown(e *edge, p *place, do string) bool {
	return p.Function == do && !slices.ContainsFunc(e.errors, func(name string) bool {
		return !slices.Contains(s.opt.Known[do], name)
	})
}

func (s *survey) records(p *place) bool {
	return p.Function != "" && slices.Contains(s.opt.Record, p.Function)
}

// undoes reports whether the task compensates another task.
func (s *survey) undoes(task string) bool {
	for _, undo := range s.opt.Undo {
		if undo == task {
			return task != ""
		}
	}
	return false
}

func (s *survey) findEffect(do string, c culprit) {
	p := &s.places[c.edge.from]
	undo := s.opt.Undo[do]
	if c.edge.catch && s.mayHaveDone(p, do) {
		s.find(ownUndo, c.edge.path, p.Name, "lead it to "+undo+", which undoes nothing where there is nothing",
			"an error whose outcome is unknown leaves %s in effect: %s without %s", do, c.way, undo)
		return
	}
	s.find(earlierUndo, c.edge.path, p.Name, "lead every failure past "+undo+" before it ends",
		"what %s did stays in effect: %s without %s", do, c.way, undo)
}

// uncaught returns the places at which an error may end the execution while the step may be in effect.
func (q *question) uncaught(do string) []int {
	var all []int
	for _, n := range q.reached() {
		if n.at == end || !q.survey.leavesUncaught(n) {
			continue
		}
		if n.marks&mark != 0 || q.survey.mayHaveDone(&q.survey.places[n.at], do) {
			all = append(all, n.at)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// leavesUncaught reports whether an error may end the execution at n where a redrive cannot help. A failure in a branch
// fails the enclosing state, which is checked instead.
func (s *survey) leavesUncaught(n node) bool {
	p := &s.places[n.at]
	switch {
	case p.Parent != "":
		return false
	case p.Type == "Choice":
		return !hasDefault(p)
	case p.Type != "Task" && p.Type != "Parallel" && p.Type != "Map":
		return false
	}
	return !takesAll(p.Catch) && !s.stops(p, s.opt.Pivot != "" && n.marks&won != 0)
}

func hasDefault(p *place) bool {
	return slices.ContainsFunc(p.Edges, func(e asl.Edge) bool { return e.Kind == asl.EdgeDefault })
}

// stops reports whether an error that leaves p stops the execution at a state from which a redrive completes the saga: a
// compensation, a recording (checkEffects judges the path to it) or any state after the pivot. The rule patience
// requires that these are retried.
func (s *survey) stops(p *place, afterPivot bool) bool {
	if p.Type == "Task" {
		return afterPivot || s.undoes(p.Function) || s.records(p)
	}
	for _, i := range p.inside {
		inner := &s.places[i]
		if inner.Type == "Fail" || inner.Type == "Choice" && !hasDefault(inner) ||
			inner.Type == "Task" && !s.stops(inner, afterPivot) {
			return false
		}
	}
	return true
}

func (s *survey) findUncaught(p *place, steps []string) {
	names := strings.Join(steps, ", ")
	if p.Type == "Choice" {
		s.find(catchAll, p.Path, p.Name, "add a Default that leads to the undo of each",
			"where no rule matches, the execution ends with %s not undone", names)
		return
	}
	s.find(catchAll, p.Path, p.Name, "end its Catch with States.ALL, which leads to the undo of each",
		"an error that no Catch matches ends the execution with %s not undone", names)
}
