package diagram

import (
	"cmp"
	"slices"
)

// path is the information for placing a state that is reached without an error.
type path struct {
	reached  bool
	best     *node // next on its longest way to a success
	length   int
	succeeds bool
}

// place gives every state a row and a column.
func (c *chart) place() {
	order := c.forward()
	c.settle(c.chain(c.start), 0, 0)
	left := slices.ContainsFunc(c.nodes, func(n *node) bool { return !n.reached })
	for _, n := range order {
		if n.placed {
			continue
		}
		nodes := c.chain(n)
		for i := 1; !n.placed; i++ {
			if c.settle(nodes, -i, 0) || left || c.settle(nodes, i, 0) {
				continue
			}
		}
	}
	for n := c.nextSide(); n != nil; n = c.nextSide() {
		c.placeSide(n)
	}
	c.normalize()
}

// forward assigns rows to the states that are reached without an error, each below all states that lead to it. It returns them
// in topological order, except for transitions back in a loop.
func (c *chart) forward() []*node {
	var order []*node
	open := map[*node]bool{}
	var visit func(*node)
	visit = func(n *node) {
		n.reached, open[n] = true, true
		for _, e := range n.out {
			switch {
			case e.catch:
			case open[e.to]:
				e.back = true
			case !e.to.reached:
				visit(e.to)
			}
		}
		open[n] = false
		n.choose()
		order = append(order, n)
	}
	visit(c.start)
	slices.Reverse(order)
	for _, n := range order {
		for _, e := range n.out {
			if !e.catch && !e.back {
				e.to.row = max(e.to.row, n.row+1)
			}
		}
	}
	return order
}

// choose finds the next state on the longest path to a success or, if there is no such path, on the longest path. It must be
// called for all next states first.
func (n *node) choose() {
	n.succeeds, n.length = n.End && n.Type != "Fail", 1
	for _, e := range n.out {
		next := e.to
		if e.catch || e.back || n.succeeds && !next.succeeds {
			continue
		}
		if n.best == nil || next.succeeds && !n.succeeds || next.length >= n.length {
			n.best, n.succeeds, n.length = next, next.succeeds, next.length+1
		}
	}
}

// chain returns n and the states after it that are not placed yet.
func (c *chart) chain(n *node) []*node {
	var nodes []*node
	for c.chains++; n != nil && !n.placed && n.chain != c.chains; n = n.next() {
		n.chain = c.chains
		nodes = append(nodes, n)
	}
	return nodes
}

// next returns the state that belongs below n in its column.
func (n *node) next() *node {
	if n.reached {
		return n.best
	}
	for _, e := range n.out {
		if !e.catch && !e.to.placed {
			return e.to
		}
	}
	return nil
}

// settle puts the states into a column, their rows shifted, if it is free from the first of the rows to the last one.
func (c *chart) settle(nodes []*node, col, shift int) bool {
	low, high := nodes[0].row, nodes[0].row
	for _, n := range nodes {
		low, high = min(low, n.row), max(high, n.row)
	}
	for row := low; row <= high; row++ {
		if c.cells[[2]int{row + shift, col}] != nil {
			return false
		}
	}
	for _, n := range nodes {
		n.row, n.col, n.placed = n.row+shift, col, true
		n.up = n.up || shift < 0
		c.cells[[2]int{n.row, n.col}] = n
	}
	return true
}

// nextSide returns the first of the longest chain that is not placed and follows a placed state.
func (c *chart) nextSide() (best *node) {
	rank := func(n *node) (bool, int) {
		waits := slices.ContainsFunc(n.in, func(e *edge) bool { return !e.from.placed && e.from != n })
		return !waits, len(c.chain(n))
	}
	var head bool
	var length int
	for _, n := range c.nodes {
		if n.placed || !slices.ContainsFunc(n.in, func(e *edge) bool { return e.from.placed }) {
			continue
		}
		h, l := rank(n)
		if best == nil || h && !head || h == head && l > length {
			best, head, length = n, h, l
		}
	}
	return best
}

// placeSide places a chain that only errors lead to, at the right: beside the state whose error leads to it. If errors of
// earlier states lead into its middle, then it goes up, each state beside the earliest one.
func (c *chart) placeSide(head *node) {
	nodes := c.chain(head)
	source := head.source()
	head.row = source.row
	col := max(source.col, 0) + 1
	if !slices.ContainsFunc(head.in, func(e *edge) bool { return e.catch && e.from.placed }) {
		head.row, col = source.row+1, max(source.col, 1)
	}
	up := slices.ContainsFunc(nodes[1:], func(n *node) bool { return n.source() != nil && n.source().row < head.row })
	for i, n := range nodes[1:] {
		n.row = nodes[i].row + 1
		if up {
			n.row = nodes[i].row - 1
			if s := n.source(); s != nil {
				n.row = min(n.row, s.row)
			}
		}
	}
	for _, n := range nodes {
		n.up = up
	}
	for ; ; col++ {
		for _, shift := range []int{0, -1, 1, -2, 2} {
			if c.settle(nodes, col, shift) {
				return
			}
		}
	}
}

// source returns the placed state in the highest row that leads to n, by an error if there is such a state, or nil.
func (n *node) source() *node {
	var sources []*edge
	for _, e := range n.in {
		if e.from.placed {
			sources = append(sources, e)
		}
	}
	if len(sources) == 0 {
		return nil
	}
	return slices.MinFunc(sources, func(a, b *edge) int {
		if a.catch != b.catch {
			if a.catch {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.from.row, b.from.row)
	}).from
}

// normalize counts rows and columns from 0.
func (c *chart) normalize() {
	top, first := 0, 0
	for _, n := range c.nodes {
		top, first = min(top, n.row), min(first, n.col)
	}
	clear(c.cells)
	for _, n := range c.nodes {
		n.row, n.col = n.row-top, n.col-first
		c.cells[[2]int{n.row, n.col}] = n
		c.rows, c.cols = max(c.rows, n.row+1), max(c.cols, n.col+1)
	}
	c.main = -first
}
