package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"

	freetext "tripsaga/shared/text"
)

// printJSON prints v as one indented JSON value.
func (p *program) printJSON(v any) error { return p.encode(v, "  ") }

// encode prints v as JSON, in one line without an indent. What could steer a terminal is escaped, as JSON allows.
func (p *program) encode(v any, indent string) error {
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false)
	out.SetIndent("", indent)
	if err := out.Encode(v); err != nil {
		return err
	}
	var safe bytes.Buffer
	for _, r := range text.String() {
		if r != '\n' && steers(r) {
			fmt.Fprintf(&safe, `\u%04x`, r)
		} else {
			safe.WriteRune(r)
		}
	}
	_, err := p.stdout.Write(safe.Bytes())
	return err
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
	fmt.Fprintln(g.w, strings.TrimRight(cellText(cells), "\t"))
}

// marked is a row with a last cell that may be painted.
func (g *grid) marked(mark string, cells ...any) {
	fmt.Fprintln(g.w, cellText(cells)+"\t"+mark)
}

func cellText(cells []any) string {
	text := make([]string, len(cells))
	for i, c := range cells {
		text[i] = printable(fmt.Sprint(c))
	}
	return strings.Join(text, "\t")
}

func (g *grid) end() error { return g.w.Flush() }

// printable makes visible what could steer the terminal, in text that others have entered.
func printable(s string) string { return freetext.Visible(s) }

// steers reports whether r is a control character, a line separator, or changes the direction of the text around it.
func steers(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// The colours, as SGR parameters.
const (
	green  = "32"
	red    = "31"
	yellow = "33"
)

// paint colours s if the standard output is a terminal and NO_COLOR (https://no-color.org) is not set.
func (p *program) paint(colour, s string) string {
	if !colourful(p.stdout) {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func colourful(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := fileOf(w)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// fileOf returns the file that a stream of the program is.
func fileOf(w io.Writer) (f *os.File, ok bool) {
	if o, wrapped := w.(*output); wrapped {
		w = o.Writer
	}
	f, ok = w.(*os.File)
	return f, ok
}
