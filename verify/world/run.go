package world

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/judge"
)

// Run is a schedule that is being played.
type Run struct {
	ctx      context.Context
	world    *World
	subject  *Subject
	scenario *Scenario
	cast     Cast
	order    uint64
	faults   map[sim.Label]sim.Fault
	given    map[sim.Label]bool // the faults that belong to the scenario
	pending  int                // number of faults of the schedule that have not happened yet

	ledger *books
	time   func() time.Time // of the current process
	procs  []*Process       // the last one is alive, and with a rival the one before it too
	sagas  []*saga

	frame   *frame  // in whose name operations are labelled; nil: the engine's
	thread  *thread // the innermost thread at work; nil outside of all
	counts  map[sim.Label]int
	journal map[string]int // entries written, by execution

	late    map[sim.Label][]*thread // by the point before which they resume
	threads *sim.Threads
	stalled []*thread           // every thread that is paused
	lasting map[string]sim.Kind // by saga and function, or call of a provider
	others  map[string]*frame

	beats atomic.Int64          // number of operations, and of threads that began or ended: read from outside the run
	doing atomic.Pointer[frame] // in whose name it works

	trace    *tracer // nil: it is not traced
	points   []Point
	meddled  int      // points of the actor that came in between with the last fault
	after    int      // index of the first point after the last fault
	states   []uint64 // of the records at each point, without faults
	settled  int      // index of the first point after it at which no call is paused; -1 before
	state    uint64   // of the records there
	found    []judge.Violation
	steps    int
	redrives int
	redriven bool // the operator has tried a redrive
	between  bool // another actor has come in between, and works
	stuck    bool // it did not end, and was abandoned
	due      *promise
	skipped  time.Duration // time by which faults have advanced the clock
	waited   time.Duration // time for which somebody outside the program made it wait
	written  time.Duration // time of the newest transaction
	hangs    time.Time     // the end of the time-out during which the process was killed
	closed   int           // index of the first point after everything else has ended
	happened int           // faults of the schedule
	lasted   bool          // a lasting fault has happened
	slow     bool          // the schedule pauses the engine or its listener, so that each step needs a thread
	hopeless bool          // the program no longer starts
	broken   error         // why the world itself could not continue
	endings  []func()
	idle     idle
}

// saga is one saga of the scenario and its progress.
type saga struct {
	*Saga
	status     string
	executions []string // the statuses, by machine; "" before it exists
}

// text returns the status of its record, or that of its execution if it has no record.
func (s *saga) text() string {
	if s.Record == (table.Key{}) {
		return s.executions[0]
	}
	return s.status
}

// Result is the result of a schedule.
type Result struct {
	Stuck      bool // it did not end, and was abandoned
	Points     []Point
	States     []uint64 // of the domain's records at each point, of a schedule without faults
	After      int      // index of the first point after the schedule's last fault
	Meddled    int      // points from there on of the actor that came in between with it
	Closed     int      // index of the first point after everything has ended but what is paused until the end
	Settled    int      // index of the first point after it at which no call is paused
	State      uint64   // of the domain's records there, and of lasting faults
	End        uint64   // of the domain's records in the end
	Bytes      uint64   // of every write: the same schedule gives the same
	Happened   int      // faults of the schedule that happened
	Violations []judge.Violation
	Statuses   []string // how each saga ended

	Hung bool // it did not return: it still runs, on a table that is no longer used
}

func newRun(ctx context.Context, w *World, scenario *Scenario, s Schedule) *Run {
	clear(w.counts)
	r := &Run{
		ctx: ctx, world: w, subject: w.subject, scenario: scenario, time: func() time.Time { return begin }, order: s.Order, faults: make(map[sim.Label]sim.Fault, len(s.Faults)), given: map[sim.Label]bool{}, pending: len(s.Faults),
		ledger: w.books(), threads: w.threads, counts: w.counts, late: map[sim.Label][]*thread{}, lasting: map[string]sim.Kind{},
		points: make([]Point, 0, usual), others: map[string]*frame{}, settled: -1, journal: map[string]int{},
	}
	for _, f := range scenario.Given {
		r.given[f.At] = true
		r.faults[f.At] = f
	}
	for _, f := range s.Faults {
		delete(r.given, f.At)
		r.faults[f.At] = f
	}
	for at, f := range r.faults {
		r.slow = r.slow || f.Kind == sim.Late && (at.Actor == Listener || w.subject.IsEngine(at.Actor))
	}
	for i := range scenario.Sagas {
		r.sagas = append(r.sagas, &saga{Saga: &scenario.Sagas[i], executions: make([]string, len(w.subject.Machines))})
	}
	r.cast = w.subject.NewCast(r, s.Scenario)
	r.ledger.ledger.commit = func(ops []op, before, after Lookup) {
		r.written = r.Now()
		r.note(ops)
		r.trace.committed(ops, before, after)
		r.found = append(r.found, r.cast.Commit(ops, before, after)...)
	}
	r.ledger.bank.commit = r.ledger.ledger.commit
	return r
}

// A run with more steps or points than these is considered endless. The longest run of the product has a quarter of each.
const (
	usual     = 128 // usual number of points of a run
	maxSteps  = 5_000
	maxPoints = 5_000
)

// play plays the schedule and judges the run. A panic anywhere is a violation; the records after it are not judged.
func (r *Run) play() (*Result, error) {
	r.guarded(r.playAll)
	if r.guarded(r.abandon); r.broken != nil {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		r.Violation(canBePlayed, "%v", r.broken)
		r.hopeless = true
	}
	var res *Result
	r.guarded(r.trace.rest)
	r.guarded(func() { res = r.result() })
	if res == nil {
		res = &Result{Points: r.points, Settled: len(r.points), After: len(r.points)}
	}
	r.trace.end()
	for _, end := range r.endings {
		r.guarded(end)
	}
	res.Violations, res.Stuck = r.found, r.stuck
	return res, nil
}

func (r *Run) guarded(do func()) {
	defer func() {
		if p := recover(); p != nil {
			r.panicked(p)
		}
	}()
	do()
}

// Guard calls a function that is not part of the program, such as a user's check. A panic in it is a violation that names what,
// and ends the run.
func (r *Run) Guard(what string, do func()) {
	defer func() {
		if p := recover(); p != nil {
			r.panicked(fmt.Sprintf("%s panics: %v", what, p))
		}
	}()
	do()
}

func (r *Run) panicked(p any) {
	r.Violation(noPanic, "%v, at %s", p, panickedAt(debug.Stack()))
	r.hopeless = true
}

// panickedAt returns the line that panicked: the first one below the panic that is outside the runtime.
func panickedAt(stack []byte) string {
	_, below, _ := bytes.Cut(stack, []byte("\npanic("))
	for line := range bytes.Lines(below) {
		if file, _, ok := bytes.Cut(bytes.TrimSpace(line), []byte(" +0x")); ok && !bytes.Contains(append([]byte("/"), file...), []byte("/runtime/")) {
			return string(file[bytes.LastIndexByte(file[:max(0, bytes.LastIndexByte(file, '/'))], '/')+1:])
		}
	}
	return "an unknown place"
}

func (r *Run) playAll() {
	r.boot()
	r.cast.Call(r.Process())
	r.drain()
	r.attendAll()
	r.land(sim.AtStop)
	r.close()
	r.land(sim.AtEnd)
	for range len(r.faults) + 1 { // a call that resumes may be paused again
		r.landAll()
		r.drain()
		r.redrives = 0 // a paused call may have made all earlier redrives fail
		if r.attendAll(); r.Quiet() {
			break
		}
	}
}

func (r *Run) attendAll() {
	for range 2 * len(r.sagas) {
		if !r.attend() {
			break
		}
	}
}

// close records the first point after everything else has ended.
func (r *Run) close() {
	if r.closed == 0 {
		r.closed = len(r.points)
	}
}

// abandon ends the threads that no point resumes.
func (r *Run) abandon() {
	for _, t := range slices.Clone(r.stalled) {
		t.abandon()
	}
	r.threads.Rest()
}

// drain runs everything that is due now or later, across crashes.
func (r *Run) drain() {
	for r.broken == nil && !r.hopeless {
		p := r.Process()
		switch {
		case r.ctx.Err() != nil:
			r.broken = r.ctx.Err()
		case p.dead:
			r.restart()
		case r.steps > maxSteps:
			r.circles("%d steps", r.steps)
		case !r.step(p):
			return
		}
		r.steps++
	}
}

// step runs what is due next. It reports false when nothing is left.
func (r *Run) step(p *Process) bool {
	if p.halfway(r) {
		return true
	}
	if !r.slow {
		return p.clock.Step()
	}
	stepped := true
	t := &thread{run: r, do: func() { stepped = p.clock.Step() }}
	t.coroutine = true
	t.work()
	return stepped
}

// circles ends a run that does not come to rest.
func (r *Run) circles(format string, args ...any) {
	r.GiveUp(runEnds, "after "+format+" it still has not come to rest", args...)
}

// GiveUp reports a violation and ends the run as one that does not come to rest.
func (r *Run) GiveUp(invariant, format string, args ...any) {
	if !r.hopeless {
		r.Violation(invariant, format, args...)
	}
	r.hopeless, r.stuck = true, true
	for _, p := range r.procs {
		p.dead = true
	}
}

// attend does what operators and their jobs do for sagas that have not ended although nothing is running: it redrives one that
// has stopped, or starts one that was never started. It reports whether there was something to do.
func (r *Run) attend() bool {
	busy := false
	for _, s := range r.sagas {
		switch {
		case r.halted(s):
			r.mayStop(s)
			if r.Quiet() { // otherwise the listener that marks it may be paused
				r.found = append(r.found, r.cast.Stopped(s.Saga)...)
			}
			r.land(sim.AtStop)
			clear(r.lasting)
			r.redriveLater(s)
			busy = true
		case r.cast.Attend(s.Saga):
			busy = true
		}
	}
	if busy {
		r.drain()
	}
	return busy && r.broken == nil && !r.hopeless
}

// Violation reports a violated invariant.
func (r *Run) Violation(invariant, format string, args ...any) {
	r.found = append(r.found, judge.Violation{Invariant: invariant, Detail: fmt.Sprintf(format, args...)})
}

func (r *Run) result() *Result {
	if !r.hopeless {
		r.found = append(r.found, r.cast.Final()...)
		r.endsInTime()
	}
	if r.pending > 0 {
		r.after = len(r.points)
	}
	if r.settled < 0 {
		r.settle()
	}
	res := &Result{
		Points: r.points, States: r.states, After: r.after, Settled: r.settled, State: r.state, End: r.ledger.state(), Bytes: r.ledger.bytesWritten(),
		Happened: r.happened, Meddled: r.meddled, Closed: r.closed,
	}
	for _, s := range r.sagas {
		res.Statuses = append(res.Statuses, s.text())
	}
	return res
}

// mayStop checks that the saga has stopped only because of a fault that outlasts its retries.
func (r *Run) mayStop(s *saga) {
	if r.lasted || r.redriven {
		return
	}
	r.Violation(stopsForLasting, "saga %s: it has stopped, although no fault lasts until it is repaired", s.Name)
}

// inTime is far more than a saga needs without a lasting fault.
const inTime = time.Hour

func (r *Run) endsInTime() {
	took, most := r.written-r.skipped-r.waited, r.scenario.Takes+inTime
	if r.lasted || took <= most {
		return
	}
	waits := ""
	if took != r.written {
		waits = fmt.Sprintf(" and the %s that faults and other people let pass", r.written-took)
	}
	r.Violation(endsInTime, "it took %s, though no fault outlasted the retries; allowed are %s%s", r.written, most, waits)
}

// Process returns the newest process. It is alive, unless the program has just been killed.
func (r *Run) Process() *Process { return r.procs[len(r.procs)-1] }

// Now returns the virtual time since the beginning of the run.
func (r *Run) Now() time.Duration { return r.time().Sub(begin) }

type op = table.Op

// note records the statuses that a transaction has written.
func (r *Run) note(ops []op) {
	for i := range ops {
		switch key := ops[i].Key; {
		case strings.HasPrefix(key.SK, skJournal):
			r.journal[key.PK]++
		case key.SK == skExecution:
			r.noteExecution(key)
		default:
			for _, s := range r.sagas {
				if key == s.Record {
					s.status = r.fieldOf(key, s.Field)
				}
			}
		}
	}
}

func (r *Run) noteExecution(key table.Key) {
	machine, id := r.subject.engineOf(key)
	if s := r.sagaOf(id); s != nil {
		s.executions[machine] = r.fieldOf(key, "status")
	}
}

// fieldOf reads a field of an item; "" if the item does not exist or cannot be read, which the judge reports.
func (r *Run) fieldOf(key table.Key, field string) string {
	if item, ok := r.ledger.get(key); ok {
		return r.world.seen.field(item.Data, field)
	}
	return ""
}

// seen caches a field of records by their bytes: the runs of an exploration write the same records over and over.
type seen map[seenField]string

type seenField struct{ data, field string }

const mostSeen = 4096 // then the cache is emptied

func (s seen) field(data []byte, field string) string {
	if value, ok := s[seenField{string(data), field}]; ok {
		return value
	}
	var record map[string]json.RawMessage
	var value string
	if json.Unmarshal(data, &record) == nil {
		if raw := record[field]; json.Unmarshal(raw, &value) != nil {
			value = string(raw) // a number
		}
	}
	if len(s) >= mostSeen {
		clear(s)
	}
	s[seenField{string(data), field}] = value
	return value
}

// renote reads all statuses again, after a crash has lost some.
func (r *Run) renote() {
	for _, s := range r.sagas {
		s.status = r.fieldOf(s.Record, s.Field)
		for i, m := range r.subject.Machines {
			s.executions[i] = r.fieldOf(executionKey(m.Name, s.ID), "status")
		}
	}
}

// sagaOf returns the saga with this id; nil if it does not exist: the program may run a saga that was not requested, which the
// judge reports.
func (r *Run) sagaOf(id string) *saga {
	for _, s := range r.sagas {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func (r *Run) nameOf(id string) string {
	if s := r.sagaOf(id); s != nil {
		return s.Name
	}
	return ""
}

// newest returns the index of the saga's newest machine, and whether its execution has stopped.
func (s *saga) newest() (machine int, stopped bool) {
	for machine = len(s.executions) - 1; machine > 0 && s.executions[machine] == ""; machine-- {
	}
	switch s.executions[machine] {
	case "FAILED", "TIMED_OUT", "ABORTED":
		stopped = true
	}
	return machine, stopped
}

// stopped reports whether the newest execution of the saga has stopped.
func (s *saga) stopped() bool {
	_, stopped := s.newest()
	return stopped
}

// halted reports whether the saga needs a redrive: it has stopped, and that is not its end.
func (r *Run) halted(s *saga) bool { return s.stopped() && r.cast.Halted(s.Saga) }

// someStopped reports whether any saga needs a redrive now.
func (r *Run) someStopped() bool {
	for _, s := range r.sagas {
		if r.halted(s) {
			return true
		}
	}
	return false
}
