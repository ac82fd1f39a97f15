package chart

import (
	"html/template"

	"tripsaga/report"
)

// Bars compares values, one bar below the other.
type Bars struct {
	Title, Summary string
	What           string // of the labels
	Unit           string // of the values
	Bars           []Bar
}

// Bar is one of them.
type Bar struct {
	Label string
	Value float64
	Class string
	Note  string // behind the value
}

// HTML returns the figure.
func (b Bars) HTML() template.HTML {
	const row, thick = 30, 18
	labels, highest, notes := 0.0, 0.0, 0.0
	for _, bar := range b.Bars {
		labels, highest = max(labels, letters(bar.Label)), max(highest, bar.Value)
		notes = max(notes, letters(report.Digits(bar.Value)+"    "+bar.Note))
	}
	labels = min(labels, 300) + 12
	c := &canvas{}
	x := scale{0, max(highest, 1e-9), labels, width - notes - 8, false}
	f := figure{title: b.Title, summary: b.Summary, figures: &report.Table{Head: []string{b.What, b.Unit}, Numbers: true}}
	for i, bar := range b.Bars {
		y := float64(i * row)
		c.text("", "end", labels-8, y+thick, bar.Label)
		c.rect("column "+bar.Class, bar.Label+": "+report.Digits(bar.Value)+" "+b.Unit, x.from, y+4, x.at(bar.Value)-x.from, thick)
		c.text("strong", "start", x.at(bar.Value)+8, y+thick, report.Digits(bar.Value))
		if bar.Note != "" {
			c.text("tick", "start", x.at(bar.Value)+22+letters(report.Digits(bar.Value)), y+thick, bar.Note)
		}
		f.figures.Rows = append(f.figures.Rows, []report.Cell{report.Text(bar.Label), report.Number(bar.Value)})
	}
	c.line("axis", labels, 0, labels, float64(len(b.Bars)*row))
	f.height = float64(len(b.Bars)*row) + 2
	return f.html(c)
}
