package lint

import (
	"maps"
	"slices"
	"strings"
)

// checkShape finds catchers that never match, states that only such catchers lead to, and states that reach no end.
func (s *survey) checkShape() {
	ending := s.ending()
	for i := range s.places {
		p := &s.places[i]
		for n := range p.Catch {
			if len(left(p.Catch[:n], p.Catch[n].Errors)) == 0 {
				s.find(deadCatch, catchPath(p, n), p.Name, "put it before the ones that match its errors, or remove it",
					"it never matches: earlier catchers match %v, or no catcher can", p.Catch[n].Errors)
			}
		}
		switch {
		case !s.ahead[i] && !s.unwon[i]:
			s.find(unreachable, p.Path, p.Name, "lead to it, or remove it", "nothing leads to it but a catcher that never matches")
		case !ending[i]:
			s.find(endless, p.Path, p.Name, "give the loop a way out", "no way leads from here to an end")
		}
	}
}

// ending returns the places from which the execution can end.
func (s *survey) ending() map[int]bool {
	before := map[int][]int{}
	ending := map[int]bool{end: true}
	queue := []int{end}
	for i := range s.places {
		for _, e := range s.places[i].out {
			before[e.to] = append(before[e.to], i)
		}
		if s.places[i].Type == "Fail" {
			ending[i] = true
			queue = append(queue, i)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, i := range before[queue[0]] {
			if !ending[i] {
				ending[i] = true
				queue = append(queue, i)
			}
		}
	}
	return ending
}

// checkRounds finds two kinds of loops: those that run for ever if nothing fails, and paths from a compensation back to a
// step.
func (s *survey) checkRounds() {
	told := map[int]bool{} // the smallest place of each loop that has been found
	for i := range s.places {
		if way := s.round(i); way != nil && !told[slices.Min(way)] {
			told[slices.Min(way)] = true
			s.find(roundAgain, s.places[i].out[0].path, s.places[i].Name, "give the loop a Choice that leaves it, or lead it to an end",
				"when nothing fails it loops for ever: %s", s.names(append(way, i)))
		}
		if s.undoes(s.places[i].Function) {
			s.checkUndone(i)
		}
	}
}

// round returns the loop through a place if success leads nowhere else; nil otherwise.
func (s *survey) round(from int) []int {
	var way []int
	for at := from; ; {
		way = append(way, at)
		out := s.successors(at)
		if len(out) != 1 || out[0] == end {
			return nil
		}
		if at = out[0]; at == from {
			return way
		}
		if slices.Contains(way, at) {
			return nil // a loop that does not include from
		}
	}
}

// successors returns the places that follow the success of a place.
func (s *survey) successors(at int) (to []int) {
	for _, e := range s.places[at].out {
		if !e.catch && !slices.Contains(to, e.to) {
			to = append(to, e.to)
		}
	}
	return to
}

// checkUndone requires that no path without a failure leads from a compensation to a step that has one. The path ends at
// the next compensation, which is checked separately.
func (s *survey) checkUndone(from int) {
	ways := map[int][]int{from: {from}}
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		for _, to := range s.successors(queue[0]) {
			if to == end || ways[to] != nil || s.undoes(s.places[to].Function) {
				continue
			}
			ways[to] = append(slices.Clone(ways[queue[0]]), to)
			if do := s.places[to].Function; s.opt.Undo[do] != "" {
				s.find(doAfterUndo, s.places[queue[0]].Path+".Next", s.places[from].Name, "lead every compensation on to the next one, and to the end",
					"after the saga has begun to compensate it calls %s: %s", do, s.names(ways[to]))
				continue
			}
			queue = append(queue, to)
		}
	}
}

func (s *survey) names(way []int) string {
	names := make([]string, len(way))
	for i, at := range way {
		names[i] = s.name(at)
	}
	return strings.Join(names, " -> ")
}

// checkForks reports what depends on the order of a Parallel state's branches or on the number of a Map state's items.
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
				"%s is called for each item; the definition does not say whether %s compensates each of them", do, s.opt.Undo[do])
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

// branchOf returns the index of the branch of p that contains a state, at any depth.
func (s *survey) branchOf(p *place, i int) int {
	for s.places[i].Parent != p.Name {
		i = s.index[s.places[i].Parent]
	}
	return s.places[i].Branch
}

// apart reports whether two functions are called in different branches.
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
