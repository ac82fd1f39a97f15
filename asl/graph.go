package asl

import (
	"maps"
	"slices"
)

// link is a transition by name. connect resolves it when all states of the graph are known.
type link struct {
	path   string
	name   string
	graph  *graph
	target **state
}

// link registers that target is the state called name, in the graph of the state that o describes.
func (o *object) link(field, name string, target **state) {
	o.p.links = append(o.p.links, link{path: o.at(field), name: name, graph: o.graph, target: target})
}

// connect resolves the transitions.
func (p *parser) connect() {
	for _, l := range p.links {
		if *l.target = l.graph.states[l.name]; *l.target == nil {
			p.problem(l.path, "there is no state %q here; there are %s", l.name, l.graph.stateNames())
		}
	}
}

// targets returns the states that st can go to, Next first, without repeats.
func (st *state) targets() []*state {
	var all []*state
	for _, e := range st.edges() {
		if e.target != nil && !slices.Contains(all, e.target) {
			all = append(all, e.target)
		}
	}
	return all
}

// walk visits the states of a graph in the order in which they are reached, depth first.
func (g *graph) walk(visit func(*state)) {
	seen := map[*state]bool{}
	var from func(*state)
	from = func(st *state) {
		if st == nil || seen[st] {
			return
		}
		seen[st] = true
		visit(st)
		for _, next := range st.targets() {
			from(next)
		}
	}
	from(g.start)
}

// checkReachable refuses states that cannot be reached, and graphs that cannot end.
func (p *parser) checkReachable(g *graph) {
	reached := map[string]bool{}
	ends := false
	g.walk(func(st *state) {
		reached[st.name] = true
		ends = ends || st.isTerminal()
		for _, inner := range st.graphs() {
			p.checkReachable(inner)
		}
	})
	for _, name := range slices.Sorted(maps.Keys(g.states)) {
		if !reached[name] {
			p.problem(g.states[name].path, "no transition leads here from StartAt (%q)", g.start.name)
		}
	}
	if !ends {
		p.problem(join(g.path, "States"), "no state ends: one needs \"End\": true or the type Succeed or Fail")
	}
}

func (st *state) isTerminal() bool { return st.end || st.kind == "Succeed" || st.kind == "Fail" }

// checkScopes refuses variables that an outer scope also assigns: a branch cannot assign to them. All assignments of a graph
// are collected first, since a state may assign a variable after the Parallel state in whose branch it would be shadowed.
func (p *parser) checkScopes(g *graph, outer map[string]bool) {
	own := maps.Clone(outer)
	if own == nil {
		own = map[string]bool{}
	}
	g.walk(func(st *state) {
		for _, a := range st.assignments() {
			for _, name := range a.names {
				if outer[name] {
					p.problem(join(a.path, name), "the variable belongs to an outer scope; a branch can read it, not assign to it")
				}
				own[name] = true
			}
		}
	})
	g.walk(func(st *state) {
		for _, inner := range st.graphs() {
			p.checkScopes(inner, own)
		}
	})
}

// graphs returns the branches of a Parallel state or the processor of a Map state.
func (st *state) graphs() []*graph {
	switch b := st.body.(type) {
	case *parallel:
		return b.branches
	case *mapping:
		return []*graph{b.processor}
	}
	return nil
}

func (st *state) assignments() []*assignment {
	all := []*assignment{st.assign}
	for i := range st.catch {
		all = append(all, st.catch[i].assign)
	}
	if b, ok := st.body.(*choosing); ok {
		for i := range b.rules {
			all = append(all, b.rules[i].assign)
		}
	}
	return slices.DeleteFunc(all, func(a *assignment) bool { return a == nil })
}
