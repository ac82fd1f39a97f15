package lab

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"tripsaga/console/page"
	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/verify/mutants"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

// play shows one frame of a schedule.
func (l *Lab) play(r *page.Request) (page.Page, error) {
	q := r.URL.Query()
	a, more, err := parseAddress(q)
	if err != nil {
		return wrong(r, "", err), nil
	}
	if more {
		return page.Page{Redirect: a.link()}, nil
	}
	cfg, _, err := l.player.config(a.mutant)
	if err != nil {
		return page.Page{}, err
	}
	t, err := l.player.play(r.Context(), cfg, what{a.mutant, a.schedule.String()}, a.schedule)
	if err != nil {
		return page.Page{}, err
	}
	if missed := missed(a.schedule, t); len(missed) > 0 {
		return leaveOut(r, a, missed), nil
	}
	last := len(t.Frames) - 1
	switch {
	case a.first:
		a.at, a.first = worthLookingAt(t), false
	case a.fit:
		a.at = min(a.at, last)
	}
	if a.at > last {
		return wrong(r, a.frame(last).link(), fault.New(fault.NotFound, fault.NameNotFound, "%s", templates.Text(r.Lang, "no-frame", a.at, last))), nil
	}
	view, err := newPlayed(r, a, t)
	return page.Page{
		Templates: templates, Name: "play.html", Data: view, Section: section,
		Title: templates.Text(r.Lang, "title-play", a.schedule, a.at),
	}, err
}

// leaveOut leads to the schedule without the faults that did not happen: itself, if the address allows it, else by a link.
func leaveOut(r *page.Request, a address, missed []sim.Fault) page.Page {
	left := a
	left.fit, left.dropped = true, slices.Concat(a.dropped, missed)
	left.schedule.Faults = slices.DeleteFunc(slices.Clone(a.schedule.Faults), func(f sim.Fault) bool { return slices.Contains(missed, f) })
	if a.fit {
		return page.Page{Redirect: left.link()}
	}
	left.first = true
	return wrong(r, left.link(), fault.New(fault.NotFound, fault.NameNotFound, "%s", templates.Text(r.Lang, "missed", missed[0])))
}

// missed returns the faults that did not happen.
func missed(s world.Schedule, t *world.Trace) (missed []sim.Fault) {
	if t.Happened >= len(s.Faults) || t.Stuck {
		return nil
	}
	for _, f := range s.Faults {
		if !slices.ContainsFunc(t.Points, func(p world.Point) bool { return p.Label == f.At && p.Hit == f.Kind }) {
			missed = append(missed, f)
		}
	}
	return missed
}

// worthLookingAt is the frame of the first violation, else of the first fault, else the first one.
func worthLookingAt(t *world.Trace) int {
	if i := slices.IndexFunc(t.Frames, func(f world.Frame) bool { return f.Found > 0 }); i >= 0 {
		return i
	}
	return max(0, slices.IndexFunc(t.Frames, func(f world.Frame) bool {
		return f.Fault.Kind != "" && !t.Points[f.Point].Given
	}))
}

// played is what the page shows.
type played struct {
	Schedule, Scenario string
	Means              described
	Mutant             *mutantRow // whose link is of the same without it; nil is the product
	Faults             []faultRow
	Dropped            []sim.Fault // left out, since they could not happen any more
	At, Last           int
	Cut                bool

	First, Previous, Next, End string // addresses, "" at the ends
	NextFault                  string
	Marks                      []mark

	Frame      frameRow
	WhatIf     []option
	Losing     []option // crashes that lose writes
	Later      []option // faults that need a later point
	Sagas      []sagaView
	Records    []group
	Invariants judgement
	Timeline   []frameRow
	Before     string // addresses of the frames before and behind those of the timeline
	Behind     string
}

// faultRow is a fault of the schedule.
type faultRow struct {
	Fault   string
	Kind    sim.Kind
	Lost    int    // newest writes that a crash loses
	Without string // the address of the schedule without it
	Frame   string
}

// option is a fault that can happen at a point.
type option struct {
	Fault sim.Fault
	Link  string
	On    bool // it is in the schedule
}

// mark is a place of the strip of all frames, from 0 to 1,000.
type mark struct {
	X     int
	Class string
}

// frameRow is one frame.
type frameRow struct {
	world.Frame
	Index   int
	Who     string // whose operation it is
	Link    string
	Here    bool
	Where   string       // the kind of the point, and of a provider's call which
	Point   *world.Point // nil: none
	Broken  int          // invariants that it breaks
	Passed  time.Duration
	Changed int // records
}

// around is how many frames the timeline shows before and behind the frame.
const around = 60

func newPlayed(r *page.Request, a address, t *world.Trace) (*played, error) {
	p := &played{
		Schedule: a.schedule.String(), Scenario: a.schedule.Scenario, At: a.at, Last: len(t.Frames) - 1, Cut: t.Cut, Dropped: a.dropped,
		Invariants: judged(a, t), Records: recordsOf(t, a.at),
	}
	for _, s := range trip.Product().Scenarios {
		if s.Name == p.Scenario {
			p.Means = describe(r, s.Name, s.Means)
		}
	}
	if i := slices.IndexFunc(mutants.All(), func(m mutants.Mutant) bool { return m.Name == a.mutant }); i >= 0 {
		m := mutants.All()[i]
		p.Mutant = &mutantRow{m.Name, address{schedule: a.schedule, first: true, fit: true}.link(), describe(r, m.Name, m.Means)}
	}
	p.steps(a, t)
	p.Frame = row(r, a, t, a.at)
	for i := max(0, a.at-around); i <= min(p.Last, a.at+around); i++ {
		p.Timeline = append(p.Timeline, row(r, a, t, i))
	}
	if i := a.at - around - 1; i >= 0 {
		p.Before = a.frame(i).link()
	}
	if i := a.at + around + 1; i <= p.Last {
		p.Behind = a.frame(i).link()
	}
	p.faults(a, t)
	var err error
	p.Sagas, err = sagas(r, t, a.at)
	return p, err
}

func row(r *page.Request, a address, t *world.Trace, i int) frameRow {
	f := frameRow{Frame: t.Frames[i], Index: i, Link: a.frame(i).link() + "#frame", Here: i == a.at, Broken: t.Frames[i].Found, Changed: len(t.Frames[i].Changes)}
	if f.Frame.Point >= 0 {
		f.Point = &t.Points[f.Frame.Point]
		f.Where, f.Who = where(f.Point), who(r, f.Label.Actor)
	}
	if i > 0 {
		f.Broken -= t.Frames[i-1].Found
		f.Passed = f.At - t.Frames[i-1].At
	}
	return f
}

func where(p *world.Point) string {
	if p.Where == world.AtProvider {
		return p.Op
	}
	return strconv.Itoa(int(p.Where))
}

// who names an actor: a function by its task.
func who(r *page.Request, actor string) string {
	name, again := strings.CutSuffix(actor, "+")
	if trip.Product().IsEngine(name) || trip.Product().IsActor(name) {
		name = templates.Text(r.Lang, "actor-"+name)
	}
	if again {
		return templates.Text(r.Lang, "duplicate", name)
	}
	return name
}

// steps are the ways to other frames.
func (p *played) steps(a address, t *world.Trace) {
	if p.At > 0 {
		p.First, p.Previous = a.frame(0).link(), a.frame(p.At-1).link()
	}
	if p.At < p.Last {
		p.Next, p.End = a.frame(p.At+1).link(), a.frame(p.Last).link()
	}
	for i, f := range t.Frames {
		broken := i == 0 && f.Found > 0 || i > 0 && f.Found > t.Frames[i-1].Found
		class := ""
		switch {
		case broken:
			class = "mark-bad"
		case f.Fault.Kind != "":
			class = "mark-fault"
		case f.Event == world.Crashes:
			class = "mark-crash"
		default:
			continue
		}
		p.Marks = append(p.Marks, mark{place(i, p.Last), class})
		if i > p.At && p.NextFault == "" {
			p.NextFault = a.frame(i).link()
		}
	}
	p.Marks = append(p.Marks, mark{place(p.At, p.Last), "mark-here"})
}

func place(i, last int) int { return i * 1000 / max(last, 1) }

// faults are those of the schedule, and those that could happen at the frame's point instead.
func (p *played) faults(a address, t *world.Trace) {
	for i, f := range a.schedule.Faults {
		at := slices.IndexFunc(t.Frames, func(o world.Frame) bool { return o.Fault.Kind != "" && o.Label == f.At })
		lost := 0
		if f.Kind == world.Crash {
			lost = f.Count
		}
		p.Faults = append(p.Faults, faultRow{f.String(), f.Kind, lost, a.without(i).link(), a.frame(max(at, 0)).link()})
	}
	pt := p.Frame.Point
	if pt == nil || len(a.schedule.Faults) >= maxFaults {
		return
	}
	for c := range pt.Choices() {
		o := option{c.Fault, a.with(c.Fault).link(), p.Frame.Fault == c.Fault}
		if c.Count > 0 {
			p.Losing = append(p.Losing, o)
		} else {
			p.WhatIf = append(p.WhatIf, o)
		}
	}
	late, again := pt.Delays()
	for _, until := range laterThan(t, p.Frame.Frame.Point) {
		if late {
			p.Later = append(p.Later, option{Fault: sim.Fault{At: pt.Label, Kind: sim.Late, Until: until}})
		}
		if again {
			p.Later = append(p.Later, option{Fault: sim.Fault{At: pt.Label, Kind: sim.Again, Until: until}})
		}
	}
}

// maxLater bounds the list of points at which a paused call can resume.
const maxLater = 80

// laterThan returns the labels of the points at which a call paused here may resume: the end, and those that follow and
// write or begin something.
func laterThan(t *world.Trace, point int) []sim.Label {
	labels := []sim.Label{sim.AtEnd}
	for i := point + 1; i < len(t.Points) && len(labels) < maxLater; i++ {
		switch t.Points[i].Where {
		case world.AtDelivery, world.AtWrite, world.AtProvider, world.AtEngineWrite:
			labels = append(labels, t.Points[i].Label)
		}
	}
	return labels
}

// Strip is the picture of all frames: faults, crashes, violations and the present frame.
func (p *played) Strip() template.HTML {
	var b strings.Builder
	b.WriteString(`<svg class="strip" viewBox="-10 0 1020 24" preserveAspectRatio="none" aria-hidden="true"><rect class="strip-line" x="0" y="10" width="1000" height="4"/>`)
	for _, m := range p.Marks {
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="2" width="6" height="20"/>`, m.Class, m.X-3)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

// Since is a duration of the run as people read it.
func (p *played) Since(d time.Duration) string { return short(d) }

func short(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return d.Truncate(time.Second).String()
	case d >= time.Second:
		return d.Truncate(10 * time.Millisecond).String()
	}
	return d.Truncate(100 * time.Microsecond).String()
}
