package lint

import (
	"slices"
	"strings"
)

// marks are what is true of an execution at a place.
type marks uint8

const (
	won  marks = 1 << iota // the pivot is behind it or, in a saga without one, no step has failed
	mark                   // what a question asks about: a step may have taken effect, the end is recorded
)

// node is a place and what is true there.
type node struct {
	at    int
	marks marks
}

// question asks which ways lead to where an execution must not get. What is asked changes along each edge by itself,
// whatever happened before, so that visiting every node once sees every path, loops included.
type question struct {
	survey *survey
	step   func(e *edge, m marks) []marks // what may be true behind e
	bad    func(n node) bool
}

// move is the part of step that all questions share: passing the pivot or, in a saga without one, failing.
func (s *survey) move(e *edge, m marks) []marks {
	p := &s.places[e.from]
	if s.opt.Pivot == "" {
		if e.catch && s.does(p, func(task string) bool { return s.opt.Undo[task] != "" }) {
			m &^= won
		}
		return []marks{m}
	}
	isPivot := func(task string) bool { return task == s.opt.Pivot }
	switch {
	case !e.catch && isPivot(p.Function):
		return []marks{m | won}
	case e.catch && len(p.inside) > 0 && s.does(p, isPivot): // in a branch that may have got that far
		return []marks{m, m | won}
	}
	return []marks{m}
}

// does tells whether p, or a state inside it, calls such a task.
func (s *survey) does(p *place, such func(task string) bool) bool {
	return such(p.Function) || slices.ContainsFunc(p.inside, func(i int) bool { return such(s.places[i].Function) })
}

func (s *survey) start() node {
	n := node{at: s.index[s.machine.StartAt()]}
	if s.opt.Pivot == "" {
		n.marks = won
	}
	return n
}

// next visits what stands behind n. Behind a bad node nothing more is asked.
func (q *question) next(n node, visit func(e *edge, to node)) {
	if n.at == end || q.bad(n) {
		return
	}
	out := q.survey.places[n.at].out
	for i := range out {
		for _, m := range q.step(&out[i], n.marks) {
			visit(&out[i], node{out[i].to, m})
		}
	}
}

// reached lists the nodes that an execution may come to.
func (q *question) reached() []node {
	all := []node{q.survey.start()}
	seen := map[node]bool{all[0]: true}
	for i := 0; i < len(all); i++ {
		q.next(all[i], func(_ *edge, to node) {
			if !seen[to] {
				seen[to] = true
				all = append(all, to)
			}
		})
	}
	return all
}

// culprit is an edge after which an execution may come to a bad node without another failure, and the way there.
type culprit struct {
	edge *edge
	way  string
}

// culprits are the edges into bad nodes to which the start leads without any failure and, for the other edges into bad
// nodes, the catchers that lead to them. Each path to a bad node has a last catcher, or none: so none is missed.
func (q *question) culprits() []culprit {
	nodes := q.reached()
	all := q.unprovoked()
	seen := map[string]bool{}
	for _, c := range all {
		seen[c.edge.path] = true
	}
	hops := q.hops(nodes, seen)
	for _, n := range nodes {
		q.next(n, func(e *edge, to node) {
			if hop, leads := hops[to]; leads && e.catch && !seen[e.path] {
				seen[e.path] = true
				all = append(all, culprit{e, q.way(n, hop, hops)})
			}
		})
	}
	return all
}

// hops tells, of each node that leads to a bad one without a failure, the shortest way: the node itself and the one
// after it. Edges into bad nodes that are known already count no more.
func (q *question) hops(nodes []node, known map[string]bool) map[node][2]node {
	before := map[node][]node{}
	hops := map[node][2]node{}
	var queue []node
	for _, n := range nodes {
		q.next(n, func(e *edge, to node) {
			if !e.catch && !(known[e.path] && q.bad(to)) {
				before[to] = append(before[to], n)
			}
		})
		if q.bad(n) {
			hops[n] = [2]node{n, n}
			queue = append(queue, n)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, n := range before[queue[0]] {
			if _, leads := hops[n]; !leads {
				hops[n] = [2]node{n, queue[0]}
				queue = append(queue, n)
			}
		}
	}
	return hops
}

// way puts the path from a node through a hop to the bad node into words.
func (q *question) way(from node, hop [2]node, hops map[node][2]node) string {
	names := []string{q.survey.name(from.at), q.survey.name(hop[0].at)}
	for ; hop[0] != hop[1]; hop = hops[hop[1]] {
		names = append(names, q.survey.name(hop[1].at))
	}
	return strings.Join(names, " -> ")
}

func (s *survey) name(at int) string {
	if at == end {
		return "the end"
	}
	return s.places[at].Name
}

// unprovoked are the edges into bad nodes to which the start leads without a failure.
func (q *question) unprovoked() []culprit {
	start := q.survey.start()
	ways := map[node]string{start: q.survey.name(start.at)}
	var all []culprit
	for queue := []node{start}; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		q.next(n, func(e *edge, to node) {
			if _, seen := ways[to]; seen || e.catch {
				return
			}
			ways[to] = ways[n] + " -> " + q.survey.name(to.at)
			queue = append(queue, to)
			if q.bad(to) {
				all = append(all, culprit{e, ways[to]})
			}
		})
	}
	return all
}
