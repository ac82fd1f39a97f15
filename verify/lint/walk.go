package lint

import (
	"slices"
	"strings"
)

// marks are facts about an execution at a place.
type marks uint8

const (
	won  marks = 1 << iota // the pivot has succeeded or, in a saga without a pivot, no step has failed
	mark                   // the fact that a question follows: a step may have taken effect, or the end is recorded
)

// node is a place and the facts there.
type node struct {
	at    int
	marks marks
}

// question is a search for the paths that lead to a state that an execution must never reach. The marks after an edge depend
// only on the edge and the marks before it, not on the path. Paths that meet at the same node therefore have the same future,
// and visiting every node once covers every path, loops included. With two marks there are at most four nodes per place.
type question struct {
	survey *survey
	step   func(e *edge, m marks) []marks // the marks that are possible after e
	bad    func(n node) bool
}

// move is the part of step that all questions share: the mark won. The pivot sets it; in a saga without a pivot the
// failure of a step clears it.
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
	case e.catch && len(p.inside) > 0 && s.does(p, isPivot): // the pivot's branch may have passed it before another failed
		return []marks{m, m | won}
	}
	return []marks{m}
}

// does reports whether p, or a state inside it, calls a task for which such is true.
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

// next visits the successors of n. A bad node has none: its first finding is enough.
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

// reached lists the nodes that an execution can reach.
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

// culprit is an edge after which an execution reaches a bad node without another failure, and the path there.
type culprit struct {
	edge *edge
	way  string
}

// culprits finds the edges to blame for each path to a bad node. If a path without any failure leads there, that is the last
// edge. Otherwise it is the last catcher on the path, since what follows it happens without a further failure. Every path has a
// last catcher or no catcher at all, so no path is missed.
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

// hops maps each node from which a bad one is reached without a failure to the next hop of the shortest path: the node
// itself and the one after it. It is a breadth-first search backwards from the bad nodes, without the edges into bad nodes
// that are known already.
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

// way formats the path from a node through a hop to the bad node.
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

// unprovoked returns the edges into bad nodes on paths from the start without any failure.
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
