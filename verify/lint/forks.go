package lint

import (
	"maps"
	"slices"
)

// checkForks says what the order of a Parallel state's branches, or the number of a Map state's items, decides.
func (s *survey) checkForks() {
	for i := range s.places {
		switch p := &s.places[i]; p.Type {
		case "Map":
			s.checkMap(p)
		case "Parallel":
			s.checkParallel(p)
		}
	}
}

func (s *survey) checkMap(p *place) {
	for _, do := range slices.Sorted(maps.Keys(s.opt.Undo)) {
		if s.opt.Undo[do] != "" && s.mayHaveDone(p, do) {
			s.find(notFollowed, p.Path, p.Name, "call "+do+" once, for all items",
				"%s is called for each item; whether %s takes every one back does not stand in the definition", do, s.opt.Undo[do])
		}
	}
}

func (s *survey) checkParallel(p *place) {
	in := map[string]map[int]bool{} // the branches that call each function
	for _, i := range p.inside {
		task := s.places[i].Function
		if in[task] == nil {
			in[task] = map[int]bool{}
		}
		in[task][s.branchOf(p, i)] = true
	}
	const advice = "put them into one branch, or one after the other"
	for _, do := range slices.Sorted(maps.Keys(s.opt.Undo)) {
		if undo := s.opt.Undo[do]; undo != "" && apart(in[do], in[undo]) {
			s.find(notFollowed, p.Path, p.Name, advice, "%s and %s are in different branches: either may come first", do, undo)
		}
		for _, last := range slices.Concat(s.opt.Record, []string{s.opt.Pivot}) {
			if last != "" && last != do && s.opt.Undo[do] != "" && (apart(in[last], in[do]) || apart(in[last], in[s.opt.Undo[do]])) {
				s.find(notFollowed, p.Path, p.Name, advice,
					"%s is in one branch, %s or its undo in another: either may come first", last, do)
			}
		}
	}
}

// branchOf is the index of p's branch that holds a state, at any depth.
func (s *survey) branchOf(p *place, i int) int {
	for s.places[i].Parent != p.Name {
		i = s.index[s.places[i].Parent]
	}
	return s.places[i].Branch
}

// apart tells whether two functions are called in different branches.
func apart(a, b map[int]bool) bool {
	for i := range a {
		for j := range b {
			if i != j {
				return true
			}
		}
	}
	return false
}
