package chart

import (
	"html/template"
	"strings"

	"tripsaga/report"
)

// Route shows a way from stop to stop, in rows: a saga goes right in the first row, and back in the second.
type Route struct {
	Title string
	Stops []Stop // in the order of the way
}

// Stop is a box on the way.
type Stop struct {
	Label, Note string
	State       report.State
	Row, Column int // from 0
}

// The size of a stop, and the distance to the next.
const (
	stopWidth, stopHeight = 166.0, 46.0
	stepX, stepY          = 194.0, 84.0
)

// HTML returns the figure.
func (r Route) HTML() template.HTML {
	c, rows, way := &canvas{}, 0, []string{}
	for i, s := range r.Stops {
		rows = max(rows, s.Row+1)
		if i > 0 {
			r.arrow(c, r.Stops[i-1], s)
		}
	}
	for _, s := range r.Stops {
		x, y := s.corner()
		c.shape("rect", "box "+string(s.State), s.Label+": "+s.Note, "x", x, "y", y, "width", stopWidth, "height", stopHeight, "rx", 6.0)
		c.text("strong", "middle", x+stopWidth/2, y+19, s.Label)
		c.text("label "+string(s.State), "middle", x+stopWidth/2, y+36, icons[s.State]+" "+short(s.Note))
		way = append(way, s.Label+": "+s.Note)
	}
	f := figure{title: r.Title, alternative: strings.Join(way, ", "), height: float64(max(rows, 1)-1)*stepY + stopHeight + 4}
	return f.html(c)
}

// icons are those of the theme.
var icons = map[report.State]string{report.OK: "✓", report.Bad: "✕", report.Waiting: "◔", report.Neutral: "↩"}

// short cuts a text that does not fit into a stop.
func short(s string) string {
	const most = 21
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func (s *Stop) corner() (x, y float64) { return 1 + float64(s.Column)*stepX, 1 + float64(s.Row)*stepY }

// arrow leads from one stop to the next: along the row, or down and then along the row.
func (r *Route) arrow(c *canvas, from, to Stop) {
	x1, y1 := from.corner()
	x2, y2 := to.corner()
	middle, line := y2+stopHeight/2, ""
	end, head := x2, "l-7 -4v8Z" // to the right
	if to.Column < from.Column {
		end, head = x2+stopWidth, "l7 -4v8Z"
	}
	switch {
	case from.Row == to.Row && to.Column < from.Column:
		line = "M" + pair(x1, middle) + "H" + coordinate(end+6)
	case from.Row == to.Row:
		line = "M" + pair(x1+stopWidth, middle) + "H" + coordinate(end-6)
	case from.Column == to.Column:
		end, middle, head = x1+stopWidth/2, y2, "l-4 -7h8Z" // down
		line = "M" + pair(end, y1+stopHeight) + "V" + coordinate(y2-6)
	default:
		line = "M" + pair(x1+stopWidth/2, y1+stopHeight) + "V" + coordinate(middle) + "H" + coordinate(end)
	}
	c.shape("path", "arrow", "", "d", line)
	c.shape("path", "head", "", "d", "M"+pair(end, middle)+head)
}
