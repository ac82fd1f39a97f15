// Package diagram draws an Amazon States Language machine and the progress of an execution: as SVG for pages and as text for
// terminals. The console, the command, the documents and the reports use it.
//
// The states are in a grid. The path without errors goes straight down in one column; other paths of a Choice are at its left,
// states that only a Catch leads to at its right. A chain of compensations goes up beside the states that it compensates. Lines
// run between the rows and columns of the grid, so that none crosses a box.
package diagram

import (
	_ "embed"

	"tripsaga/asl"
)

// Status is the progress of a state in one execution. "" means not visited.
type Status string

// The statuses of a state.
const (
	Done    Status = "done"
	Running Status = "running"
	Waiting Status = "waiting" // between two attempts
	Failed  Status = "failed"
	Caught  Status = "caught" // failed, handled by a Catch
	Aborted Status = "aborted"
	Ended   Status = "ended" // failed as intended, which ends the execution: no fault
)

// Mark is what a drawing shows of one state.
type Mark struct {
	Status   Status
	Attempts int    // number of attempts; 0 is not shown
	Note     string // a short line below the name, such as "retry in 3 s"
	Link     string // address that the state's box links to, "" for no link; schemes other than http and https are left out
	Label    string // accessible name; default: name, status, attempts, note
}

// Drawing is one picture of a layout. The zero value shows the machine alone.
type Drawing struct {
	Title string
	Marks map[string]Mark // by the state's name
	// Taken are the transitions taken, by the names of both states. The start is {"", name}, the end {name, ""}.
	Taken map[[2]string]bool
	Words map[Status]string // default: the statuses in English
}

// Stylesheet is the CSS of the classes in the markup that [Layout.SVG] returns. A page may set its custom properties
// (--diagram-...).
//
//go:embed diagram.css
var Stylesheet string

// Layout is the position of every state and transition of a machine. It is immutable and safe for concurrent use.
type Layout struct{ chart *chart }

// Lay lays out the machine's states. The same machine gives the same layout.
func Lay(m *asl.Machine) *Layout {
	groups := map[group][]asl.StateInfo{}
	for _, s := range m.States() {
		g := group{s.Parent, s.Branch}
		groups[g] = append(groups[g], s)
	}
	return &Layout{newChart(groups, group{})}
}

// group names a set of states: a branch of a state, or the machine's own.
type group struct {
	parent string
	branch int
}

// chart is one set of states with their transitions, laid out from (0, 0) to (width, height).
type chart struct {
	nodes  []*node
	edges  []*edge
	start  *node
	cells  map[[2]int]*node // by row and column
	tracks []*track
	chains int // number of searches for a chain
	grid
}

// node is a state.
type node struct {
	asl.StateInfo
	charts  []*chart // its branches
	out, in []*edge

	placed   bool
	row, col int
	up       bool // in a chain that goes up
	chain    int  // number of the last search that found it
	path
	ports

	x, y, w, h int // of its box: centre, size
}

// edge is all transitions from one state to another.
type edge struct {
	from, to *node
	catch    bool // all of them are
	back     bool // leads back to where the path without errors has been
	label    string
	route
	points []point
	text   box // where the label is
}

type point struct{ x, y int }

// box is a rectangle.
type box struct{ x, y, w, h int }

func newChart(groups map[group][]asl.StateInfo, of group) *chart {
	c := &chart{cells: map[[2]int]*node{}}
	byName := map[string]*node{}
	for _, s := range groups[of] {
		n := &node{StateInfo: s}
		for g := (group{s.Name, 0}); groups[g] != nil; g.branch++ {
			n.charts = append(n.charts, newChart(groups, g))
		}
		if s.StartsAt {
			c.start = n
		}
		byName[s.Name] = n
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		c.connect(n, byName)
	}
	c.place()
	c.routeAll()
	c.measure()
	return c
}

// connect makes one edge of all transitions to the same state.
func (c *chart) connect(n *node, byName map[string]*node) {
	to := map[string]*edge{}
	for _, t := range n.Edges {
		e := to[t.To]
		if e == nil {
			e = &edge{from: n, to: byName[t.To], catch: true}
			to[t.To] = e
			n.out, e.to.in = append(n.out, e), append(e.to.in, e)
			c.edges = append(c.edges, e)
		}
		e.catch = e.catch && t.Kind == asl.EdgeCatch
		if e.label != "" && t.Label != "" {
			e.label += ", "
		}
		e.label += t.Label
	}
}
