package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	freetext "tripsaga/shared/text"
)

// printJSON prints v as one indented JSON value.
func (p *program) printJSON(v any) error {
	out := json.NewEncoder(p.stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// grid prints aligned columns.
type grid struct{ w *tabwriter.Writer }

func (p *program) grid(titles ...string) *grid {
	g := &grid{tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)}
	cells := make([]any, len(titles))
	for i, title := range titles {
		cells[i] = title
	}
	g.row(cells...)
	return g
}

func (g *grid) row(cells ...any) {
	text := make([]string, len(cells))
	for i, c := range cells {
		text[i] = printable(fmt.Sprint(c))
	}
	fmt.Fprintln(g.w, strings.TrimRight(strings.Join(text, "\t"), "\t"))
}

func (g *grid) end() error { return g.w.Flush() }

// printable keeps what others have entered from steering the terminal or the table.
func printable(s string) string { return freetext.Visible(s) }

// The colours, as SGR parameters.
const (
	green  = "32"
	red    = "31"
	yellow = "33"
)

// paint colours s where the standard output is a terminal and NO_COLOR (https://no-color.org) is not set.
func (p *program) paint(colour, s string) string {
	if !colourful(p.stdout) {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func colourful(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}
