package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"time"

	"tripsaga/shared/text"
)

// Page is a report for people, in the order in which they look: the verdict, the figures at a glance, pictures, tables.
// All of its texts may come from outside: they are escaped, and what would change how they are shown is made visible.
type Page struct {
	Kind    string // "Verification", above the title
	Title   string
	State   State // of the verdict
	Verdict string
	Partial string // why the report is not complete; "" if it is
	Tiles   []Tile
	Facts   []Fact // beside those of Run
	Run     Run

	Sections []Section
}

// Tile is a figure at a glance.
type Tile struct {
	Value, Label string
	State        State // "" for none
}

// Fact is a line of what was run.
type Fact struct {
	Name, Value string
	Code        bool // Value is typed in a shell
}

// Run is what the command knows of its run.
type Run struct {
	Command string // as it was typed
	Version string
	Began   time.Time
	Took    time.Duration
}

// Section is a part of a page with a heading, reached by its ID.
type Section struct {
	ID, Heading string
	Text        string // below the heading
	Blocks      []template.HTML
}

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"visible": text.Visible}).Parse(pageHTML))

// HTML returns the page as one file. The same page gives the same bytes. Its Content-Security-Policy allows its own style
// sheet, by a hash, and nothing else.
func (p *Page) HTML() ([]byte, error) {
	style := Theme + Charts + frame
	sum := sha256.Sum256([]byte(style))
	var out bytes.Buffer
	err := page.Execute(&out, map[string]any{
		"Page": p, "Facts": append(p.Run.facts(), p.Facts...), "Style": template.CSS(style),
		"Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
	})
	return out.Bytes(), err
}

func (r *Run) facts() []Fact {
	took := r.Took.Round(time.Millisecond)
	if took > 10*time.Second {
		took = took.Round(100 * time.Millisecond)
	}
	return []Fact{
		{"Command", r.Command, true},
		{"Run", r.Began.UTC().Format("2006-01-02 15:04:05 UTC") + ", in " + took.String(), false},
		{"Version", r.Version, false},
	}
}
