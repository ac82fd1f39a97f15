package diagram

import (
	"cmp"
	"slices"
)

// side is a side of a box.
type side int

const (
	left side = iota
	right
	top
	bottom
)

// route is the path of an edge: out of a side of a box, along alternately horizontal and vertical tracks, into a side of the
// other box. Without tracks it is a straight line. All edges to the same state share the tracks and the end of the path, so
// that a handler of a hundred errors has one line.
type route struct {
	out, in       side
	outDir, inDir int // -1: leaves (arrives) left or above of the middle of the side, 1: right or below, 0: in the middle
	slot          int // among the edges that leave this side in this direction, from 1
	tracks        []*track
}

// track is a line in the gap between two rows, or two columns.
type track struct {
	trackKey
	low, high int // where it begins and ends, in places of the grid, see at
	labelled  bool
	lane      int
	position  int // its y, or x if it is vertical
}

type trackKey struct {
	vertical bool
	gap      int // gap i is before row or column i
	to       *node
	in       side
	dir      int
}

// ports are the sides of a box that are in use. Lines that leave the box keep apart from each other and from those that
// arrive, also from those of the box at the other side of the gap.
type ports struct {
	straight [4]bool   // a straight line, or the mark of a start or an end
	leaving  [4]bool   // it leaves
	slots    [4][2]int // edges that leave: above or left, below or right of the middle
}

// at returns a place in the grid, for the comparison of positions: step is the size of a row or column.
func at(index, offset int) int { return index*step + offset }

const step = 1000

// gapAt returns the place of gap i.
func gapAt(i int) int { return at(i, -step/2) }

func (c *chart) routeAll() {
	shared := map[trackKey]*track{}
	straight := map[[2]*node]bool{}
	c.start.straight[top] = true
	for _, n := range c.nodes {
		if n.End {
			n.straight[n.endSide()], n.leaving[n.endSide()] = true, true
		}
	}
	for _, e := range c.edges {
		if !straight[[2]*node{e.to, e.from}] && c.straight(e) {
			straight[[2]*node{e.from, e.to}] = true
			e.from.straight[e.out], e.from.leaving[e.out], e.to.straight[e.in] = true, true, true
		}
	}
	for _, e := range slices.SortedStableFunc(slices.Values(c.edges), byRows) {
		if straight[[2]*node{e.from, e.to}] {
			continue
		}
		var keys []trackKey
		if !e.catch && e.to.row > e.from.row {
			keys = c.down(e)
		} else {
			keys = c.aside(e)
		}
		c.lay(e, keys, shared)
	}
	for _, vertical := range []bool{true, false} {
		c.lanes(vertical)
	}
}

// endSide returns the side at which the mark of an end is.
func (n *node) endSide() side {
	if n.up {
		return top
	}
	return bottom
}

// byRows orders short transitions first: they leave nearest to the middle of a side.
func byRows(a, b *edge) int { return cmp.Compare(a.rows(), b.rows()) }

func (e *edge) rows() int { return max(e.to.row-e.from.row, e.from.row-e.to.row) }

// straight makes e a straight line if nothing is in between.
func (c *chart) straight(e *edge) bool {
	u, v := e.from, e.to
	switch {
	case u == v:
		return false
	case u.row == v.row && c.free(u, v):
		e.out, e.in = right, left
		if v.col < u.col {
			e.out, e.in = left, right
		}
	case u.col == v.col && c.free(u, v) && (v.row > u.row || u.up && v.up):
		e.out, e.in = bottom, top
		if v.row < u.row {
			e.out, e.in = top, bottom
		}
	default:
		return false
	}
	return !u.straight[e.out] && !e.to.straight[e.in]
}

// free reports whether no state is between two states of a row or a column.
func (c *chart) free(u, v *node) bool {
	dr, dc := cmp.Compare(v.row, u.row), cmp.Compare(v.col, u.col)
	for row, col := u.row+dr, u.col+dc; row != v.row || col != v.col; row, col = row+dr, col+dc {
		if c.cells[[2]int{row, col}] != nil {
			return false
		}
	}
	return true
}

// column reports whether the column is free between two rows, which do not count.
func (c *chart) column(col, above, below int) bool {
	for row := above + 1; row < below; row++ {
		if c.cells[[2]int{row, col}] != nil {
			return false
		}
	}
	return true
}

// down leads e from the bottom of its state into the top of one further below.
func (c *chart) down(e *edge) []trackKey {
	u, v := e.from, e.to
	e.out, e.in, e.outDir, e.inDir = bottom, top, 1, 1
	if v.col <= u.col {
		e.outDir = -1
	}
	if u.col <= v.col {
		e.inDir = -1
	}
	before, after := trackKey{gap: u.row + 1}, trackKey{gap: v.row}
	switch {
	case u.col != v.col && c.column(u.col, u.row, v.row) && (e.label == "" || v.row == u.row+1 || !u.leavesBottom()):
		return []trackKey{after}
	case u.col != v.col && c.column(v.col, u.row, v.row):
		return []trackKey{before}
	}
	column := trackKey{vertical: true, gap: v.col}
	if v.col < u.col {
		column.gap++
	}
	return []trackKey{before, column, after}
}

// leavesBottom reports whether a line leaves the bottom of n already. A label beside a second one would lie on the label there.
func (n *node) leavesBottom() bool { return n.leaving[bottom] || n.slots[bottom] != [2]int{} }

// aside leads e out of a side of its state into a side of the other one.
func (c *chart) aside(e *edge) []trackKey {
	u, v := e.from, e.to
	e.out, e.in = right, left
	switch {
	case u.col == v.col && (e.catch || u.col > c.main):
		e.in = right
	case u.col == v.col:
		e.out = left
	case u.col > v.col:
		e.out, e.in = left, right
	}
	e.outDir, e.inDir = -1, 1
	switch {
	case v.row > u.row:
		e.outDir, e.inDir = 1, -1
	case v.row == u.row && v != u:
		e.outDir = 1 // below a straight line and its label
	}
	first := trackKey{vertical: true, gap: u.col}
	if e.out == right {
		first.gap++
	}
	last := trackKey{vertical: true, gap: v.col, dir: e.inDir}
	if e.in == right {
		last.gap++
	}
	if first.gap == last.gap {
		return []trackKey{last}
	}
	between := trackKey{gap: u.row}
	if e.outDir > 0 {
		between.gap++
	}
	return []trackKey{first, between, last}
}

// lay puts e on the tracks.
func (c *chart) lay(e *edge, keys []trackKey, shared map[trackKey]*track) {
	e.from.slots[e.out][(e.outDir+1)/2]++
	e.slot = e.from.slots[e.out][(e.outDir+1)/2]
	places := e.places(keys)
	for i, k := range keys {
		k.to, k.in = e.to, e.in
		t := shared[k]
		low, high := min(places[i], places[i+2]), max(places[i], places[i+2])
		if t == nil {
			t = &track{trackKey: k, low: low, high: high}
			shared[k] = t
			c.tracks = append(c.tracks, t)
		}
		t.low, t.high = min(t.low, low), max(t.high, high)
		t.labelled = t.labelled || i == 0 && !k.vertical && e.label != ""
		e.tracks = append(e.tracks, t)
	}
}

// places returns where e turns: track i goes from place i to place i+2.
func (e *edge) places(keys []trackKey) []int {
	u, v := e.from, e.to
	places := make([]int, 0, len(keys)+2)
	if keys[0].vertical {
		places = append(places, at(u.row, e.outDir*(20+e.slot)))
	} else {
		places = append(places, at(u.col, e.outDir*20))
	}
	for _, k := range keys {
		places = append(places, gapAt(k.gap))
	}
	if keys[len(keys)-1].vertical {
		return append(places, at(v.row, e.inDir*10))
	}
	return append(places, at(v.col, e.inDir*10))
}

// lanes puts the tracks of each gap side by side where they would overlap, long ones first.
func (c *chart) lanes(vertical bool) {
	gaps := map[int][]*track{}
	for _, t := range c.tracks {
		if t.vertical == vertical {
			gaps[t.gap] = append(gaps[t.gap], t)
		}
	}
	for _, tracks := range gaps {
		slices.SortStableFunc(tracks, func(a, b *track) int { return cmp.Compare(b.high-b.low, a.high-a.low) })
		var lanes [][]*track
		for _, t := range tracks {
			for t.lane < len(lanes) && slices.ContainsFunc(lanes[t.lane], t.overlaps) {
				t.lane++
			}
			if t.lane == len(lanes) {
				lanes = append(lanes, nil)
			}
			lanes[t.lane] = append(lanes[t.lane], t)
		}
	}
}

func (t *track) overlaps(o *track) bool { return t.low <= o.high && o.low <= t.high }
