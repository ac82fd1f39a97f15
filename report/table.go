package report

import (
	"html/template"
	"strings"

	"tripsaga/shared/text"
)

// Table is a table of a page. The first cell of a row is its heading.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]Cell
	Numbers bool // all cells but the first of a row are numbers
}

// Cell is a text in a table.
type Cell struct {
	Text  string
	State State  // shows the text as a state
	Code  bool   // shows it as code
	Num   bool   // aligns it as a number
	Link  string // to the id of another part of the page
	URL   string // to another page
	ID    string // of this part of the page
}

// Text returns a cell without more.
func Text(s string) Cell { return Cell{Text: s} }

// Number returns a cell with a number.
func Number(n float64) Cell { return Cell{Text: Digits(n), Num: true} }

// Row returns cells without more.
func Row(texts ...string) []Cell {
	cells := make([]Cell, len(texts))
	for i, s := range texts {
		cells[i].Text = s
	}
	return cells
}

var table = template.Must(template.New("table").Funcs(template.FuncMap{"visible": text.Visible}).Parse(
	`{{define "attributes"}}{{with .ID}} id="{{.}}"{{end}}{{if .Num}} class="num"{{end}}{{end}}` +
		`{{define "content"}}{{if .Link}}<a href="#{{.Link}}">{{visible .Text}}</a>` +
		`{{else if .State}}<span class="state {{.State}}">{{visible .Text}}</span>` +
		`{{else if .URL}}<a href="{{.URL}}">{{if .Code}}<code>{{visible .Text}}</code>{{else}}{{visible .Text}}{{end}}</a>` +
		`{{else if .Code}}<code>{{visible .Text}}</code>` +
		`{{else}}{{visible .Text}}{{end}}{{end -}}
<div class="scroll" tabindex="0" role="group" aria-label="table{{with .Caption}}: {{visible .}}{{end}}"><table>{{with .Caption}}<caption>{{visible .}}</caption>{{end}}
<thead><tr>{{range $i, $h := .Head}}<th scope="col"{{if and $i $.Numbers}} class="num"{{end}}>{{visible $h}}</th>{{end}}</tr></thead>
<tbody>
{{range .Rows}}<tr>{{range $i, $c := .}}{{if $i}}<td{{template "attributes" $c}}>{{template "content" $c}}</td>` +
		`{{else}}<th scope="row"{{template "attributes" $c}}>{{template "content" $c}}</th>{{end}}{{end}}</tr>
{{end}}</tbody></table></div>`))

// HTML returns the table.
func (t Table) HTML() template.HTML { return execute(table, t) }

var list = template.Must(template.New("list").Funcs(template.FuncMap{"visible": text.Visible}).Parse(
	`<ul>{{range .}}<li>{{visible .}}</li>{{end}}</ul>`))

// List returns a list of texts.
func List(items ...string) template.HTML { return execute(list, items) }

var command = template.Must(template.New("command").Funcs(template.FuncMap{"visible": text.Visible}).Parse(
	`<pre><code>{{visible .}}</code></pre>`))

// Command returns a line that a reader can type in a shell.
func Command(line string) template.HTML { return execute(command, line) }

func execute(t *template.Template, data any) template.HTML {
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		panic(err) // the templates are ours, and a Builder does not fail
	}
	return template.HTML(out.String())
}
