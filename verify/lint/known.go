package lint

import (
	"maps"
	"slices"
)

// checkKnown asks that a step's known errors have a catcher of their own.
func (s *survey) checkKnown() {
	for i := range s.places {
		p := &s.places[i]
		if p.Type != "Task" || s.opt.Undo[p.Function] == "" {
			continue
		}
		for _, name := range s.opt.Known[p.Function] {
			if !slices.ContainsFunc(p.out, func(e edge) bool { return e.catch && slices.Contains(e.errors, name) }) {
				s.find(knownFirst, s.takenAt(p, name), p.Name, "catch "+name+" by name, before States.ALL",
					"%s, after which there is nothing to undo, is not told apart from errors of unknown outcome", name)
			}
		}
	}
}

// takenAt is the place of the catcher that takes an error, p's own when there is none.
func (s *survey) takenAt(p *place, name string) string {
	for n := range p.Catch {
		if takes(p.Catch[n].Errors, name) {
			return catchPath(p, n)
		}
	}
	return p.Path
}

// checkTasks holds the options and the definition against each other.
func (s *survey) checkTasks() {
	named := map[string]bool{s.opt.Pivot: true}
	for do, undo := range s.opt.Undo {
		named[do], named[undo] = true, true
	}
	for _, task := range s.opt.Record {
		named[task] = true
	}
	called := map[string]bool{"": true}
	for i := range s.places {
		p := &s.places[i]
		called[p.Function] = true
		switch {
		case p.Type != "Task" || p.Function != "" && named[p.Function]:
		case p.Function == "":
			s.find(notFollowed, p.Path, p.Name, "name the function in the definition",
				"which function it calls is known only when it runs")
		default:
			s.find(unknownTask, p.Path, p.Name, "name it in the options: with its undo, or with an empty one when it has no effect",
				"nothing says whether %s has an effect that must be taken back", p.Function)
		}
	}
	for _, task := range slices.Sorted(maps.Keys(named)) {
		if !called[task] {
			s.find(notCalled, "$.States", "", "call it, or take it out of the options", "no state calls %s", task)
		}
	}
}
