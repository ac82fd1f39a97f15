package world

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/judge"
)

// Trace is one run of a schedule, frame by frame. It stores the changes of each frame, so that the records at any frame can be
// read in both directions. It is immutable and may be read concurrently.
type Trace struct {
	*Result
	Schedule Schedule
	Sagas    []SagaName
	Frames   []Frame              // at least one
	Cut      bool                 // the run had more than maxFrames: the last frame contains all that followed
	Answers  map[sim.Label]Answer // answers of the deliveries whose function has returned, by label
	Machine  *asl.Machine

	base       judge.Items
	name       string // of the machine
	definition []byte
}

// SagaName is a saga of the scenario: its name in labels and its id.
type SagaName struct{ Name, ID string }

// Event is the kind of a frame.
type Event uint8

// The events.
const (
	Operation Event = iota + 1 // a point, with what it committed
	Committed                  // what a point committed after others had come in between
	Resumed                    // a paused call resumes
	Crashes                    // the process is killed
	Started                    // a process starts
	Joined                     // a second engine opens on the same table
	AtRest                     // the end, where everything is judged
)

// Frame is one moment of a run.
type Frame struct {
	Event   Event
	At      time.Duration // virtual time since the beginning
	Label   sim.Label     // of Operation, Committed and Resumed: whose
	Point   int           // of Operation: its index in Result.Points; else -1
	Fault   sim.Fault     // of Operation: the fault that happened; zero if there was no fault
	Process int           // the current one, from 1
	Changes []Change      // of records, the engine's included
	Found   int           // violations of the run until the end of this frame: Result.Violations[:Found]
	Sagas   []Standing    // in the order of Trace.Sagas, at the end of this frame
}

// Change is one record before and after; nil where it does not exist.
type Change struct {
	Key           table.Key
	Before, After *table.Item
}

// Answer is what a function has returned, whether or not the engine received it.
type Answer struct {
	Error string // the error's name; "" for success
	Frame int    // index of the frame in which it returned
}

// Standing is the status of a saga's record and of its first execution; "" before either exists.
type Standing struct{ Status, Execution string }

// maxFrames bounds the memory of a trace. The longest run without a loop has a quarter.
const maxFrames = 2_000

// Trace plays a schedule as Run does, and returns what happened frame by frame. A run that did not come to rest has one frame.
func (w *World) Trace(ctx context.Context, s Schedule) (*Trace, error) {
	t := &tracer{now: map[table.Key]table.Item{}, answers: map[sim.Label]Answer{}}
	result, _, err := w.play(ctx, s, playing{trace: t})
	if err != nil {
		return nil, err
	}
	trace := &Trace{Result: result, Schedule: s, Machine: w.sagas[0].Machine, name: w.subject.Machines[0].Name, base: w.base, definition: w.sagas[0].Source}
	scenario, _ := w.subject.Scenario(s.Scenario)
	for _, one := range scenario.Sagas {
		trace.Sagas = append(trace.Sagas, SagaName{one.Name, one.ID})
	}
	if result.Hung { // the run may still write to its frames
		trace.Frames = []Frame{{Event: AtRest, Point: -1, Process: 1, Found: len(result.Violations), Sagas: make([]Standing, len(trace.Sagas))}}
		return trace, nil
	}
	trace.Frames, trace.Cut, trace.Answers = t.frames, t.cut, t.answers
	return trace, nil
}

// tracer records a run. A nil tracer records nothing.
type tracer struct {
	run     *Run
	frames  []Frame
	answers map[sim.Label]Answer
	now     map[table.Key]table.Item // items that the run has changed, according to the frames
	cut     bool
}

// answered records what the function of a delivery has returned.
func (t *tracer) answered(delivery sim.Label, err error) {
	if t == nil || t.cut || errors.Is(err, engine.ErrNoReply) {
		return
	}
	a := Answer{Frame: len(t.frames) - 1}
	var named interface{ ErrorName() string }
	switch {
	case errors.As(err, &named):
		a.Error = named.ErrorName()
	case err != nil:
		a.Error = "an error"
	}
	t.answers[delivery] = a
}

// add ends the previous frame and begins the next.
func (t *tracer) add(f Frame) {
	if t == nil {
		return
	}
	if !t.cut {
		t.end()
	}
	if t.cut = t.cut || len(t.frames) >= maxFrames; t.cut && f.Event != AtRest {
		return
	}
	r := t.run
	f.At, f.Process = r.Now(), len(r.procs)
	if f.Event != Operation {
		f.Point = -1
	}
	t.frames = append(t.frames, f)
}

// end completes the newest frame.
func (t *tracer) end() {
	if t == nil || len(t.frames) == 0 {
		return
	}
	f := &t.frames[len(t.frames)-1]
	f.Found, f.Sagas = len(t.run.found), nil
	for _, s := range t.run.sagas {
		f.Sagas = append(f.Sagas, Standing{s.status, s.executions[0]})
	}
}

// committed adds a transaction to the frame of its point. If others have come in between it gets its own frame.
func (t *tracer) committed(ops []op, before, after Lookup) {
	if t == nil || t.cut {
		return
	}
	at := len(t.frames) - 1
	for at >= 0 && !t.isOf(&t.frames[at], ops[0].Key) {
		at--
	}
	if last := len(t.frames) - 1; at < 0 || at < last {
		f := Frame{Event: Committed}
		if at >= 0 {
			f.Label = t.frames[at].Label
		}
		if t.add(f); t.cut {
			return
		}
	}
	f := &t.frames[len(t.frames)-1]
	for i := range ops {
		if key := ops[i].Key; ops[i].Kind != table.OpCheck {
			f.Changes = append(f.Changes, t.change(key, before, after))
		}
	}
}

// isOf reports whether the frame belongs to the point that writes the key.
func (t *tracer) isOf(f *Frame, key table.Key) bool {
	switch f.Event {
	case Operation:
		return slices.ContainsFunc(t.run.points[f.Point].Keys, func(k table.Key) bool {
			return k == key || k.SK == "" && k.PK == key.PK
		}) && t.run.points[f.Point].writes()
	case Committed:
		return slices.ContainsFunc(f.Changes, func(c Change) bool { return c.Key.PK == key.PK && t.run.ledger.of(key) == t.run.ledger.bank })
	}
	return false
}

func (t *tracer) change(key table.Key, before, after Lookup) Change {
	c := Change{Key: key}
	if item, ok := before(key); ok {
		c.Before = &item
	}
	if item, ok := after(key); ok {
		c.After = &item
		t.now[key] = item
	} else {
		delete(t.now, key)
	}
	return c
}

// compared adds to the newest frame the differences between the records and those according to the frames: what a crash has
// lost and, at the end of a cut trace, what has followed.
func (t *tracer) compared() {
	if t == nil || len(t.frames) == 0 || t.cut && t.frames[len(t.frames)-1].Event != AtRest {
		return
	}
	f, l := &t.frames[len(t.frames)-1], t.run.ledger
	said := func(key table.Key) (table.Item, bool) {
		if item, ok := t.now[key]; ok {
			return item, true
		}
		item, ok := l.ledger.base[key]
		return item, ok
	}
	keys := maps.Clone(t.now)
	maps.Copy(keys, l.ledger.items)
	maps.Copy(keys, l.bank.items)
	for _, key := range slices.SortedFunc(maps.Keys(keys), compareKeys) {
		was, had := said(key)
		if is, ok := l.get(key); had != ok || ok && !(sameItem(was, is) && bytes.Equal(was.Data, is.Data)) {
			f.Changes = append(f.Changes, t.change(key, said, l.get))
		}
	}
}

func compareKeys(a, b table.Key) int {
	return cmp.Or(strings.Compare(a.PK, b.PK), strings.Compare(a.SK, b.SK))
}

// rest adds the last frame. What is judged at rest follows, and then end.
func (t *tracer) rest() {
	if t == nil {
		return
	}
	t.add(Frame{Event: AtRest})
	t.compared()
}

// Record is a record that the run has changed up to a frame.
type Record struct {
	Key    table.Key
	Now    *table.Item // nil: it no longer exists
	Change *Change     // by the frame itself; nil if it left the record as it was
}

// Records returns all records that the run has changed up to the end of the frame, sorted by key. frame must be an index of
// Trace.Frames.
func (t *Trace) Records(frame int) []Record {
	last := map[table.Key]*Change{}
	for i := range t.Frames[:frame+1] {
		for j := range t.Frames[i].Changes {
			c := &t.Frames[i].Changes[j]
			last[c.Key] = c
		}
	}
	own := map[table.Key]*Change{}
	for i := range t.Frames[frame].Changes {
		c := t.Frames[frame].Changes[i]
		if first := own[c.Key]; first != nil { // several transactions of one point
			c.Before = first.Before
		}
		own[c.Key] = &c
	}
	records := make([]Record, 0, len(last))
	for _, key := range slices.SortedFunc(maps.Keys(last), compareKeys) {
		records = append(records, Record{key, last[key].After, own[key]})
	}
	return records
}

// History returns the history of a saga's first execution as an operator would read it at the end of the frame. Errors:
// [engine.ErrNotFound].
func (t *Trace) History(ctx context.Context, frame int, id string) ([]asl.HistoryEvent, error) {
	view := &moment{base: t.base, items: judge.Items{}}
	for _, r := range t.Records(frame) {
		if r.Now != nil {
			view.items[r.Key] = *r.Now
		}
	}
	reader, err := engine.Open(ctx, engine.Options{Name: t.name, Definition: t.definition, Machine: t.Machine, Table: view, Tasks: stubs(t.Machine)})
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close(ctx) }() // it runs nothing
	return reader.History(ctx, id)
}

// moment is a read-only table with the state at the end of a frame. It has no index, so that an engine on it finds no open
// execution to resume.
type moment struct{ base, items judge.Items }

var _ table.Table = (*moment)(nil)

// Get implements table.Table.
func (m *moment) Get(_ context.Context, key table.Key) (table.Item, bool, error) {
	if item, ok := m.items[key]; ok {
		return item, true, nil
	}
	item, ok := m.base[key]
	return item, ok, nil
}

// Query implements table.Table for the journal of an execution, of which the base has nothing.
func (m *moment) Query(_ context.Context, q table.Query) (page table.Page, err error) {
	for key, item := range m.items {
		if !q.Index && key.PK == q.PK && strings.HasPrefix(key.SK, q.Prefix) {
			page.Items = append(page.Items, item)
		}
	}
	slices.SortFunc(page.Items, func(a, b table.Item) int { return compareKeys(a.Key, b.Key) })
	return page, nil
}

// Transact implements table.Table: the past cannot be written.
func (m *moment) Transact(_ context.Context, ops ...table.Op) error {
	return &table.Conflict{Key: ops[0].Key, Why: "a moment of a trace is read-only"}
}
