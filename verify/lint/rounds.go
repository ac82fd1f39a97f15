package lint

import (
	"slices"
	"strings"
)

// checkRounds finds the ways back: those that go round for ever when nothing fails, and those from an undo to a step.
func (s *survey) checkRounds() {
	told := map[int]bool{}
	for i := range s.places {
		if way := s.round(i); way != nil && !told[slices.Min(way)] {
			told[slices.Min(way)] = true
			s.find(roundAgain, s.places[i].out[0].path, s.places[i].Name, "give the loop a Choice that leaves it, or lead it to an end",
				"when nothing fails it goes round for ever: %s", s.names(append(way, i)))
		}
		if s.undoes(s.places[i].Function) {
			s.checkUndone(i)
		}
	}
}

// round is the way from a place back to it, when no other way is open without a failure; nil when there is one.
func (s *survey) round(from int) []int {
	var way []int
	for at := from; ; {
		way = append(way, at)
		out := s.ahead1(at)
		if len(out) != 1 || out[0] == end {
			return nil
		}
		if at = out[0]; at == from {
			return way
		}
		if slices.Contains(way, at) {
			return nil // the round is further on
		}
	}
}

// ahead1 are the places to which the success of a place leads.
func (s *survey) ahead1(at int) (to []int) {
	for _, e := range s.places[at].out {
		if !e.catch && !slices.Contains(to, e.to) {
			to = append(to, e.to)
		}
	}
	return to
}

// checkUndone asks that no way without a failure leads from an undo to a step that can be undone, the next undo aside.
func (s *survey) checkUndone(from int) {
	ways := map[int][]int{from: {from}}
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		for _, to := range s.ahead1(queue[0]) {
			if to == end || ways[to] != nil || s.undoes(s.places[to].Function) { // which is asked for itself
				continue
			}
			ways[to] = append(slices.Clone(ways[queue[0]]), to)
			if do := s.places[to].Function; s.opt.Undo[do] != "" {
				s.find(doAfterUndo, s.places[queue[0]].Path+".Next", s.places[from].Name, "lead every compensation on to the next one, and to the end",
					"after the saga has begun to compensate it does %s: %s", do, s.names(ways[to]))
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
