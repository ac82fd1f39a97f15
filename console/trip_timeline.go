package console

import (
	"math"
	"slices"
	"time"

	"tripsaga/asl"
	"tripsaga/asl/diagram"
	"tripsaga/shared/history"
)

// mostRows is how many lines of a timeline are shown, the newest.
const mostRows = 100

// barWidth is the width of the bars' drawing.
const barWidth = 1000

// timeline is the attempts of an execution, each with its bar, and the waits under way.
type timeline struct {
	Rows    []row
	Earlier int    // lines that are not shown
	Total   string // "" for one that lasts until now
}

// row is one line: an attempt, the visit of a state without a task, a redrive, or a wait under way.
type row struct {
	history.Line
	Start         stamp // of a wait under way its end
	WaitX, WaitW  int   // of the wait before the attempt, in the drawing
	BarX, BarW    int
	WaitedT, Span string
	Status        diagram.Status
	Open          bool // still under way
}

// timeline reads the lines of the history. The bars' scale is compressed: a time between two moments of the timeline gets a
// width by its logarithm, so that attempts of milliseconds and waits of hours are both visible.
func (t *tripRead) timeline(visits visits, now time.Time) timeline {
	x := history.Read(t.Saga.Events)
	v := timeline{Earlier: max(0, len(x.Lines)-mostRows)}
	lines := x.Lines[v.Earlier:]
	running := false
	for i := range lines {
		if l := &lines[i]; l.Running && t.Saga.Status == asl.Running {
			running, l.Took = true, max(l.Took, now.Sub(t.Saga.Started)-l.At)
		}
	}
	attempts := len(lines)
	lines = append(lines, t.waits(visits)...)
	scale := newScale(lines)
	for i, l := range lines {
		v.Rows = append(v.Rows, t.row(l, scale, i >= attempts))
	}
	if n := len(lines); n > 0 && !running {
		v.Total = span(lines[n-1].At + lines[n-1].Took)
	}
	return v
}

// waits returns a line for each wait under way, at its end.
func (t *tripRead) waits(v visits) (lines []history.Line) {
	for _, p := range t.Saga.Pending {
		visit := v.find(p.Visit)
		if p.Retry == 0 && p.Wait == 0 || visit == nil {
			continue
		}
		l := history.Line{At: p.At.Sub(t.Saga.Started), State: p.State}
		if l.Waited = p.At.Sub(visit.entered); p.Retry != 0 {
			l.Attempt, l.Waited = p.Attempt+1, p.At.Sub(visit.ended)
		}
		lines = append(lines, l)
	}
	return lines
}

func (t *tripRead) row(l history.Line, scale scale, waits bool) row {
	r := row{Line: l, Start: stamp{t.Saga.Started.Add(l.At)}, Span: span(l.Took), Status: diagram.Done, Open: waits}
	r.BarX = scale.at(l.At)
	r.BarW = max(4, scale.at(l.At+l.Took)-r.BarX)
	if l.Waited > 0 {
		r.WaitedT = span(l.Waited)
		r.WaitX = scale.at(l.At - l.Waited)
		r.WaitW = max(0, r.BarX-r.WaitX)
	}
	switch {
	case waits:
		r.Status, r.BarW = diagram.Waiting, 0
	case l.Running && t.Saga.Status == asl.Running:
		r.Status, r.Open = diagram.Running, true
	case l.Error == history.Aborted:
		r.Status = diagram.Aborted
	case l.Error != "" && intended(l.State, l.Error):
		r.Status = diagram.Ended
	case l.Error != "":
		r.Status = diagram.Failed
	}
	r.BarX = min(r.BarX, barWidth-4)
	return r
}

// scale maps the moments of a timeline to places from 0 to barWidth.
type scale struct {
	moments []time.Duration
	places  []float64
}

func newScale(lines []history.Line) scale {
	var s scale
	for _, l := range lines {
		s.moments = append(s.moments, l.At, l.At+l.Took)
		if l.Waited > 0 {
			s.moments = append(s.moments, l.At-l.Waited)
		}
	}
	slices.Sort(s.moments)
	s.moments = slices.Compact(s.moments)
	s.places = make([]float64, len(s.moments))
	for i := 1; i < len(s.moments); i++ {
		ms := float64(s.moments[i]-s.moments[i-1]) / float64(time.Millisecond)
		s.places[i] = s.places[i-1] + 1 + math.Log2(1+10*ms)
	}
	if n := len(s.places); n > 0 && s.places[n-1] > 0 {
		all := s.places[n-1]
		for i := range s.places {
			s.places[i] *= barWidth / all
		}
	}
	return s
}

func (s scale) at(moment time.Duration) int {
	if i, ok := slices.BinarySearch(s.moments, moment); ok {
		return int(s.places[i])
	}
	return 0
}

// now is what the saga does at the moment and what comes next.
type now struct {
	Pending []pending
	Ended   bool
	Took    string
}

// pending is one thing that the saga waits for.
type pending struct {
	State     string
	Kind      string // task, retry or wait
	Attempt   int
	Since     stamp // of the attempt under way
	At        stamp
	Failure   *history.FailureDetails // of the attempt before
	Then      string                  // the state that follows a success, "" for the end
	Otherwise []branch                // what follows an error that no retry helps
}

// now joins what the saga waits for with its visits.
func (t *tripRead) now(v visits) now {
	n := now{Ended: t.Saga.Status != asl.Running}
	if n.Ended {
		n.Took = span(t.Saga.Stopped.Sub(t.Saga.Started))
	}
	latest := v.latest()
	for _, p := range t.Saga.Pending {
		next := pending{State: p.State, Kind: "task", Attempt: p.Attempt + 1, At: stamp{p.At}}
		switch {
		case p.Retry != 0:
			next.Kind = "retry"
		case p.Wait != 0:
			next.Kind = "wait"
		}
		if visit := latest[p.State]; visit != nil {
			next.Failure, next.Since = visit.failure, stamp{visit.began}
		}
		next.Then, next.Otherwise = t.follow(p.State)
		n.Pending = append(n.Pending, next)
	}
	return n
}

// branch is a transition that is taken instead of the next one.
type branch struct {
	On  string // names of errors, or the rule of a choice
	Any bool   // on whatever error no branch before names
	To  string
}

// follow returns where the execution can go after a state.
func (t *tripRead) follow(state string) (then string, otherwise []branch) {
	for _, s := range t.Saga.Machine.States() {
		if s.Name != state {
			continue
		}
		for _, e := range s.Edges {
			if e.Kind == asl.EdgeNext {
				then = e.To
				continue
			}
			otherwise = append(otherwise, branch{e.Label, e.Kind == asl.EdgeCatch && e.Label == "States.ALL", e.To})
		}
	}
	return then, otherwise
}
