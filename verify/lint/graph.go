package lint

import (
	"encoding/json"
	"fmt"
	"slices"

	"tripsaga/asl"
)

// end is the pseudo place of an execution that has succeeded.
const end = -1

// survey is a definition as the checks read it, a graph: its states are places, its transitions edges.
type survey struct {
	opt      Options
	machine  *asl.Machine
	places   []place
	index    map[string]int // of the places, by name
	first    map[branch]int // the places at which branches start
	ahead    map[int]bool   // the places that an execution can reach while won holds: after the pivot
	unwon    map[int]bool   // the places that it can reach while won does not hold
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

// edge is a transition from one place to another. The branches of a Parallel state are put in sequence, and the state's
// own failure represents the failure of any branch. That is exact for one step and its compensation if both are in the
// same branch, since then the other branches do not matter; checkParallel reports the definitions where they are not.
type edge struct {
	from, to int
	path     string
	catch    bool
	errors   []string // what the catcher matches, less what earlier catchers match
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

// forward returns the edges that leave a place without a failure.
func (s *survey) forward(i int) []edge {
	p := &s.places[i]
	switch p.Type {
	case "Parallel":
		return s.edges(i, p.Path, s.starts(p.Name, 0))
	case "Map": // without items it calls nothing
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

// leaving returns the places after p's success: its Next or, if p ends its branch, what follows the branch.
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

// starts returns the first place of a branch; nil if the branch does not exist.
func (s *survey) starts(parent string, index int) []int {
	if i, ok := s.first[branch{parent, index}]; ok {
		return []int{i}
	}
	return nil
}

// fields are the fields of a state that asl.StateInfo does not have.
type fields struct {
	Seconds              float64
	SecondsPath          *string
	Timestamp            *string
	TimestampPath        *string
	TimeoutSecondsPath   *string
	HeartbeatSecondsPath *string
	Branches             []graphFields
	ItemProcessor        graphFields
	Iterator             graphFields
}

type graphFields struct {
	States map[string]fields
}

// readFields reads a definition that asl.Parse accepts, so that each state name is unique in the whole machine.
func readFields(definition []byte) map[string]fields {
	all := map[string]fields{}
	var root graphFields
	if json.Unmarshal(definition, &root) == nil {
		root.into(all)
	}
	return all
}

func (g *graphFields) into(all map[string]fields) {
	for name, f := range g.States {
		all[name] = f
		for _, inner := range append(f.Branches, f.ItemProcessor, f.Iterator) {
			inner.into(all)
		}
	}
}

// caught returns the edges that leave a place by a Catch. A catcher that can never match has no edge.
func (s *survey) caught(i int) []edge {
	p := &s.places[i]
	var all []edge
	for n := range p.Catch {
		if errors := left(p.Catch[:n], p.Catch[n].Errors); len(errors) > 0 {
			path := catchPath(p, n)
			all = append(all, edge{from: i, to: s.index[p.Catch[n].Next], path: path, catch: true, errors: errors})
		}
	}
	return all
}

func catchPath(p *place, n int) string { return fmt.Sprintf("%s.Catch[%d]", p.Path, n) }

// left returns those of names that no earlier catcher matches.
func left(earlier []asl.CatchInfo, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return name == asl.ErrRuntime || slices.ContainsFunc(earlier, func(c asl.CatchInfo) bool { return takes(c.Errors, name) })
	})
}

// notTaskFailed are the names that represent errors which States.TaskFailed does not match.
var notTaskFailed = []string{asl.ErrAll, asl.ErrTimeout, asl.ErrDataLimitExceeded, asl.ErrBranchFailed}

// takes reports whether a retrier or catcher for these errors matches every error that name represents.
func takes(errors []string, name string) bool {
	for _, e := range errors {
		switch {
		case e == name, e == asl.ErrAll:
			return true
		case e == asl.ErrTimeout && name == asl.ErrHeartbeatTimeout:
			return true
		case e == asl.ErrTaskFailed && !slices.Contains(notTaskFailed, name):
			return true
		}
	}
	return false
}

// takesAll reports whether the catchers match every error that can be caught.
func takesAll(catch []asl.CatchInfo) bool {
	all, failed, timeout := false, false, false
	for _, c := range catch {
		all = all || slices.Contains(c.Errors, asl.ErrAll)
		failed = failed || slices.Contains(c.Errors, asl.ErrTaskFailed)
		timeout = timeout || slices.Contains(c.Errors, asl.ErrTimeout)
	}
	return all || failed && timeout
}
