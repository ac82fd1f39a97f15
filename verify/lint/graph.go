package lint

import (
	"fmt"

	"tripsaga/asl"
)

// end is the place of an execution that has ended well.
const end = -1

// survey is a definition as the checks read it: its states as places, and the ways between them.
type survey struct {
	opt      Options
	machine  *asl.Machine
	places   []place
	index    map[string]int // of the places, by name
	first    map[branch]int // the places at which branches start
	ahead    map[int]bool   // the places that an execution comes to while it is won: after the pivot
	unwon    map[int]bool   // and those that it comes to before, or after a failure
	findings []Finding
}

type branch struct {
	of    string // the Parallel or Map state
	index int
}

// place is one state.
type place struct {
	asl.StateInfo
	fields
	out    []edge
	inside []int // the states of a Parallel or Map state, at any depth
}

// edge is a way from one place to another. Branches of a Parallel state are laid one behind the other, and the state's
// own failure stands for that of any branch: for what one task did, or took back, their order tells nothing.
type edge struct {
	from, to int
	path     string
	catch    bool
	errors   []string // that a catcher takes, after those before it took theirs
}

func newSurvey(machine *asl.Machine, definition []byte, opt Options) *survey {
	s := &survey{opt: opt, machine: machine, index: map[string]int{}, first: map[branch]int{}}
	all := readFields(definition)
	for i, info := range machine.States() {
		s.places = append(s.places, place{StateInfo: info, fields: all[info.Name]})
		s.index[info.Name] = i
		if info.StartsAt {
			s.first[branch{info.Parent, info.Branch}] = i
		}
	}
	for i := range s.places {
		for p := s.places[i].Parent; p != ""; p = s.places[s.index[p]].Parent {
			around := &s.places[s.index[p]]
			around.inside = append(around.inside, i)
		}
		s.places[i].out = append(s.forward(i), s.caught(i)...)
	}
	s.pass()
	return s
}

// forward are the ways out of a place without a failure.
func (s *survey) forward(i int) []edge {
	p := &s.places[i]
	switch p.Type {
	case "Parallel":
		return s.edges(i, p.Path, s.starts(p.Name, 0))
	case "Map": // over nothing, perhaps
		return s.edges(i, p.Path, append(s.starts(p.Name, 0), s.leaving(p)...))
	case "Fail":
		return nil
	case "Succeed":
		return s.edges(i, p.Path, s.leaving(p))
	case "Choice":
		return s.chosen(i)
	}
	if p.End {
		return s.edges(i, p.Path+".End", s.leaving(p))
	}
	return s.edges(i, p.Path+".Next", s.leaving(p))
}

func (s *survey) edges(from int, path string, to []int) []edge {
	all := make([]edge, len(to))
	for i := range to {
		all[i] = edge{from: from, to: to[i], path: path}
	}
	return all
}

func (s *survey) chosen(i int) []edge {
	p := &s.places[i]
	var all []edge
	for rule, e := range p.Edges {
		path := fmt.Sprintf("%s.Choices[%d]", p.Path, rule)
		if e.Kind == asl.EdgeDefault {
			path = p.Path + ".Default"
		}
		all = append(all, edge{from: i, to: s.index[e.To], path: path})
	}
	return all
}

// leaving is where the success of p leads: to its Next or, when p ends its branch, to where the branch leads.
func (s *survey) leaving(p *place) []int {
	for _, e := range p.Edges {
		if e.Kind == asl.EdgeNext {
			return []int{s.index[e.To]}
		}
	}
	if p.Parent == "" {
		return []int{end}
	}
	around := &s.places[s.index[p.Parent]]
	if around.Type == "Map" {
		return append(s.starts(around.Name, 0), s.leaving(around)...)
	}
	if next := s.starts(around.Name, p.Branch+1); next != nil {
		return next
	}
	return s.leaving(around)
}

// starts is where a branch begins; nil when there is none.
func (s *survey) starts(parent string, index int) []int {
	if i, ok := s.first[branch{parent, index}]; ok {
		return []int{i}
	}
	return nil
}
