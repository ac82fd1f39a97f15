package diagram

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"tripsaga/shared/text"
)

// Text returns the drawing for a terminal of a width in columns: the grid of states, one line each, with the straight lines
// between them; the targets of other transitions are named beside their state. If d has transitions taken, others are shown
// only up and down. If the grid is too wide, the drawing is a list of the states. Heavy lines and filled ends are taken, dotted
// lines and empty ends are not. The text ends with a line break and has escape sequences only if colour is true.
func (l *Layout) Text(d Drawing, width int, colour bool) string {
	t := &terminal{svg: svg{Drawing: d}}
	lines := t.grid(l.chart)
	if slices.ContainsFunc(lines, func(s spans) bool { return s.trim().width() > width }) {
		lines = t.list(l.chart, "")
	}
	var b strings.Builder
	for _, line := range lines {
		line.trim().print(&b, width, colour)
	}
	return b.String()
}

// span is text in one colour: an SGR parameter, "" for none.
type span struct{ text, colour string }

type spans []span

func (s spans) width() (n int) {
	for _, part := range s {
		n += uniseg.StringWidth(part.text)
	}
	return n
}

// trim drops spaces at the end.
func (s spans) trim() spans {
	for len(s) > 0 && strings.TrimRight(s[len(s)-1].text, " ") == "" {
		s = s[:len(s)-1]
	}
	if n := len(s); n > 0 {
		s = append(s[:n-1:n-1], span{strings.TrimRight(s[n-1].text, " "), s[n-1].colour})
	}
	return s
}

// pad fills s up to a width.
func (s spans) pad(width int, with span) spans {
	if n := width - s.width(); n > 0 {
		s = append(s, span{strings.Repeat(with.text, n), with.colour})
	}
	return s
}

func (s spans) print(b *strings.Builder, width int, colour bool) {
	for _, part := range s {
		cut := ""
		for g := uniseg.NewGraphemes(part.text); g.Next(); cut += g.Str() {
			if width--; g.Width() > 1 {
				width--
			}
			if width < 0 {
				break
			}
		}
		if colour && part.colour != "" && cut != "" {
			cut = "\x1b[" + part.colour + "m" + cut + "\x1b[0m"
		}
		b.WriteString(cut)
	}
	b.WriteByte('\n')
}

const dim = "2"

var colours = map[Status]string{Done: "32", Running: "36", Waiting: "33", Failed: "31", Caught: "31", Aborted: "33"}

type terminal struct{ svg }

// state returns the line of a state.
func (t *terminal) state(n *node, named func(*edge) bool) spans {
	m := t.Marks[n.Name]
	line := spans{{cmp.Or(known[m.Status].sign, known[""].sign) + " " + text.Visible(n.Name), cmp.Or(colours[m.Status], dim)}}
	if below := t.below(n, m); below != "" && m.Status+Status(m.Note) != "" {
		line = append(line, span{"  " + text.Visible(below), ""})
	}
	for _, e := range n.out {
		if !named(e) || !t.shown(e) {
			continue
		}
		note := "  → " + text.Visible(e.to.Name)
		if e.label != "" && len(t.Taken) == 0 {
			note += " (" + e.short() + ")"
		}
		line = append(line, span{note, ""})
	}
	if n.End {
		taken := t.Taken[[2]string{n.Name, ""}]
		end := " ◉"
		if len(t.Taken) > 0 && !taken {
			end = " ○"
		}
		line = append(line, span{end, t.ink(taken)})
	}
	return line
}

func (t *terminal) taken(e *edge) bool { return t.Taken[[2]string{e.from.Name, e.to.Name}] }

// shown reports whether a line to the side, or a name, shows the transition.
func (t *terminal) shown(e *edge) bool { return len(t.Taken) == 0 || t.taken(e) }

func (t *terminal) ink(taken bool) string {
	if taken {
		return ""
	}
	return dim
}

// cell returns the lines of a state, with the charts inside it below.
func (t *terminal) cell(n *node) []spans {
	lines := []spans{t.state(n, func(e *edge) bool { return len(e.tracks) > 0 })}
	for i, c := range n.charts {
		if i > 0 {
			lines = append(lines, spans{{"├╌╌", dim}})
		}
		for _, line := range t.grid(c) {
			lines = append(lines, append(spans{{"│ ", dim}}, line...))
		}
	}
	return lines
}

// grid draws the rows of the chart, with the lines between them.
func (t *terminal) grid(c *chart) []spans {
	cells := map[*node][]spans{}
	widths := make([]int, c.cols)
	for _, n := range c.nodes {
		cells[n] = t.cell(n)
		for _, line := range cells[n] {
			widths[n.col] = max(widths[n.col], line.trim().width())
		}
	}
	var lines []spans
	for row := range c.rows {
		if between := t.between(c, row, widths); len(between) > 0 {
			lines = append(lines, between)
		}
		high := 0
		for col := range c.cols {
			high = max(high, len(cells[c.cells[[2]int{row, col}]]))
		}
		for i := range high {
			lines = append(lines, t.row(c, row, i, cells, widths))
		}
	}
	return lines
}

const columnSpace = 5

func offset(widths []int, col int) (n int) {
	for _, w := range widths[:col] {
		n += w + columnSpace
	}
	return n
}

// row returns line i of the cells of a row.
func (t *terminal) row(c *chart, row, i int, cells map[*node][]spans, widths []int) (line spans) {
	for col, width := range widths {
		n := c.cells[[2]int{row, col}]
		across := t.across(c, row, col)
		if i > 0 {
			across = nil
		}
		fill := span{" ", ""}
		if across != nil {
			fill = span{t.pick(across, "━", "╌"), t.ink(t.taken(across))}
		}
		switch {
		case n != nil && i < len(cells[n]):
			line = append(line, cells[n][i]...)
			if across != nil {
				line = append(line, span{" ", ""})
			}
		case i > 0 || n == nil:
			if e := t.upright(c, row, col, i > 0 && n != nil); e != nil {
				line = append(line, span{t.pick(e, "┃", "┊"), t.ink(t.taken(e))})
			}
		}
		line = line.pad(offset(widths, col)+width+1, fill)
		head := " "
		if across != nil {
			head = fill.text
			if across.to.row == row && across.to == c.cells[[2]int{row, col + 1}] {
				head = t.pick(across, "▶", "▷")
			}
		}
		line = line.pad(offset(widths, col+1)-2, fill)
		line = append(line, span{head, fill.colour}, span{" ", ""})
	}
	return line
}

func (t *terminal) pick(e *edge, taken, other string) string {
	if t.taken(e) {
		return taken
	}
	return other
}

// across returns the straight edge that runs at the right of a cell, or nil.
func (t *terminal) across(c *chart, row, col int) *edge {
	for _, e := range c.edges {
		a, b := e.from.col, e.to.col
		if t.shown(e) && len(e.tracks) == 0 && e.from.row == row && e.to.row == row && min(a, b) <= col && col < max(a, b) {
			return e
		}
	}
	return nil
}

// upright returns the straight edge that runs through a cell, or out of the bottom of its state, or nil.
func (t *terminal) upright(c *chart, row, col int, below bool) *edge {
	for _, e := range c.edges {
		a, b := min(e.from.row, e.to.row), max(e.from.row, e.to.row)
		if len(e.tracks) == 0 && e.from.col == col && e.to.col == col && row < b && (a < row || below && a == row) {
			return e
		}
	}
	return nil
}

// between returns the line above a row: the start, and the transitions from or to the previous row.
func (t *terminal) between(c *chart, row int, widths []int) (line spans) {
	for col := range widths {
		var mark span
		if n := c.start; n.row == row && n.col == col {
			mark = span{"●", t.ink(t.Taken[[2]string{"", n.Name}])}
		} else if e := t.upright(c, row-1, col, true); e != nil {
			mark = span{t.pick(e, "┃", "┊"), t.ink(t.taken(e))}
			if e.to.row < e.from.row {
				mark.text = t.pick(e, "▲", "△")
			}
		}
		if mark.text != "" {
			line = append(line.pad(offset(widths, col), span{" ", ""}), mark)
		}
	}
	return line
}

// list returns all states below each other, each with its transitions.
func (t *terminal) list(c *chart, indent string) (lines []spans) {
	for _, n := range c.nodes {
		lines = append(lines, append(spans{{indent, ""}}, t.state(n, func(*edge) bool { return true })...))
		for _, inner := range n.charts {
			lines = append(lines, t.list(inner, indent+"  ")...)
		}
	}
	return lines
}
