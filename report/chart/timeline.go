package chart

import (
	"html/template"

	"tripsaga/report"
)

// Timeline shows when what was under way, one lane below the other.
type Timeline struct {
	Title, Summary string
	X              Axis
	Lanes          []Lane
}

// Lane is a line of a timeline.
type Lane struct {
	Label string
	Spans []Span
}

// Span is a time in a lane. A span without length is still seen.
type Span struct {
	From, To float64
	State    report.State // of a span of work
	Wait     bool         // nothing works
	Text     string       // what it was
}

// HTML returns the figure.
func (t Timeline) HTML() template.HTML {
	const row, thick, shortest = 28, 16, 3
	labels, end := 0.0, t.X.Max
	for _, l := range t.Lanes {
		labels = max(labels, letters(l.Label))
		for _, s := range l.Spans {
			end = max(end, s.To)
		}
	}
	labels += 16
	if end == 0 {
		end = 1
	}
	c := &canvas{}
	bottom := float64(len(t.Lanes) * row)
	x := scale{t.X.Min, end, labels, width - 24, false}
	for _, v := range x.ticks(10) {
		c.line("rule", x.at(v), 0, x.at(v), bottom)
		c.text("tick", "middle", x.at(v), bottom+18, t.X.format(v))
	}
	c.text("tick", "middle", (x.from+x.to)/2, bottom+36, t.X.Label)
	table := &report.Table{Head: []string{"what", "from", "to", "how it ended"}}
	for i, l := range t.Lanes {
		y := float64(i*row) + (row-thick)/2
		c.text("", "end", labels-10, y+thick-4, l.Label)
		for _, s := range l.Spans {
			from, to := x.at(s.From), x.at(s.To)
			if s.Wait {
				c.shape("line", "wait neutral", s.Text, "x1", from, "y1", y+thick/2, "x2", to, "y2", y+thick/2)
			} else {
				c.shape("rect", "column "+string(s.State), s.Text, "x", from, "y", y, "width", max(to-from, shortest), "height", float64(thick), "rx", 2.0)
			}
			table.Rows = append(table.Rows, report.Row(l.Label, t.X.format(s.From), t.X.format(s.To), s.Text))
		}
	}
	c.line("axis", labels, 0, labels, bottom)
	return figure{title: t.Title, summary: t.Summary, height: bottom + 44, figures: table}.html(c)
}
