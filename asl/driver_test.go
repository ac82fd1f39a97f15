package asl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"sort"
	"strings"
	"testing"
	"time"
)

// driver runs an execution in virtual time: it answers tasks by a script and fires timers when they are due.
type driver struct {
	t       testing.TB
	machine *Machine
	x       *Execution
	now     time.Time
	replies map[string][]reply // by function, in the order of the deliveries; the last one stays
	pending []pendingEvent
	journal []journalEntry
	log     strings.Builder // history and effects, for people
	events  []HistoryEvent
	ended   *Ended
	seq     int
	maxStep int
}

// reply is what a task does when it is delivered.
type reply struct {
	steps []replyStep
}

type replyStep struct {
	after time.Duration
	kind  string // "ok", "fail", "beat", "hang", "submit", "early"
	text  string // output or error name
	cause string
}

type pendingEvent struct {
	at    time.Time
	seq   int
	event Event
	timer int64
}

type journalEntry struct {
	event   Event
	at      time.Time
	effects string
}

var epoch = time.Date(2030, 1, 31, 9, 0, 0, 0, time.UTC)

func newDriver(t testing.TB, definition string) *driver {
	t.Helper()
	m, err := Parse([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	return &driver{t: t, machine: m, now: epoch, replies: map[string][]reply{}, maxStep: 100000}
}

// start begins the execution and runs it to its end.
func (d *driver) start(input string) *Ended {
	d.t.Helper()
	d.deliver(Event{Started: &Started{
		ExecutionID:      "arn:aws:states:eu-west-1:123456789012:execution:Trip:run-1",
		Name:             "run-1",
		RoleARN:          "arn:aws:iam::123456789012:role/saga",
		StateMachineID:   "arn:aws:states:eu-west-1:123456789012:stateMachine:Trip",
		StateMachineName: "Trip",
		Input:            json.RawMessage(input),
		Seed:             42,
		TokenKey:         []byte("a key that tests know"),
	}})
	return d.run()
}

func (d *driver) run() *Ended {
	d.t.Helper()
	for i := 0; len(d.pending) > 0 && d.ended == nil; i++ {
		if i > d.maxStep {
			d.t.Fatalf("the execution does not end")
		}
		sort.SliceStable(d.pending, func(i, j int) bool {
			a, b := d.pending[i], d.pending[j]
			return a.at.Before(b.at) || a.at.Equal(b.at) && a.seq < b.seq
		})
		next := d.pending[0]
		d.pending = d.pending[1:]
		d.now = next.at
		d.deliver(next.event)
	}
	return d.ended
}

func (d *driver) deliver(ev Event) {
	d.t.Helper()
	wanted := d.x.Wants(ev)
	x, effects, err := Step(d.machine, d.x, ev, d.now, d.record)
	if err != nil {
		d.t.Fatal(err)
	}
	if !wanted {
		fmt.Fprintf(&d.log, "%8s stale %s\n", d.clock(d.now), describeEvent(ev))
		if len(effects) > 0 {
			d.t.Fatalf("a stale event has effects: %v", effects)
		}
	}
	d.x = x
	text := d.perform(effects)
	d.log.WriteString(text)
	d.journal = append(d.journal, journalEntry{ev, d.now, text})
}

func (d *driver) record(e HistoryEvent) {
	d.events = append(d.events, e)
	data, err := json.Marshal(e)
	if err != nil {
		d.t.Fatal(err)
	}
	fmt.Fprintf(&d.log, "%8s %3d <%d %s%s\n", d.clock(e.Timestamp), e.ID, e.PreviousEventID, e.Type, details(data))
}

// details is the one object of details in an event's JSON, without what is the same in all.
func details(event []byte) string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(event, &fields); err != nil {
		panic(err)
	}
	for name, raw := range fields {
		if strings.HasSuffix(name, "EventDetails") {
			raw = bytes.ReplaceAll(raw, []byte(`,"inputDetails":{"truncated":false}`), nil)
			raw = bytes.ReplaceAll(raw, []byte(`,"outputDetails":{"truncated":false}`), nil)
			return " " + string(raw)
		}
	}
	return ""
}

func (d *driver) clock(at time.Time) string { return "+" + at.Sub(epoch).String() }

func (d *driver) perform(effects []Effect) string {
	var b strings.Builder
	for _, e := range effects {
		switch {
		case e.StartTask != nil:
			s := e.StartTask
			fmt.Fprintf(&b, "         -> start task %d: %s of %s, attempt %d, input %s\n",
				s.Task, s.Function, s.State, s.Attempt, s.Input)
			d.answer(s)
		case e.SetTimer != nil:
			fmt.Fprintf(&b, "         -> timer %d at %s\n", e.SetTimer.Timer, d.clock(e.SetTimer.At))
			d.dropTimer(e.SetTimer.Timer)
			d.push(e.SetTimer.At, pendingEvent{
				event: Event{Fired: &TimerFired{Timer: e.SetTimer.Timer}}, timer: e.SetTimer.Timer,
			})
		case e.CancelTimer != 0:
			fmt.Fprintf(&b, "         -> cancel timer %d\n", e.CancelTimer)
			d.dropTimer(e.CancelTimer)
		case e.CancelTask != 0:
			fmt.Fprintf(&b, "         -> cancel task %d\n", e.CancelTask)
		case e.Ended != nil:
			fmt.Fprintf(&b, "         -> ended %s output=%s error=%q cause=%q state=%q\n",
				e.Ended.Status, e.Ended.Output, e.Ended.Error, e.Ended.Cause, e.Ended.State)
			d.ended = e.Ended
		}
	}
	return b.String()
}

func (d *driver) push(at time.Time, p pendingEvent) {
	d.seq++
	p.at, p.seq = at, d.seq
	d.pending = append(d.pending, p)
}

func (d *driver) dropTimer(id int64) {
	for i, p := range d.pending {
		if p.timer == id {
			d.pending = append(d.pending[:i], d.pending[i+1:]...)
			return
		}
	}
}

// answer plays the function's next reply; without a script it is null after a second.
func (d *driver) answer(s *StartTask) {
	r := reply{steps: []replyStep{{after: time.Second, kind: "ok", text: "null"}}}
	if queue := d.replies[s.Function]; len(queue) > 0 {
		r = queue[0]
		if len(queue) > 1 {
			d.replies[s.Function] = queue[1:]
		}
	}
	at := d.now
	for _, step := range r.steps {
		at = at.Add(step.after)
		switch step.kind {
		case "submit":
			d.push(at, pendingEvent{event: Event{Submitted: &TaskSubmitted{Task: s.Task, Output: json.RawMessage(step.text)}}})
		case "ok", "early":
			d.push(at, pendingEvent{event: Event{Succeeded: &TaskSucceeded{Task: s.Task, Output: json.RawMessage(step.text)}}})
		case "fail":
			d.push(at, pendingEvent{event: Event{Failed: &TaskFailed{Task: s.Task, Error: step.text, Cause: step.cause}}})
		case "beat":
			d.push(at, pendingEvent{event: Event{Heartbeat: &TaskHeartbeat{Task: s.Task}}})
		}
	}
}

func describeEvent(ev Event) string {
	data, _ := json.Marshal(ev)
	return string(data)
}

// redrive resumes an execution that has ended.
func (d *driver) redrive() *Ended {
	d.t.Helper()
	d.ended = nil
	d.now = d.now.Add(time.Hour)
	d.deliver(Event{Redriven: &Redriven{}})
	return d.run()
}

// types are the history's event types in order.
func (d *driver) types() []string {
	var types []string
	for _, e := range d.events {
		types = append(types, e.Type)
	}
	return types
}

// entered are the names of the states in the order in which they were entered.
func (d *driver) entered() []string {
	var names []string
	for _, e := range d.events {
		if e.StateEntered != nil {
			names = append(names, e.StateEntered.Name)
		}
	}
	return names
}

// checkReplay steps through the journal again: with the history, whose bytes must be the same, and without it, where
// the effects must be.
func (d *driver) checkReplay() {
	d.t.Helper()
	for _, withHistory := range []bool{true, false} {
		again := &driver{t: d.t, machine: d.machine, replies: map[string][]reply{}}
		rec := again.record
		if !withHistory {
			rec = nil
		}
		var x *Execution
		for i, entry := range d.journal {
			next, effects, err := Step(d.machine, x, entry.event, entry.at, rec)
			if err != nil {
				d.t.Fatal(err)
			}
			x = next
			again.now = entry.at
			if got := again.perform(effects); got != entry.effects {
				d.t.Fatalf("replay (history %v), event %d: effects\n%s\nwant\n%s", withHistory, i, got, entry.effects)
			}
		}
		if withHistory {
			d.checkSameHistory(again.events)
		}
		if x.LastEventID() != int64(len(d.events)) || x.Status() != d.x.Status() {
			d.t.Fatalf("replay: %d events, status %s; want %d, %s", x.LastEventID(), x.Status(), len(d.events), d.x.Status())
		}
	}
}

func (d *driver) checkSameHistory(again []HistoryEvent) {
	d.t.Helper()
	want, err := json.Marshal(d.events)
	if err != nil {
		d.t.Fatal(err)
	}
	got, err := json.Marshal(again)
	if err != nil {
		d.t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		d.t.Fatalf("replay: history\n%s\nwant\n%s", got, want)
	}
}

// checkHistory holds what is true of every history: ids without gaps, predecessors that came before.
func (d *driver) checkHistory() {
	d.t.Helper()
	for i, e := range d.events {
		if e.ID != int64(i+1) || e.PreviousEventID >= e.ID || e.PreviousEventID < 0 {
			d.t.Fatalf("history: event %d has id %d, previous %d", i+1, e.ID, e.PreviousEventID)
		}
	}
	tasks, timers := maps.Collect(d.x.tasks.All()), maps.Collect(d.x.timers.All())
	if len(tasks)+len(timers) > 0 && d.ended != nil {
		d.t.Fatalf("history: ended with %d tasks and %d timers", len(tasks), len(timers))
	}
}
