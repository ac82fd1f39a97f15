package main

import (
	"strings"
	"time"
)

// line is one line of a timeline: an attempt at a state, the one visit of a state that has no task, or a redrive.
type line struct {
	At       time.Duration // since the start
	State    string        // "" for a redrive
	Attempt  int           // from 1, counted over one visit; 0 for a state without a task
	Waited   time.Duration // since the attempt before it
	Took     time.Duration // until the end, or what was last heard
	Running  bool
	Error    string // "" when it went well
	Message  string // of the error
	Redriven bool

	TakenBack *bool // whether a compensation took something back; nil for everything else
}

// visit is one visit of a state.
type visit struct {
	state   string
	entered time.Time
	attempt int
	last    time.Time // end of the attempt before
	line    int       // of the attempt under way, -1 when there is none
	lines   int
}

// timelineOf is a timeline in the making.
type timelineOf struct {
	start  time.Time
	lines  []line
	visits map[int64]*visit // by the events that belong to them
}

// timeline reads a history. An event belongs to the visit of the event before it in its own strand.
func timeline(history []historyEvent) []line {
	t := &timelineOf{visits: map[int64]*visit{}}
	for i, e := range history {
		if i == 0 {
			t.start = e.Timestamp
		}
		t.add(e)
	}
	if len(history) > 0 {
		t.close(history[len(history)-1].Timestamp)
	}
	return t.lines
}

func (t *timelineOf) add(e historyEvent) {
	if e.StateEntered != nil {
		t.visits[e.ID] = &visit{state: e.StateEntered.Name, entered: e.Timestamp, line: -1}
		return
	}
	v := t.visits[e.Previous]
	t.visits[e.ID] = v
	switch {
	case e.Type == "ExecutionRedriven":
		t.lines = append(t.lines, line{At: e.Timestamp.Sub(t.start), Redriven: true})
		if v != nil {
			v.attempt, v.last = 0, time.Time{}
		}
	case v == nil:
	case strings.HasSuffix(e.Type, "Scheduled"):
		t.attempt(v, e.Timestamp)
	case strings.HasSuffix(e.Type, "StateExited") && v.lines == 0:
		t.lines = append(t.lines, line{At: v.entered.Sub(t.start), State: v.state, Took: e.Timestamp.Sub(v.entered)})
	case v.line >= 0:
		t.outcome(v, e)
	}
}

func (t *timelineOf) attempt(v *visit, now time.Time) {
	v.attempt++
	v.lines++
	l := line{At: now.Sub(t.start), State: v.state, Attempt: v.attempt, Running: true}
	if v.attempt > 1 {
		l.Waited = now.Sub(v.last)
	}
	t.lines = append(t.lines, l)
	v.line = len(t.lines) - 1
}

// outcome ends the attempt under way, when e tells its end.
func (t *timelineOf) outcome(v *visit, e historyEvent) {
	f := e.failure()
	aborted := strings.HasSuffix(e.Type, "Aborted") || strings.HasPrefix(e.Type, "Execution")
	if f == nil && !aborted && !strings.HasSuffix(e.Type, "Succeeded") {
		return
	}
	l := &t.lines[v.line]
	l.Running, l.Took = false, e.Timestamp.Sub(t.start)-l.At
	l.TakenBack = e.takenBack()
	v.line, v.last = -1, e.Timestamp
	switch {
	case aborted:
		l.Error = "aborted"
	case f != nil:
		l.Error, l.Message = f.Error, f.message()
	}
}

func (t *timelineOf) close(now time.Time) {
	for i := range t.lines {
		if t.lines[i].Running {
			t.lines[i].Took = now.Sub(t.start) - t.lines[i].At
		}
	}
}
