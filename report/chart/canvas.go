// Package chart draws the pictures of reports as SVG. Each has a title and a text alternative, and below it a table of its
// figures, which the picture shows only roughly. Colours, also those of light and dark, come from the style sheets of package report by classes.
//
// It is small own code because the SVG libraries for Go write their colours into style attributes, which neither
// follow the theme nor pass a strict Content-Security-Policy.
package chart

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"

	"tripsaga/report"
	"tripsaga/shared/text"
)

// width is that of every chart, in the units of its coordinates. One is a pixel on a wide screen.
const width = 960

// canvas is the content of an svg element.
type canvas struct{ strings.Builder }

// shape adds an element. The pairs are its attributes; tip, if not empty, shows when a pointer is over it.
func (c *canvas) shape(name, class, tip string, pairs ...any) {
	c.open(name, class, pairs)
	if tip != "" {
		c.WriteString("<title>" + escape(tip) + "</title>")
	}
	c.WriteString("</" + name + ">")
}

func (c *canvas) rect(class, tip string, x, y, w, h float64) {
	c.shape("rect", class, tip, "x", x, "y", y, "width", max(w, 0), "height", max(h, 0))
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	c.shape("line", class, "", "x1", x1, "y1", y1, "x2", x2, "y2", y2)
}

// text adds a text whose anchor is start, middle or end.
func (c *canvas) text(class, anchor string, x, y float64, s string) {
	c.open("text", class, []any{"x", x, "y", y, "text-anchor", anchor})
	c.WriteString(escape(s) + "</text>")
}

func (c *canvas) open(name, class string, pairs []any) {
	c.WriteString("<" + name)
	if class != "" {
		c.WriteString(` class="` + escape(class) + `"`)
	}
	for i := 0; i < len(pairs); i += 2 {
		value := fmt.Sprint(pairs[i+1])
		if f, ok := pairs[i+1].(float64); ok {
			value = coordinate(f)
		}
		fmt.Fprintf(c, ` %s="%s"`, pairs[i], escape(value))
	}
	c.WriteByte('>')
}

// coordinate has a tenth of a pixel.
func coordinate(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }

func escape(s string) string { return html.EscapeString(text.Visible(s)) }

// figure is a chart with what is around it.
type figure struct {
	title, summary string
	alternative    string // text in the place of the picture; "" is the summary
	legend         []entry
	height         float64
	figures        *report.Table // nil if the picture has all of them as text
}

// entry is a line of a legend.
type entry struct{ class, text string }

func (f figure) html(c *canvas) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, "<figure class=\"chart\">\n<figcaption>%s", escape(f.title))
	if f.summary != "" {
		fmt.Fprintf(&b, "<p>%s</p>", escape(f.summary))
	}
	b.WriteString("</figcaption>\n")
	if len(f.legend) > 0 {
		b.WriteString(`<ul class="legend">`)
		for _, e := range f.legend {
			fmt.Fprintf(&b, `<li class="%s">%s</li>`, escape(e.class), escape(e.text))
		}
		b.WriteString("</ul>\n")
	}
	label := strings.TrimSuffix(f.title+". "+cmp.Or(f.alternative, f.summary), ". ")
	fmt.Fprintf(&b, `<div class="scroll" tabindex="0" role="group" aria-label="%s"><svg role="img" aria-label="%s" viewBox="0 0 %d %s">`+
		`<title>%s</title>%s</svg></div>`, escape(f.title), escape(label), width, coordinate(f.height), escape(f.title), c.String())
	if f.figures != nil {
		fmt.Fprintf(&b, "\n<details><summary>Figures of this chart</summary>%s</details>", f.figures.HTML())
	}
	b.WriteString("\n</figure>")
	return template.HTML(b.String())
}
