package diagram

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tripsaga/shared/text"
)

const margin = 12

// SVG returns the drawing as an svg element for a page that has the [Stylesheet]. All text is escaped, and characters that
// change the direction of text are made visible; there are no scripts, styles or ids.
func (l *Layout) SVG(d Drawing) string { return l.draw(d, "") }

// SVGFile returns the drawing as a separate file, which contains the stylesheet and a background.
func (l *Layout) SVGFile(d Drawing) string {
	return l.draw(d, "<style>\n"+Stylesheet+"</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n") + "\n"
}

type svg struct {
	strings.Builder
	Drawing
	signs bool // some state has a status, so that each name begins beside a sign
}

func (l *Layout) draw(d Drawing, before string) string {
	w := &svg{Drawing: d}
	role := "img"
	for _, m := range d.Marks {
		if m.Link != "" {
			role = "group" // the content of an img has no links for assistive technology
		}
		w.signs = w.signs || m.Status != ""
	}
	width, height := l.chart.width+2*margin, l.chart.height+2*margin
	w.printf(`<svg xmlns="http://www.w3.org/2000/svg" role="%s" class="diagram" viewBox="0 0 %d %d" width="%d" height="%d"`,
		role, width, height, width, height)
	if d.Title != "" {
		w.printf(` aria-label="%s"`, safe(d.Title))
	}
	w.WriteString(">" + before)
	w.chart(l.chart, margin, margin)
	w.WriteString("</svg>")
	return w.String()
}

func (w *svg) printf(format string, args ...any) { fmt.Fprintf(w, format, args...) }

// safe escapes text for content and attributes, and makes invisible characters visible.
func safe(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text.Visible(s))) // a Builder does not fail
	return b.String()
}

// chart draws the states, then the lines on top of them, those not taken first.
func (w *svg) chart(c *chart, x, y int) {
	w.printf(`<g transform="translate(%d %d)">`, x, y)
	for _, n := range c.nodes {
		w.node(n)
	}
	for _, taken := range []bool{false, true} {
		if w.Taken[[2]string{"", c.start.Name}] == taken {
			w.begin(c.start, taken)
		}
		for _, n := range c.nodes {
			if n.End && w.Taken[[2]string{n.Name, ""}] == taken {
				w.end(n, taken)
			}
		}
		for _, e := range c.edges {
			if w.Taken[[2]string{e.from.Name, e.to.Name}] == taken {
				w.edge(e, taken)
			}
		}
	}
	w.WriteString("</g>\n")
}

// known are the statuses, with the sign of each as a path in a circle of radius 9, and in text.
var known = map[Status]struct{ path, sign string }{
	"":      {"", "·"},
	Done:    {"M-4 0L-1 3L4 -3", "✓"},
	Running: {"M-2 -4L4 0L-2 4Z", "▶"},
	Waiting: {"M0 -4V0L3 2", "◷"},
	Failed:  {"M-3 -3L3 3M3 -3L-3 3", "✗"},
	Caught:  {"M4 3V1Q4 -2 1 -2H-4M-1 -5L-4 -2L-1 1", "↩"},
	Aborted: {"M-3 -3H3V3H-3Z", "■"},
	Ended:   {"M-4 0H4", "–"},
}

func (w *svg) node(n *node) {
	m := w.Marks[n.Name]
	class := "state state-" + strings.ToLower(n.Type)
	if !n.reached {
		class += " state-side"
	}
	if _, ok := known[m.Status]; ok && m.Status != "" {
		class += " state-" + string(m.Status)
	}
	link := href(m.Link)
	if link != "" {
		w.printf(`<a href="%s">`, safe(link)) // its name is that of the box
	}
	w.printf(`<g class="%s" role="img" aria-label="%s"><title>%[2]s</title>`, class, safe(w.label(n, m)))
	w.box(n)
	w.content(n, m)
	for i, b := range n.charts {
		w.inner(n, i, b)
	}
	w.WriteString("</g>")
	if link != "" {
		w.WriteString("</a>")
	}
	w.WriteByte('\n')
}

// href returns the address if it is one of a page; "" if it could run a script.
func href(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}

func (w *svg) word(s Status) string { return cmp.Or(w.Words[s], string(s)) }

// below returns the line below a state's name.
func (w *svg) below(n *node, m Mark) string {
	var parts []string
	if word := w.word(m.Status); word != "" {
		if m.Attempts > 1 {
			word += " ×" + strconv.Itoa(m.Attempts)
		}
		parts = append(parts, word)
	}
	if m.Note != "" {
		parts = append(parts, m.Note)
	}
	if len(parts) == 0 && n.Type != "Task" {
		parts = append(parts, n.Type)
	}
	return strings.Join(parts, " · ")
}

func (w *svg) label(n *node, m Mark) string {
	if m.Label != "" {
		return m.Label
	}
	if below := w.below(n, m); below != "" {
		return n.Name + ": " + below
	}
	return n.Name
}

// shape is the shape of a state's box.
type shape int

const (
	rectangle shape = iota
	hexagon
	pill
)

const hexagonEdge = 12

func (n *node) shape() shape {
	switch n.Type {
	case "Choice":
		return hexagon
	case "Succeed", "Fail", "Pass":
		return pill
	}
	return rectangle
}

func (w *svg) box(n *node) {
	x, y := n.x-n.w/2, n.y-n.h/2
	radius := corner
	switch n.shape() {
	case hexagon:
		w.printf(`<path class="box" d="M%d %dH%dL%d %dL%d %dH%dL%d %dZ"/>`, x+hexagonEdge, y, x+n.w-hexagonEdge,
			x+n.w, n.y, x+n.w-hexagonEdge, y+n.h, x+hexagonEdge, x, n.y)
		return
	case pill:
		radius = n.h / 2
	}
	w.printf(`<rect class="box" x="%d" y="%d" width="%d" height="%d" rx="%d"/>`, x, y, n.w, n.h, radius)
}

// content draws the name, the line below it, and the sign of the status.
func (w *svg) content(n *node, m Mark) {
	x, y, anchor, width := n.x, n.y, "middle", n.w-padding
	if len(n.charts) > 0 {
		y = n.y - n.h/2 + boxHeight/2
	}
	if w.signs {
		w.printf(`<g class="sign" transform="translate(%d %d)"><circle r="9"/><path d="%s"/></g>`, n.x-n.w/2+19, y, known[m.Status].path)
		x, anchor, width = n.x-n.w/2+iconSpace, "start", n.w-iconSpace-padding/2
	}
	below := shorten(text.Visible(w.below(n, m)), width, labelSize)
	name := y + 5
	if below != "" {
		name -= 9
		w.printf(`<text class="below" x="%d" y="%d" text-anchor="%s">%s</text>`, x, y+14, anchor, safe(below))
	}
	w.printf(`<text class="name" x="%d" y="%d" text-anchor="%s">%s</text>`, x, name, anchor,
		safe(shorten(text.Visible(n.Name), width, nameSize)))
}

// inner draws branch i of a state.
func (w *svg) inner(n *node, i int, b *chart) {
	total := -padding
	for _, b := range n.charts {
		total += b.width + padding
	}
	x := n.x - total/2
	for _, before := range n.charts[:i] {
		x += before.width + padding
	}
	y := n.y - n.h/2 + boxHeight
	if i > 0 {
		w.printf(`<path class="branch" d="M%d %dV%d"/>`, x-padding/2, y, n.y-n.h/2+n.h-padding)
	}
	w.chart(b, x, y)
}

// begin draws the mark of the start.
func (w *svg) begin(n *node, taken bool) {
	to := n.port(top, 0)
	w.printf(`<g class="%s"><circle class="start" cx="%d" cy="%d" r="%d"/>`, lineClass(taken, false), to.x, to.y-endSpace+endRadius, endRadius)
	w.line([]point{{to.x, to.y - endSpace + 2*endRadius}, to})
	w.WriteString("</g>\n")
}

// end draws the mark of an end.
func (w *svg) end(n *node, taken bool) {
	side, d := n.endSide(), 1
	if side == top {
		d = -1
	}
	from := n.port(side, 0)
	y := from.y + d*(endSpace-endRadius)
	w.printf(`<g class="%s"><path class="line" d="M%d %dV%d"/><circle class="ring" cx="%[2]d" cy="%[5]d" r="%[6]d"/><circle class="start" cx="%[2]d" cy="%[5]d" r="%[7]d"/></g>`+"\n",
		lineClass(taken, false), from.x, from.y, y-d*endRadius, y, endRadius, endRadius-3)
}

func lineClass(taken, catch bool) string {
	class := "edge"
	if catch {
		class += " edge-catch"
	}
	if taken {
		class += " edge-taken"
	}
	return class
}

func (w *svg) edge(e *edge, taken bool) {
	w.printf(`<g class="%s">`, lineClass(taken, e.catch))
	if e.label != "" {
		w.printf("<title>%s</title>", safe(e.label))
	}
	points := slices.Clone(e.points)
	last := len(points) - 1
	points[0] = e.from.border(points[0])
	points[last] = e.to.border(points[last])
	w.line(points)
	if e.label != "" {
		w.printf(`<text class="label" x="%d" y="%d">%s</text>`, e.text.x, e.text.y+e.text.h-3, safe(e.short()))
	}
	w.WriteString("</g>\n")
}

// border moves a point from a side of the box to the border of the state's shape.
func (n *node) border(p point) point {
	d, inset := max(p.y-n.y, n.y-p.y), 0
	switch n.shape() {
	case hexagon:
		inset = hexagonEdge * d / (n.h / 2)
	case pill:
		r := float64(n.h) / 2
		inset = int(r - math.Sqrt(max(0, r*r-float64(d*d))))
	}
	switch p.x {
	case n.x - n.w/2:
		p.x += inset
	case n.x - n.w/2 + n.w:
		p.x -= inset
	}
	return p
}

// line draws a line with rounded corners and an arrow's head at its end.
func (w *svg) line(points []point) {
	points = turns(points)
	last := len(points) - 1
	w.printf(`<path class="line" d="M%d %d`, points[0].x, points[0].y)
	for i := 1; i < last; i++ {
		p := points[i]
		radius := min(corner, distance(points[i-1], p)/2, distance(p, points[i+1])/2)
		a, b := towards(p, points[i-1], radius), towards(p, points[i+1], radius)
		w.printf("L%d %dQ%d %d %d %d", a.x, a.y, p.x, p.y, b.x, b.y)
	}
	tip := points[last]
	neck := towards(tip, points[last-1], headLength)
	dx, dy := (tip.y-neck.y)/2, (tip.x-neck.x)/2
	w.printf(`L%d %d"/><path class="head" d="M%d %dL%d %dL%d %dZ"/>`, neck.x, neck.y,
		tip.x, tip.y, neck.x+dx, neck.y+dy, neck.x-dx, neck.y-dy)
}

// turns leaves out the points at which a line does not turn.
func turns(points []point) []point {
	kept := points[:1:1]
	for i := 1; i < len(points)-1; i++ {
		a, p, b := kept[len(kept)-1], points[i], points[i+1]
		if p != a && !(a.x == p.x && p.x == b.x) && !(a.y == p.y && p.y == b.y) {
			kept = append(kept, p)
		}
	}
	return append(kept, points[len(points)-1])
}

func distance(a, b point) int { return max(a.x-b.x, b.x-a.x) + max(a.y-b.y, b.y-a.y) }

// towards returns the point at a distance from a, on a horizontal or vertical line to b.
func towards(a, b point, d int) point {
	return point{a.x + d*cmp.Compare(b.x, a.x), a.y + d*cmp.Compare(b.y, a.y)}
}
