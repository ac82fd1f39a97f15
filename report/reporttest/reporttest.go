// Package reporttest checks pages of package report. The tests of every page call it.
package reporttest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"tripsaga/report"
)

// Page is a parsed page.
type Page struct {
	t    testing.TB
	root *html.Node
}

// Check fails the test unless the page is what all pages are: well-formed, the same bytes each time, without scripts,
// without anything from elsewhere, allowed by its own policy, with a text for each picture, and links that lead somewhere.
func Check(t testing.TB, page *report.Page) *Page {
	t.Helper()
	first, err := page.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := page.HTML(); err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same page has other bytes the second time (%v)", err)
	}
	wellFormed(t, first)
	root, err := html.Parse(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	p := &Page{t, root}
	ids, links := map[string]bool{}, []string{}
	for n := range root.Descendants() {
		p.element(n)
		if id := attribute(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("the id %q is there twice", id)
			}
			ids[id] = true
		}
		if to, ok := strings.CutPrefix(attribute(n, "href"), "#"); ok {
			links = append(links, to)
		}
	}
	for _, to := range links {
		if !ids[to] {
			t.Errorf("a link leads to #%s, which does not exist", to)
		}
	}
	p.policy()
	return p
}

// element refuses what a page must not have.
func (p *Page) element(n *html.Node) {
	if n.Type != html.ElementNode {
		return
	}
	if slices.Contains([]string{"script", "link", "iframe", "object", "embed", "base", "img", "form"}, n.Data) {
		p.t.Errorf("there is a <%s>", n.Data)
	}
	for _, a := range n.Attr {
		switch {
		case a.Key == "style", strings.HasPrefix(a.Key, "on"), a.Key == "src", a.Key == "srcset", a.Key == "action":
			p.t.Errorf("<%s> has the attribute %s", n.Data, a.Key)
		case n.Data == "a" && a.Key == "href" && strings.HasPrefix(a.Val, "http://127.0.0.1:8080/"): // the lab of this machine
		case a.Key == "href" && !strings.HasPrefix(a.Val, "#"):
			p.t.Errorf("a link leads to %q", a.Val)
		case strings.Contains(a.Val, "://"):
			p.t.Errorf("<%s %s> has the address %q", n.Data, a.Key, a.Val)
		}
	}
	if n.Data == "svg" && (attribute(n, "role") != "img" || attribute(n, "aria-label") == "") {
		p.t.Error("an svg has no role img, or no text in its place")
	}
}

// policy requires that the page's policy allows its one style sheet, and that this fetches nothing.
func (p *Page) policy() {
	var styles, policies []string
	for n := range p.root.Descendants() {
		switch {
		case n.DataAtom == atom.Style:
			styles = append(styles, text(n))
		case n.DataAtom == atom.Meta && attribute(n, "http-equiv") == "Content-Security-Policy":
			policies = append(policies, attribute(n, "content"))
		}
	}
	if len(styles) != 1 || len(policies) != 1 {
		p.t.Fatalf("%d style sheets and %d policies, want one of each", len(styles), len(policies))
	}
	sum := sha256.Sum256([]byte(styles[0]))
	want := "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if policies[0] != want {
		p.t.Errorf("the policy is %s, want %s", policies[0], want)
	}
	for _, word := range []string{"url(", "@import"} {
		if strings.Contains(styles[0], word) {
			p.t.Errorf("the style sheet has %s", word)
		}
	}
}

// wellFormed requires that each element is closed where the innermost open one is.
func wellFormed(t testing.TB, page []byte) {
	t.Helper()
	void := []string{"meta", "br", "hr", "input"}
	var open []string
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if z.Err() != io.EOF || len(open) > 0 {
				t.Errorf("%v, with %q open", z.Err(), open)
			}
			return
		case html.StartTagToken, html.EndTagToken:
			name, _ := z.TagName()
			switch tag := string(name); {
			case slices.Contains(void, tag):
			case kind == html.StartTagToken:
				open = append(open, tag)
			case len(open) == 0 || open[len(open)-1] != tag:
				t.Fatalf("</%s> with %q open", tag, open)
			default:
				open = open[:len(open)-1]
			}
		}
	}
}

// Text returns all that the page shows.
func (p *Page) Text() string {
	for n := range p.root.Descendants() {
		if n.DataAtom == atom.Body {
			return text(n)
		}
	}
	return ""
}

// Verdict returns the text of the verdict, and its state.
func (p *Page) Verdict() (state report.State, verdict string) {
	for n := range p.root.Descendants() {
		if state, ok := strings.CutPrefix(attribute(n, "class"), "verdict "); ok {
			return report.State(state), text(n)
		}
	}
	return "", ""
}

// Figure returns the cells of the table that belongs to the chart with this title, its head included.
func (p *Page) Figure(title string) [][]string {
	p.t.Helper()
	for n := range p.root.Descendants() {
		if n.DataAtom != atom.Figure {
			continue
		}
		for c := range n.Descendants() {
			if c.DataAtom == atom.Figcaption && c.FirstChild != nil && c.FirstChild.Data == title {
				return cells(n)
			}
		}
	}
	p.t.Fatalf("there is no chart %q", title)
	return nil
}

// Section returns the cells of all tables in a section that belong to no chart.
func (p *Page) Section(id string) (rows [][]string) {
	p.t.Helper()
	for n := range p.root.Descendants() {
		if n.DataAtom == atom.Section && attribute(n, "id") == id {
			for c := range n.ChildNodes() {
				if c.DataAtom != atom.Figure {
					rows = append(rows, cells(c)...)
				}
			}
			return rows
		}
	}
	p.t.Fatalf("there is no section %q", id)
	return nil
}

func cells(n *html.Node) (rows [][]string) {
	for r := range n.Descendants() {
		if r.DataAtom != atom.Tr {
			continue
		}
		var row []string
		for c := range r.ChildNodes() {
			row = append(row, text(c))
		}
		rows = append(rows, row)
	}
	return rows
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
