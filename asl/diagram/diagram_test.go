package diagram

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"

	"tripsaga/asl"
)

// TestEveryMachineIsDrawn holds for all machines what makes a picture clear: no two boxes overlap, every line begins and
// ends at its boxes and crosses none, lines to different states never lie on each other, labels are beside the boxes.
func TestEveryMachineIsDrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &maker{T: t}
		machine := m.machine(12)
		l := Lay(machine)
		clearly(t, l.chart)
		d := m.drawing(machine)
		for _, text := range []string{l.SVG(d), l.SVGFile(d)} {
			safeMarkup(t, text)
		}
		again := Lay(machine)
		if l.SVG(d) != again.SVG(d) || l.Text(d, 80, true) != again.Text(d, 80, true) {
			t.Fatal("the same machine is drawn in two ways")
		}
		for _, width := range []int{10, 80, 1000} {
			fits(t, l.Text(d, width, false), width)
		}
	})
}

func clearly(t *rapid.T, c *chart) {
	var boxes []box
	for _, n := range c.nodes {
		b := box{n.x - n.w/2, n.y - n.h/2, n.w, n.h}
		if slices.ContainsFunc(boxes, b.meets) {
			t.Fatalf("%q overlaps another box", n.Name)
		}
		if b.x < 0 || b.y < 0 || b.x+b.w > c.width || b.y+b.h > c.height {
			t.Fatalf("%q is outside of the picture", n.Name)
		}
		boxes = append(boxes, b)
		for _, inner := range n.charts {
			if inner.width > n.w || inner.height > n.h-boxHeight {
				t.Fatalf("%q does not contain its branches", n.Name)
			}
			clearly(t, inner)
		}
	}
	marks := c.marks()
	for i, e := range c.edges {
		line := e.segments()
		for n, boxes := range marks {
			if e.to != n && slices.ContainsFunc(line, func(s box) bool { return slices.ContainsFunc(boxes, s.meets) }) {
				t.Fatalf("%s: crosses the mark of the start or the end at %q", e, n.Name)
			}
		}
		if !touches(e.from, e.points[0]) || !touches(e.to, e.points[len(e.points)-1]) {
			t.Fatalf("%s: begins or ends elsewhere", e)
		}
		for _, s := range line {
			if s.w > 0 && s.h > 0 {
				t.Fatalf("%s: runs aslant", e)
			}
			if slices.ContainsFunc(boxes, s.meets) {
				t.Fatalf("%s: crosses a box", e)
			}
		}
		if e.label != "" && (slices.ContainsFunc(boxes, e.text.meets) || e.text.x < 0 || e.text.x+e.text.w > c.width) {
			t.Fatalf("%s: the label is on a box, or outside", e)
		}
		for _, o := range c.edges[:i] {
			if e.label != "" && o.label != "" && e.text.meets(o.text) {
				t.Fatalf("%s and %s: one label is on the other", e, o)
			}
			if o.to != e.to && o.from != e.from && slices.ContainsFunc(line, func(s box) bool { return slices.ContainsFunc(o.segments(), s.along) }) {
				t.Fatalf("%s and %s lie on each other: %v, %v", e, o, e.points, o.points)
			}
		}
	}
}

// marks are where the marks of the start and of the ends are, by state.
func (c *chart) marks() map[*node][]box {
	marks := map[*node][]box{}
	add := func(n *node, s side) {
		p := n.port(s, 0)
		b := box{p.x - endRadius, p.y, 2 * endRadius, endSpace}
		if s == top {
			b.y -= endSpace
		}
		marks[n] = append(marks[n], b)
	}
	add(c.start, top)
	for _, n := range c.nodes {
		if n.End {
			add(n, n.endSide())
		}
	}
	return marks
}

func (e *edge) String() string { return e.from.Name + " -> " + e.to.Name }

func (e *edge) segments() (all []box) {
	for i, p := range e.points[1:] {
		a := e.points[i]
		all = append(all, box{min(a.x, p.x), min(a.y, p.y), max(a.x-p.x, p.x-a.x), max(a.y-p.y, p.y-a.y)})
	}
	return all
}

// meets reports whether two boxes have a point inside of both in common. A line is a box without width or height.
func (b box) meets(o box) bool {
	return b.x < o.x+o.w && o.x < b.x+b.w && b.y < o.y+o.h && o.y < b.y+b.h
}

// along reports whether two lines have more than a point in common.
func (b box) along(o box) bool {
	w, h := min(b.x+b.w, o.x+o.w)-max(b.x, o.x), min(b.y+b.h, o.y+o.h)-max(b.y, o.y)
	return w >= 0 && h >= 0 && w+h > 0
}

// touches reports whether p is on the border of the box of n.
func touches(n *node, p point) bool {
	l, t := n.x-n.w/2, n.y-n.h/2
	inX, inY := p.x >= l && p.x <= l+n.w, p.y >= t && p.y <= t+n.h
	return inX && inY && (p.x == l || p.x == l+n.w || p.y == t || p.y == t+n.h)
}

// safeMarkup decodes the markup and fails for anything that runs or is of others.
func safeMarkup(t *rapid.T, markup string) {
	allowed := strings.Fields("svg g path rect circle text title a style")
	attributes := strings.Fields("xmlns role class viewBox width height aria-label transform d x y rx r cx cy text-anchor href")
	decoder := xml.NewDecoder(strings.NewReader(markup))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, markup)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if !slices.Contains(allowed, e.Name.Local) {
				t.Fatalf("element %s", e.Name.Local)
			}
			for _, a := range e.Attr {
				if !slices.Contains(attributes, a.Name.Local) || a.Name.Local == "href" && strings.Contains(strings.ToLower(a.Value), "script:") {
					t.Fatalf("attribute %s=%q", a.Name.Local, a.Value)
				}
				visible(t, a.Value)
			}
		case xml.CharData:
			visible(t, string(e))
		}
	}
}

func visible(t *rapid.T, s string) {
	for _, r := range s {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			t.Fatalf("the character %U is in %q", r, s)
		}
	}
}

func fits(t *rapid.T, text string, width int) {
	visible(t, text)
	for line := range strings.Lines(text) {
		if w := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); w > width {
			t.Fatalf("%d columns, want at most %d:\n%s", w, width, line)
		}
	}
}

func machine(t testing.TB, definition string) *asl.Machine {
	t.Helper()
	m, err := asl.Parse([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const chargeAndShip = `{"StartAt": "Charge", "States": {
	"Charge": {"Type": "Task", "Resource": "charge", "Next": "Ship"},
	"Ship":   {"Type": "Task", "Resource": "ship", "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Refund"}]},
	"Refund": {"Type": "Task", "Resource": "refund", "End": true}}}`

// TestMarkup looks for what assistive technology, style sheets and people read.
func TestMarkup(t *testing.T) {
	l := Lay(machine(t, chargeAndShip))
	plain := l.SVG(Drawing{Title: "An order"})
	drawn := l.SVG(Drawing{
		Words: map[Status]string{Done: "完了"},
		Marks: map[string]Mark{
			"Charge": {Status: Done, Attempts: 2, Link: "/orders?id=1&at=2"},
			"Ship":   {Status: Caught, Note: "OutOfStock", Link: "javascript:alert(1)"},
			"Refund": {Status: Running, Label: "The refund runs"},
		},
		Taken: map[[2]string]bool{{"Ship", "Refund"}: true},
	})
	for _, c := range []struct {
		in, want string
		count    int
	}{
		{plain, ` role="img" class="diagram" `, 1},
		{plain, ` aria-label="An order"`, 1},
		{plain, `class="sign"`, 0},
		{plain, `class="edge edge-catch"`, 1},
		{drawn, `<svg xmlns="http://www.w3.org/2000/svg" role="group"`, 1},
		{drawn, `<a href="/orders?id=1&amp;at=2"><g class="state state-task state-done" role="img" aria-label="Charge: 完了 ×2">`, 1},
		{drawn, `<a `, 1},
		{drawn, `class="state state-task state-done" role="img" aria-label="Charge: 完了 ×2"`, 1},
		{drawn, `class="state state-task state-caught" role="img" aria-label="Ship: caught · OutOfStock"`, 1},
		{drawn, `class="state state-task state-side state-running" role="img" aria-label="The refund runs"`, 1},
		{drawn, `class="edge edge-catch edge-taken"><title>States.ALL</title>`, 1},
	} {
		if n := strings.Count(c.in, c.want); n != c.count {
			t.Errorf("%q is there %d times, want %d, in\n%s", c.want, n, c.count, c.in)
		}
	}
}

// TestLabelsKeepApart: two lines that leave the bottom of a choice, along its column; a line up beside one that goes down.
func TestLabelsKeepApart(t *testing.T) {
	for _, states := range []string{
		`"A": {"Type": "Task", "Resource": "f", "Next": "B", "Catch": [{"ErrorEquals": ["E"], "Next": "Choose"}]},
		"B": {"Type": "Pass", "Next": "C"},
		"C": {"Type": "Task", "Resource": "f", "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "D"}]},
		"D": {"Type": "Task", "Resource": "f", "End": true, "Catch": [
			{"ErrorEquals": ["E"], "Next": "Failed"}, {"ErrorEquals": ["States.ALL"], "Next": "Choose"}]},
		"Choose": {"Type": "Choice", "Default": "Failed", "Choices": [
			{"Variable": "$.a", "StringEquals": "", "Next": "C"}, {"Variable": "$.b", "StringEquals": "", "Next": "Choose"}]},
		"Failed": {"Type": "Fail"}`,
		`"A": {"Type": "Task", "Resource": "f", "Next": "B", "Catch": [{"ErrorEquals": ["E"], "Next": "UndoB"}]},
		"B": {"Type": "Task", "Resource": "f", "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "UndoA"}]},
		"UndoA": {"Type": "Task", "Resource": "f", "Next": "UndoB"},
		"UndoB": {"Type": "Task", "Resource": "f", "Next": "Again"},
		"Again": {"Type": "Choice", "Default": "More", "Choices": [{"Variable": "$.a", "StringEquals": "", "Next": "A"}]},
		"More": {"Type": "Choice", "Default": "Last", "Choices": [{"Variable": "$.a", "StringEquals": "", "Next": "Failed"}]},
		"Last": {"Type": "Task", "Resource": "f", "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]},
		"Failed": {"Type": "Fail"}`,
	} {
		edges := Lay(machine(t, `{"StartAt": "A", "States": {`+states+`}}`)).chart.edges
		for i, e := range edges {
			for _, o := range edges[:i] {
				if e.label != "" && o.label != "" && e.text.meets(o.text) {
					t.Errorf("%s and %s: one label is on the other", e, o)
				}
			}
		}
	}
}

// TestCompensationsGoUp beside the states that they compensate.
func TestCompensationsGoUp(t *testing.T) {
	l := Lay(machine(t, `{"StartAt": "A", "States": {
		"A": {"Type": "Task", "Resource": "f", "Next": "Check", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "UndoA"}]},
		"Check": {"Type": "Task", "Resource": "f", "Next": "B"},
		"B": {"Type": "Task", "Resource": "f", "Next": "C", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "UndoB"}]},
		"C": {"Type": "Task", "Resource": "f", "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "UndoB"}]},
		"UndoB": {"Type": "Task", "Resource": "f", "Next": "UndoA"},
		"UndoA": {"Type": "Task", "Resource": "f", "Next": "Failed"},
		"Failed": {"Type": "Fail"}}}`))
	var got []string
	for _, n := range l.chart.nodes {
		got = append(got, fmt.Sprintf("%s %d/%d", n.Name, n.row, n.col))
	}
	if want := "A 1/0 Check 2/0 B 3/0 C 4/0 UndoB 3/1 UndoA 1/1 Failed 0/1"; strings.Join(got, " ") != want {
		t.Errorf("rows and columns %q, want %q", got, want)
	}
}
