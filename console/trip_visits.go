package console

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"tripsaga/asl"
	"tripsaga/asl/diagram"
	"tripsaga/engine"
	"tripsaga/shared/history"
	"tripsaga/shared/text"
	"tripsaga/trip/saga"
)

// visitOf is one visit of a state, as the history and the data flow show it.
type visitOf struct {
	id       int64 // of the event that entered the state
	state    string
	entered  time.Time
	left     time.Time     // zero while the state is not left
	idle     time.Duration // between an end of the execution and the redrive that resumed the state
	attempts int
	began    time.Time               // its last attempt
	ended    time.Time               // its last failed attempt
	failure  *history.FailureDetails // of its last attempt
	status   diagram.Status
	data     []asl.DataStep
}

// visits are those of an execution, and the transitions between them.
type visits struct {
	all     []*visitOf
	taken   map[[2]string]bool // as in diagram.Drawing
	byEvent []*visitOf         // the visit to which an event belongs, by its id
}

// stateOf returns the state to which an event belongs, "" for none.
func (v visits) stateOf(event int64) string {
	if visit := v.byEvent[event]; visit != nil {
		return visit.state
	}
	return ""
}

// latest returns the last visit of each state.
func (v visits) latest() map[string]*visitOf {
	m := map[string]*visitOf{}
	for _, visit := range v.all {
		m[visit.state] = visit
	}
	return m
}

func (v visits) find(id int64) *visitOf {
	i, ok := slices.BinarySearchFunc(v.all, id, func(visit *visitOf, id int64) int { return int(visit.id - id) })
	if !ok {
		return nil
	}
	return v.all[i]
}

// visitReader collects the visits of a history.
type visitReader struct {
	visits
	events []history.Event
}

// readVisits reads the visits of an execution.
func readVisits(x *engine.View) visits {
	r := visitReader{visits{taken: map[[2]string]bool{}, byEvent: make([]*visitOf, len(x.Events)+1)}, x.Events}
	for i := range x.Events {
		r.add(&x.Events[i])
	}
	for i := range x.Data {
		if v := r.find(x.Data[i].Visit); v != nil {
			v.data = append(v.data, x.Data[i])
		}
	}
	r.finish(x)
	return r.visits
}

func (r *visitReader) add(e *history.Event) {
	if e.StateEntered != nil {
		v := &visitOf{id: e.ID, state: e.StateEntered.Name, entered: e.Timestamp}
		r.all = append(r.all, v)
		r.byEvent[e.ID] = v
		if e.PreviousEventID == 0 {
			r.taken[[2]string{"", v.state}] = true
		} else if left := r.events[e.PreviousEventID-1].StateExited; left != nil {
			r.taken[[2]string{left.Name, v.state}] = true
		}
		return
	}
	v := r.byEvent[e.PreviousEventID]
	if e.StateExited != nil {
		v = r.open(e.StateExited.Name, v)
	}
	if r.byEvent[e.ID] = v; v == nil {
		return
	}
	switch failure := e.Failure(); {
	case e.StateExited != nil:
		v.left = e.Timestamp
	case e.Scheduled():
		v.attempts++
		v.began, v.failure = e.Timestamp, nil
	case failure != nil:
		v.failure, v.ended = failure, e.Timestamp
	case strings.HasSuffix(e.Type, "StateAborted"):
		v.status = diagram.Aborted
	case e.Type == history.ExecutionRedriven:
		v.status = ""
		v.idle += e.Timestamp.Sub(r.events[e.ID-2].Timestamp) // the event before ended the execution
	case e.Type == history.ExecutionSucceeded:
		r.taken[[2]string{v.state, ""}] = true
	}
}

// open returns the visit that an event leaves. It is that of the event before, but for Parallel and Map states: there the
// event before belongs to a branch.
func (r *visitReader) open(state string, before *visitOf) *visitOf {
	if before != nil && before.state == state {
		return before
	}
	for _, v := range slices.Backward(r.all) {
		if v.state == state && v.left.IsZero() {
			return v
		}
	}
	return before
}

// finish finds how far each visit is.
func (r *visitReader) finish(x *engine.View) {
	waits := map[int64]bool{}
	for _, p := range x.Pending {
		waits[p.Visit] = p.Retry != 0
	}
	types := map[string]string{}
	if x.Machine == nil { // not started
		return
	}
	for _, s := range x.Machine.States() {
		types[s.Name] = s.Type
	}
	for _, v := range r.all {
		switch {
		case !v.left.IsZero() && v.failure != nil:
			v.status = diagram.Caught
		case !v.left.IsZero():
			v.status = diagram.Done
		case waits[v.id]:
			v.status = diagram.Waiting
		case x.Status == asl.Running:
			v.status = diagram.Running
		case v.status == diagram.Aborted || x.Status == asl.Aborted || x.Status == asl.TimedOut:
			v.status = diagram.Aborted
		case v.failure != nil && intended(v.state, v.failure.Error):
			v.status = diagram.Ended
			r.taken[[2]string{v.state, ""}] = true
		default:
			v.status = diagram.Failed
			if types[v.state] == "Fail" {
				r.taken[[2]string{v.state, ""}] = true
			}
		}
	}
}

// intended reports whether the state ends the saga with this error because it records a failed booking: no fault of it.
func intended(state, err string) bool { return err == state && saga.Find(state).Ends }

// causeText returns the message of a cause, which is JSON if a function failed.
func causeText(cause string) string { return (&history.FailureDetails{Cause: cause}).Message() }

// shownJSON is a JSON value for people.
type shownJSON struct {
	Text  string
	Bytes int  // of all of it
	Cut   bool // Text is its beginning
}

const (
	mostJSON  = 2_000   // bytes of a value beside others
	wholeJSON = 1 << 20 // bytes of a value on its own page
	mostDepth = 60      // nested deeper, indented text would be far longer than the value
)

// showJSON returns the value indented, and at most the first bytes of it.
func showJSON(raw string, most int) shownJSON {
	s := shownJSON{Text: raw, Bytes: len(raw)}
	if len(raw) <= 4*most && depth(raw) <= mostDepth {
		var out bytes.Buffer
		if json.Indent(&out, []byte(raw), "", "  ") == nil {
			s.Text = out.String()
		}
	}
	if len(s.Text) > most {
		s.Text, s.Cut = strings.ToValidUTF8(s.Text[:most], ""), true
	}
	lines := strings.Split(s.Text, "\n")
	for i := range lines {
		lines[i] = text.Visible(lines[i])
	}
	s.Text = strings.Join(lines, "\n")
	return s
}

// depth returns how deep the value is nested.
func depth(raw string) (deepest int) {
	level, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}
