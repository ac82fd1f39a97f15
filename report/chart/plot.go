package chart

import (
	"html/template"
	"math"
	"strings"

	"tripsaga/report"
)

// Plot shows values over ranges of X: a curve that goes by steps, or columns. A histogram is a plot with columns.
type Plot struct {
	Title, Summary string
	X, Y           Axis
	Height         float64 // of the area; 0 is usual
	Series         []Series
	Stacked        bool // each series is on top of the one before it; all have the same ranges
	Marks          []Mark
}

// Series are the values of one kind.
type Series struct {
	Name   string
	Class  string // series-1 to series-3, or a state
	Column bool   // columns in the place of a curve
	Filled bool   // of a curve: the area below it is filled
	Dashed bool
	Points []Point
}

// Point is a value over a range of X.
type Point struct{ From, To, Y float64 }

// Mark is a vertical line where something happened.
type Mark struct {
	X     float64
	Label string
	State report.State
}

const (
	usualHeight = 190
	left        = 64
	right       = 16
	labelRow    = 16 // of marks
)

// HTML returns the figure.
func (p Plot) HTML() template.HTML {
	p.scaleX()
	rows := p.markRows()
	top := 26 + float64(labelRow*rows)
	height := p.Height
	if height == 0 {
		height = usualHeight
	}
	c := &canvas{}
	x := scale{p.X.Min, p.X.Max, left, width - right, p.X.Log}
	y := p.scaleY(top, height)
	p.axes(c, x, y)
	base := map[float64]float64{}
	for i := range p.Series {
		p.draw(c, &p.Series[i], x, y, base)
	}
	p.marks(c, x, top-6, top+height)
	f := figure{title: p.Title, summary: p.Summary, height: top + height + 40, figures: p.table()}
	if len(p.Series) > 1 {
		for _, s := range p.Series {
			f.legend = append(f.legend, entry{s.Class, s.Name})
		}
	}
	return f.html(c)
}

func (p *Plot) scaleX() {
	if p.X.Min != 0 || p.X.Max != 0 {
		return
	}
	p.X.Min, p.X.Max = math.Inf(1), math.Inf(-1)
	for _, s := range p.Series {
		for _, pt := range s.Points {
			p.X.Min, p.X.Max = min(p.X.Min, pt.From), max(p.X.Max, pt.To)
		}
	}
	if p.X.Min > p.X.Max {
		p.X.Min, p.X.Max = 0, 1
	}
}

func (p *Plot) scaleY(top, height float64) scale {
	highest := p.Y.Max
	if highest == 0 {
		sums := map[float64]float64{}
		for _, s := range p.Series {
			for _, pt := range s.Points {
				if !p.Stacked {
					sums[pt.From] = 0
				}
				sums[pt.From] += pt.Y
				highest = max(highest, sums[pt.From])
			}
		}
		highest = ceiling(highest, 4)
	}
	return scale{p.Y.Min, highest, top + height, top, false}
}

func (p *Plot) axes(c *canvas, x, y scale) {
	for _, v := range y.ticks(4) {
		c.line("rule", x.from, y.at(v), x.to, y.at(v))
		c.text("tick", "end", left-8, y.at(v)+4, p.Y.format(v))
	}
	c.text("tick", "start", 0, y.to-12, p.Y.Label)
	last := math.Inf(-1)
	for _, v := range x.ticks(12) {
		at, label := x.at(v), p.X.format(v)
		c.line("axis", at, y.from, at, y.from+5)
		if half := letters(label) / 2; at-half > last { // logarithmic ticks can be close
			c.text("tick", "middle", at, y.from+19, label)
			last = at + half + 6
		}
	}
	c.line("axis", x.from, y.from, x.to, y.from)
	c.text("tick", "middle", (x.from+x.to)/2, y.from+36, p.X.Label)
}

// draw draws one series; base is where the stack ends so far, by the beginning of the range.
func (p *Plot) draw(c *canvas, s *Series, x, y scale, base map[float64]float64) {
	var curve, area strings.Builder
	for i, pt := range s.Points {
		from := base[pt.From]
		a, b, low, high := x.at(pt.From), x.at(pt.To), y.at(from), y.at(from+pt.Y)
		if p.Stacked {
			base[pt.From] += pt.Y
		}
		if s.Column {
			if pt.Y > 0 {
				c.rect("column "+s.Class, p.tip(s, pt), a, high, b-a, low-high)
			}
			continue
		}
		command := "L"
		if i == 0 || s.Points[i-1].To != pt.From {
			command = "M"
		}
		curve.WriteString(command + pair(a, high) + "L" + pair(b, high))
		area.WriteString("M" + pair(a, low) + "L" + pair(a, high) + "L" + pair(b, high) + "L" + pair(b, low) + "Z")
	}
	if s.Column {
		return
	}
	if s.Filled {
		c.shape("path", "area "+s.Class, "", "d", area.String())
	}
	class := "line " + s.Class
	if s.Dashed {
		class += " dashed"
	}
	c.shape("path", class, s.Name, "d", curve.String())
}

func pair(x, y float64) string { return coordinate(x) + " " + coordinate(y) }

func (p *Plot) tip(s *Series, pt Point) string {
	return s.Name + ", " + p.span(pt) + ": " + p.Y.format(pt.Y)
}

func (p *Plot) span(pt Point) string {
	if pt.To-pt.From == 1 && !p.X.Log && p.X.Format != nil {
		return p.X.format(pt.From)
	}
	return p.X.format(pt.From) + " to " + p.X.format(pt.To)
}

// letters estimates how wide a text is.
func letters(s string) float64 { return 7 * float64(len([]rune(s))) }

// rowOf puts the label of each mark into the first row in which it does not touch another one.
func (p *Plot) rowOf() (rows []int, n int) {
	var ends []float64
	x := scale{p.X.Min, p.X.Max, left, width - right, p.X.Log}
	for _, m := range p.Marks {
		from, to, _ := m.label(x)
		row := 0
		for row < len(ends) && ends[row] > from {
			row++
		}
		if row == len(ends) {
			ends = append(ends, 0)
		}
		ends[row] = max(ends[row], to)
		rows = append(rows, row)
	}
	return rows, len(ends)
}

// label is where the label of a mark begins and ends, with a gap on each side, and its anchor: one that would leave the
// figure ends at its mark.
func (m *Mark) label(x scale) (from, to float64, anchor string) {
	at, wide := x.at(m.X), letters(m.Label)
	if at+wide/2 > width {
		return at - wide - 4, at + 4, "end"
	}
	return at - wide/2 - 4, at + wide/2 + 4, "middle"
}

func (p *Plot) markRows() int {
	_, n := p.rowOf()
	return n
}

func (p *Plot) marks(c *canvas, x scale, top, bottom float64) {
	rows, _ := p.rowOf()
	for i, m := range p.Marks {
		at, y := x.at(m.X), top-float64(labelRow*rows[i])
		c.line("mark "+string(m.State), at, y+3, at, bottom)
		_, _, anchor := m.label(x)
		c.text("label "+string(m.State), anchor, at, y, m.Label)
	}
}

// table has a row for each range of the first series.
func (p *Plot) table() *report.Table {
	t := &report.Table{Head: []string{p.X.Label}, Numbers: true}
	for i := range p.Series {
		t.Head = append(t.Head, p.Series[i].Name)
	}
	if len(p.Series) == 0 {
		return t
	}
	for i, pt := range p.Series[0].Points {
		row := []report.Cell{report.Text(p.span(pt))}
		for j := range p.Series {
			row = append(row, report.Number(p.Series[j].Points[i].Y))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
