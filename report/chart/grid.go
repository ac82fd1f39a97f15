package chart

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"tripsaga/report"
)

// Grid shows counts by two properties: the darker a cell, the more. It is a table, so that a reader can look up, copy and
// follow links.
type Grid struct {
	Title, Summary string
	Corner         string // what the rows are, and the columns
	Rows, Columns  []string
	Cells          map[[2]string]Count // by row and column
}

// Count is a cell. With Bad above 0 it links to Link.
type Count struct {
	N, Bad int
	Link   string
}

// HTML returns the figure, with a total for each row and each column. A thing is counted in one cell a pair of its
// properties, so the totals may be higher than the number of things.
func (g Grid) HTML() template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, "<figure class=\"chart\">\n<figcaption>%s", escape(g.Title))
	if g.Summary != "" {
		fmt.Fprintf(&b, "<p>%s</p>", escape(g.Summary))
	}
	fmt.Fprintf(&b, `</figcaption>`+"\n"+`<div class="scroll" tabindex="0" role="group" aria-label="%s"><table class="counts"><thead><tr><th scope="col">%s</th>`,
		escape(g.Title), escape(g.Corner))
	for _, column := range g.Columns {
		fmt.Fprintf(&b, `<th scope="col"><span>%s</span></th>`, escape(column))
	}
	b.WriteString(`<th scope="col"><span>all</span></th></tr></thead>` + "\n<tbody>\n")
	most, totals, all := g.most(), map[string]int{}, 0
	for _, row := range g.Rows {
		sum := 0
		fmt.Fprintf(&b, `<tr><th scope="row">%s</th>`, escape(row))
		for _, column := range g.Columns {
			cell := g.Cells[[2]string{row, column}]
			sum += cell.N
			totals[column] += cell.N
			b.WriteString(cell.html(most))
		}
		all += sum
		fmt.Fprintf(&b, `<td class="total">%s</td></tr>`+"\n", report.Digits(float64(sum)))
	}
	b.WriteString(`<tr><th scope="row">all</th>`)
	for _, column := range g.Columns {
		fmt.Fprintf(&b, `<td class="total">%s</td>`, report.Digits(float64(totals[column])))
	}
	fmt.Fprintf(&b, `<td class="total">%s</td></tr></tbody></table></div>`+"\n</figure>", report.Digits(float64(all)))
	return template.HTML(b.String())
}

func (g *Grid) most() (n int) {
	for _, c := range g.Cells {
		n = max(n, c.N)
	}
	return n
}

// html shows no number where nothing was counted.
func (c Count) html(most int) string {
	n := report.Digits(float64(c.N))
	switch {
	case c.Bad > 0:
		return fmt.Sprintf(`<td class="bad"><a href="#%s" title="%d of %s">%s ✕</a></td>`, escape(c.Link), c.Bad, n, n)
	case c.N == 0:
		return "<td></td>"
	}
	heat := 1 + math.Floor(3.999*math.Log(float64(c.N))/math.Log(float64(max(most, 2))))
	return fmt.Sprintf(`<td class="heat-%.0f">%s</td>`, min(heat, 4), n)
}
