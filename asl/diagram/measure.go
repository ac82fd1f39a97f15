package diagram

import (
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"tripsaga/shared/text"
)

// Sizes in units of the SVG, which are pixels where it is not scaled.
const (
	nameSize, labelSize = 14, 11 // of the fonts in the stylesheet; names are of 13, but bold

	minWidth, maxWidth = 136, 208 // of a box without inner boxes
	boxHeight          = 52
	padding            = 16 // around each branch in a box
	iconSpace          = 34 // at the left of a name
	endSpace           = 30 // for the mark of a start or an end, with its line
	endRadius          = 7

	slotSpace  = 17 // between lines that leave the same side
	laneSpace  = 14
	labelSpace = 20 // of a lane with a label
	maxLabel   = 160
	corner     = 8
	headLength = 8
	rowGap     = 40
	columnGap  = 44
	besideBox  = 18 // between a box and the nearest lane
	aroundEnd  = 8  // free space between the mark of an end and the next row
)

// grid is the size of a chart.
type grid struct {
	rows, cols, main int // main is the column of the path without errors
	width, height    int
}

// gapSize is what a gap between two columns, or two rows, holds.
type gapSize struct {
	lanes         []int // the size of each
	before, after int   // for labels, and the marks of starts and ends, at its two sides
}

func (c *chart) measure() {
	c.sizeBoxes()
	rows, columns := make([]gapSize, c.rows+1), make([]gapSize, c.cols+1)
	for _, t := range c.tracks {
		gaps := rows
		if t.vertical {
			gaps = columns
		}
		g := &gaps[t.gap]
		for len(g.lanes) <= t.lane {
			g.lanes = append(g.lanes, laneSpace)
		}
		if t.labelled {
			g.lanes[t.lane] = labelSpace
		}
	}
	for _, e := range c.edges {
		e.reserve(rows, columns)
	}
	for _, n := range c.nodes {
		if n == c.start || n.End && n.up {
			rows[n.row].after = endSpace
		}
		if n.End && !n.up {
			rows[n.row+1].before = endSpace
		}
	}
	c.spread(rows, columns)
	for _, e := range c.edges {
		e.trace(c)
	}
	c.fit()
}

// sizeBoxes gives all boxes without inner boxes the same width.
func (c *chart) sizeBoxes() {
	width := minWidth
	for _, n := range c.nodes {
		width = min(max(width, textWidth(text.Visible(n.Name), nameSize)+iconSpace+padding), maxWidth)
	}
	for _, n := range c.nodes {
		n.w, n.h = width, boxHeight
		for _, side := range []side{left, right} {
			n.h = max(n.h, 2*(max(n.slots[side][0], n.slots[side][1])*slotSpace+9))
		}
		if len(n.charts) == 0 {
			continue
		}
		inner, high := padding, 0
		for _, b := range n.charts {
			inner, high = inner+b.width+padding, max(high, b.height)
		}
		n.w, n.h = max(n.w, inner), max(n.h, boxHeight+high+padding)
	}
}

// reserve keeps space for the label of e.
func (e *edge) reserve(rows, columns []gapSize) {
	if e.label == "" {
		return
	}
	width := textWidth(e.short(), labelSize) + 6
	switch e.out {
	case right:
		g := &columns[e.from.col+1]
		g.before = max(g.before, width)
	case left:
		g := &columns[e.from.col]
		g.after = max(g.after, width)
	case bottom:
		if e.besideStub() {
			g := &rows[e.from.row+1]
			g.before = max(g.before, labelSpace)
		}
	case top:
		g := &rows[e.from.row]
		g.after = max(g.after, labelSpace)
	}
}

// besideStub reports whether the label is beside the line's vertical beginning. Otherwise it is above its first track.
func (e *edge) besideStub() bool {
	return len(e.tracks) == 0 || e.tracks[0].gap != e.from.row+1
}

// short returns the label as it is shown, with signs for comparisons.
func (e *edge) short() string {
	return shorten(text.Visible(signs.Replace(e.label)), maxLabel, labelSize)
}

var signs = func() *strings.Replacer {
	var pairs []string
	for _, kind := range []string{"String", "Numeric", "Timestamp", "Boolean"} {
		for _, c := range [][2]string{{"Equals", "="}, {"LessThan", "<"}, {"LessThanEquals", "≤"}, {"GreaterThan", ">"}, {"GreaterThanEquals", "≥"}} {
			pairs = append(pairs, " "+kind+c[0]+" ", " "+c[1]+" ", " "+kind+c[0]+"Path ", " "+c[1]+" ")
		}
	}
	return strings.NewReplacer(pairs...)
}()

// spread gives rows, columns and lanes their positions, and boxes theirs.
func (c *chart) spread(rows, columns []gapSize) {
	high, wide := make([]int, c.rows), make([]int, c.cols)
	for _, n := range c.nodes {
		high[n.row], wide[n.col] = max(high[n.row], n.h), max(wide[n.col], n.w)
	}
	var ys, xs axis
	ys, c.height = positions(high, rows, rowGap, aroundEnd)
	xs, c.width = positions(wide, columns, columnGap, 2*besideBox)
	for _, n := range c.nodes {
		n.x, n.y = xs.middle[n.col], ys.middle[n.row]
	}
	for _, t := range c.tracks {
		if t.vertical {
			t.position = xs.lanes[t.gap][t.lane]
		} else {
			t.position = ys.lanes[t.gap][t.lane]
		}
	}
}

// axis is the positions of rows or columns and of their lanes.
type axis struct {
	middle []int
	lanes  [][]int
}

// positions adds up the sizes of rows (or columns) and of the gaps before, between and after them. least is the minimum size of
// a gap, free the space in a gap without lanes.
func positions(sizes []int, gaps []gapSize, least, free int) (a axis, at int) {
	for i, g := range gaps {
		begin := at
		at += g.before
		var lanes []int
		for k, size := range g.lanes {
			if k == 0 {
				at += besideBox
			}
			at += size
			lanes = append(lanes, at-size/3)
		}
		a.lanes = append(a.lanes, lanes)
		inner := i > 0 && i < len(sizes)
		switch {
		case len(g.lanes) > 0:
			at += besideBox
		case inner:
			at += free
		}
		at += g.after
		if inner {
			at = max(at, begin+least)
		}
		if i < len(sizes) {
			a.middle = append(a.middle, at+sizes[i]/2)
			at += sizes[i]
		}
	}
	return a, at
}

// trace computes the line of e, and where its label is.
func (e *edge) trace(c *chart) {
	from, to := e.from.port(e.out, e.leaves(c)), e.to.port(e.in, e.arrivesAt())
	points := []point{from}
	for _, t := range e.tracks {
		p := points[len(points)-1]
		if t.vertical {
			p.x = t.position
		} else {
			p.y = t.position
		}
		points = append(points, p)
	}
	if n := len(e.tracks); n > 0 {
		p := to
		if e.tracks[n-1].vertical {
			p.x = e.tracks[n-1].position
		} else {
			p.y = e.tracks[n-1].position
		}
		points = append(points, p)
	}
	e.points = append(points, to)
	e.placeLabel()
}

// leaves returns how far from the middle of the side the line begins.
func (e *edge) leaves(c *chart) int {
	switch {
	case len(e.tracks) == 0:
		return 0
	case e.out == left:
		return e.outDir * (e.slot*slotSpace + slotSpace/3)
	case e.out == right:
		return e.outDir * e.slot * slotSpace
	case !e.from.straight[e.out] && e.from.slots[e.out][(1-e.outDir)/2] == 0 && c.column(e.from.col, e.from.row, c.rows):
		return 0
	}
	return e.outDir * slotSpace
}

// arrivesAt returns how far from the middle of the side the line ends. Lines into the top or the left join in the middle unless
// a line leaves there. If lines into the right did so, they would meet those into the left of the next box.
func (e *edge) arrivesAt() int {
	switch {
	case len(e.tracks) == 0:
		return 0
	case e.in == right:
		return e.inDir * slotSpace * 3 / 4
	case e.to.leaving[e.in]:
		return e.inDir * slotSpace / 2
	}
	return 0
}

// port returns a point on a side of the box.
func (n *node) port(s side, offset int) point {
	switch s {
	case left:
		return point{n.x - n.w/2, n.y + offset}
	case right:
		return point{n.x - n.w/2 + n.w, n.y + offset}
	case top:
		return point{n.x + offset, n.y - n.h/2}
	}
	return point{n.x + offset, n.y - n.h/2 + n.h}
}

func (e *edge) placeLabel() {
	if e.label == "" {
		return
	}
	p := e.points[0]
	e.text = box{w: textWidth(e.short(), labelSize), h: labelSize + 2}
	switch {
	case e.out == right:
		e.text.x, e.text.y = p.x+8, p.y-e.text.h-2
	case e.out == left:
		e.text.x, e.text.y = p.x-8-e.text.w, p.y-e.text.h-2
	case e.out == top:
		e.text.x, e.text.y = p.x+8, p.y-besideBox-e.text.h+4
	case e.besideStub():
		e.text.x, e.text.y = p.x+8, p.y+besideBox-4
	default:
		e.text.x, e.text.y = p.x+corner, e.tracks[0].position-e.text.h-2
		if e.outDir < 0 {
			e.text.x = p.x - corner - e.text.w
		}
	}
}

// fit moves everything so that labels are inside, too.
func (c *chart) fit() {
	low, high := 0, c.width
	for _, e := range c.edges {
		if e.label != "" {
			low, high = min(low, e.text.x), max(high, e.text.x+e.text.w)
		}
	}
	c.width = high - low
	for _, n := range c.nodes {
		n.x -= low
	}
	for _, e := range c.edges {
		e.text.x -= low
		for i := range e.points {
			e.points[i].x -= low
		}
	}
}

// textWidth estimates the width of a text in a sans-serif font, rather too wide.
func textWidth(s string, size int) int {
	sum := 0 // in hundredths of the size
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljtfrI.,:;'|!()[]{} ", r):
			sum += 36
		case strings.ContainsRune("mwMW@%", r):
			sum += 92
		case uniseg.StringWidth(string(r)) > 1:
			sum += 104
		case unicode.IsUpper(r):
			sum += 70
		default:
			sum += 59
		}
	}
	return (sum*size + 99) / 100
}

// shorten cuts a text off to fit a width.
func shorten(s string, width, size int) string {
	if textWidth(s, size) <= width {
		return s
	}
	var cut string
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if textWidth(cut+g.Str()+"…", size) > width {
			break
		}
		cut += g.Str()
	}
	return cut + "…"
}
