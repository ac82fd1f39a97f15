package history

import (
	"strings"
	"time"
)

// Execution is what a history shows. A history that has not ended may be read at any time.
type Execution struct {
	Visits  []Visit // in the order in which the states were entered
	Lines   []Line  // the timeline, in the order in which the lines began
	Ended   bool    // true until a redrive follows
	Failure *FailureDetails
}

// Visit is one visit of a state.
type Visit struct {
	State    string
	Attempts int // deliveries of its task, those after a redrive included; 0 for a state without a task
}

// Line is one line of a timeline: an attempt at a task, the one visit of a state without a task, or a redrive.
type Line struct {
	At       time.Duration // since the start of the execution
	State    string        // "" for a redrive
	Attempt  int           // from 1, and again from 1 after a redrive; 0 for a state without a task
	Waited   time.Duration // since the end of the previous attempt of this visit; 0 for the first one
	Took     time.Duration // until the end, or until the newest event while the attempt is running
	Running  bool
	Error    string // "" for a success
	Message  string // of the error
	Output   string // of a success: the JSON that the task returned
	Redriven bool
}

// Aborted is the error of an attempt that was under way when its state or the whole execution ended.
const Aborted = "aborted"

// Read reads a history, which starts with its first event.
//
// Branches and iterations take turns in a history, so that the event before an event may belong to another state. An
// event therefore belongs to the visit of its PreviousEventID, and only an event that enters a state begins a visit.
func Read(events []Event) Execution {
	if len(events) == 0 {
		return Execution{}
	}
	r := reader{start: events[0].Timestamp, visits: map[int64]*visit{}}
	for i := range events {
		r.add(&events[i])
	}
	last := &events[len(events)-1]
	for i := range r.Lines {
		if l := &r.Lines[i]; l.Running {
			l.Took = last.Timestamp.Sub(r.start) - l.At
		}
	}
	r.Ended, r.Failure = Ends(last.Type), last.end()
	return r.Execution
}

// States returns the names of the visited states, in order.
func (x *Execution) States() []string {
	names := make([]string, len(x.Visits))
	for i, v := range x.Visits {
		names[i] = v.State
	}
	return names
}

type reader struct {
	Execution
	start  time.Time
	visits map[int64]*visit // the visit to which an event belongs, by the event's id
}

// visit is a visit while it is read. Indexes, since the lists grow.
type visit struct {
	index   int // in Visits
	entered time.Time
	attempt int       // the newest one since the state was entered or redriven
	ended   time.Time // when the attempt before it ended
	line    int       // of the attempt under way, -1 when there is none
}

func (r *reader) add(e *Event) {
	if e.StateEntered != nil {
		r.visits[e.ID] = &visit{index: len(r.Visits), entered: e.Timestamp, line: -1}
		r.Visits = append(r.Visits, Visit{State: e.StateEntered.Name})
		return
	}
	v := r.visits[e.PreviousEventID]
	r.visits[e.ID] = v
	switch {
	case e.Type == ExecutionRedriven:
		r.Lines = append(r.Lines, Line{At: e.Timestamp.Sub(r.start), Redriven: true})
		if v != nil {
			v.attempt, v.ended = 0, time.Time{}
		}
	case v == nil: // before the first state
	case e.Scheduled():
		r.attempt(v, e.Timestamp)
	case strings.HasSuffix(e.Type, "StateExited") && r.Visits[v.index].Attempts == 0:
		r.Lines = append(r.Lines, Line{
			At: v.entered.Sub(r.start), State: r.Visits[v.index].State, Took: e.Timestamp.Sub(v.entered),
		})
	case v.line >= 0:
		r.outcome(v, e)
	}
}

func (r *reader) attempt(v *visit, now time.Time) {
	v.attempt++
	state := &r.Visits[v.index]
	state.Attempts++
	l := Line{At: now.Sub(r.start), State: state.State, Attempt: v.attempt, Running: true}
	if v.attempt > 1 {
		l.Waited = now.Sub(v.ended)
	}
	v.line = len(r.Lines)
	r.Lines = append(r.Lines, l)
}

// outcome ends the attempt under way, unless the event is about something else, such as the start of its function.
func (r *reader) outcome(v *visit, e *Event) {
	f := e.Failure()
	aborted := strings.HasSuffix(e.Type, "Aborted") || strings.HasPrefix(e.Type, "Execution")
	if f == nil && !aborted && !strings.HasSuffix(e.Type, "Succeeded") {
		return
	}
	l := &r.Lines[v.line]
	l.Running, l.Took = false, e.Timestamp.Sub(r.start)-l.At
	v.line, v.ended = -1, e.Timestamp
	switch {
	case aborted:
		l.Error = Aborted
	case f != nil:
		l.Error, l.Message = f.Error, f.Message()
	default:
		l.Output = e.output()
	}
}
