package world

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/model"
)

// run is one schedule being played.
type run struct {
	ctx      context.Context
	world    *World
	scenario Scenario
	order    uint64
	faults   map[sim.Label]sim.Fault
	given    map[sim.Label]bool // those of the faults that belong to the scenario
	pending  int                // faults of the schedule that have not happened yet

	ledger *books
	judge  *model.Judge
	time   func() time.Time // of the current process
	procs  []*process       // the last one is alive, and with a rival the one before it too
	trips  []*journey

	frame   *frame  // in whose name operations are labelled; nil: the engine's
	thread  *thread // the innermost thread at work; nil outside of all
	silent  bool    // the world itself reads: no point, and no fault
	counts  map[sim.Label]int
	journal map[string]int // entries written, by trip

	standings map[string]*standing    // by the trip's id
	late      map[sim.Label][]*thread // by the point before which they resume
	threads   *sim.Threads
	stalled   []*thread           // every thread that is paused
	lasting   map[string]sim.Kind // by trip and function
	others    map[string]*frame
	broke     Variant // that of this run

	trace    *tracer // nil: it is not traced
	points   []Point
	meddled  int      // points of the actor that came in between with the last fault
	after    int      // index of the first point after the last fault
	states   []uint64 // of the records at each point, without faults
	settled  int      // index of the first point after it at which no call is paused; -1 before
	state    uint64   // of the records there
	found    []model.Violation
	steps    int
	redrives int
	loads    int
	redriven bool // the operator has tried to redrive
	between  bool // another actor has come in between, and works
	stuck    bool // it did not end, and was abandoned
	due      *promise
	skipped  time.Duration // by faults
	lapses   lapses
	hangs    time.Time // the end of the time-out during which the process was killed
	closed   int       // index of the first point after everything else has ended
	happened int       // faults of the schedule
	lasted   bool      // a lasting fault has happened
	slow     bool      // the schedule pauses the engine or its listener, so that each step needs a thread
	hopeless bool      // the program does not start any more
	broken   error     // why the world itself could not go on
}

// journey is one trip of the scenario on its way.
type journey struct {
	booking
	standing *standing
	calls    int
	done     bool // the client has its answer, or has left

	cancels   int
	cancelled bool // the client who cancels has its answer
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
	Violations []model.Violation
	Statuses   []string // how each trip ended

	abandoned bool // it still runs, on a table that nobody reads any more
}

func newRun(ctx context.Context, w *World, scenario Scenario, s Schedule) *run {
	clear(w.counts)
	r := &run{
		ctx: ctx, world: w, scenario: scenario, order: s.Order, faults: make(map[sim.Label]sim.Fault, len(s.Faults)), given: map[sim.Label]bool{}, pending: len(s.Faults),
		ledger: w.books(), threads: w.threads, counts: w.counts, late: map[sim.Label][]*thread{}, lasting: map[string]sim.Kind{},
		points: make([]Point, 0, usual), others: map[string]*frame{}, settled: -1, journal: map[string]int{}, standings: map[string]*standing{},
	}
	for _, f := range scenario.given {
		r.given[f.At] = true
		r.faults[f.At] = f
	}
	for _, f := range s.Faults {
		delete(r.given, f.At)
		r.faults[f.At] = f
	}
	for at, f := range r.faults {
		r.slow = r.slow || f.Kind == sim.Late && (at.Actor == Engine || at.Actor == SecondEngine || at.Actor == Listener)
	}
	var trips []model.Trip
	for _, b := range scenario.trips {
		j := &journey{booking: b, standing: &standing{}}
		r.trips = append(r.trips, j)
		r.standings[b.trip.ID] = j.standing
		trips = append(trips, b.trip)
	}
	r.judge = model.New(w.base, trips...)
	r.ledger.ledger.commit = func(ops []op, before, after lookup) {
		r.note(ops)
		r.trace.committed(ops, before, after)
		r.found = append(r.found, r.judge.Commit(ops, before, after)...)
	}
	r.ledger.bank.commit = r.ledger.ledger.commit
	return r
}

// A run with more steps or points than these loops. The longest run of the product has a quarter of each.
const (
	usual     = 128 // points of a run
	maxSteps  = 5_000
	maxPoints = 5_000
)

// play plays the schedule and judges it. A panic anywhere is a violation; the records after it are not judged.
func (r *run) play() (*Result, error) {
	r.guarded(r.playAll)
	if r.guarded(r.abandon); r.broken != nil {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		r.violation(canBePlayed, "%v", r.broken)
		r.hopeless = true
	}
	var res *Result
	r.guarded(r.trace.rest)
	r.guarded(func() { res = r.result() })
	if res == nil {
		res = &Result{Points: r.points, Settled: len(r.points), After: len(r.points)}
	}
	r.trace.end()
	res.Violations, res.Stuck = r.found, r.stuck
	return res, nil
}

func (r *run) guarded(do func()) {
	defer func() {
		if p := recover(); p != nil {
			r.panicked(p)
		}
	}()
	do()
}

func (r *run) panicked(p any) {
	r.violation(noPanic, "%v, at %s", p, panickedAt(debug.Stack()))
	r.hopeless = true
}

// panickedAt returns the line that panicked: the first one outside of the runtime below the panic.
func panickedAt(stack []byte) string {
	_, below, _ := bytes.Cut(stack, []byte("\npanic("))
	for line := range bytes.Lines(below) {
		if file, _, ok := bytes.Cut(bytes.TrimSpace(line), []byte(" +0x")); ok && !bytes.Contains(file, []byte("/runtime/")) {
			return string(file[bytes.LastIndexByte(file[:max(0, bytes.LastIndexByte(file, '/'))], '/')+1:])
		}
	}
	return "a place unknown"
}

func (r *run) playAll() {
	r.time = func() time.Time { return begin }
	r.boot()
	for i, j := range r.trips {
		r.process().clock.AfterFunc(time.Duration(i)*r.scenario.apart, func() { r.book(j) })
	}
	for _, j := range r.trips {
		if j.cancelAfter > 0 {
			r.process().clock.AfterFunc(j.cancelAfter, func() { r.cancel(j) })
		}
	}
	r.drain()
	r.attendAll()
	r.land(sim.AtStop)
	r.closed = len(r.points)
	r.land(sim.AtEnd)
	for range len(r.faults) + 1 { // what resumes may be paused again
		r.landAll()
		r.drain()
		r.redrives = 0 // a paused call may have made all of them fail
		if r.attendAll(); r.quiet() {
			break
		}
	}
}

func (r *run) attendAll() {
	for range 2 * len(r.trips) {
		if !r.attend() {
			break
		}
	}
}

// abandon ends the threads that nothing resumes.
func (r *run) abandon() {
	for _, t := range slices.Clone(r.stalled) {
		t.abandon()
	}
	r.threads.Rest()
}

// drain runs everything that is due now or later, across crashes.
func (r *run) drain() {
	for r.broken == nil && !r.hopeless {
		p := r.process()
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
func (r *run) step(p *process) bool {
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

// circles ends a run that loops.
func (r *run) circles(format string, args ...any) {
	if !r.hopeless {
		r.violation(runEnds, "after "+format+" something still goes round", args...)
	}
	r.hopeless, r.stuck = true, true
	for _, p := range r.procs {
		p.dead = true
	}
}

// attend does what operators and the reconciler do for trips that have no end though nothing is under way: redrive a saga
// that has stopped, start one that was never started. It reports whether there was something to do.
func (r *run) attend() bool {
	busy := false
	for _, j := range r.trips {
		switch {
		case !r.ended(j) && !r.halted(j) && r.unstarted(j):
			r.process().clock.AfterFunc(2*time.Minute, r.reconcile)
			busy = true
		case r.halted(j):
			r.mayStop(j)
			if r.quiet() { // else the listener that marks the trip may be paused
				r.found = append(r.found, r.judge.Stopped(r.ledger.all(), j.trip.ID)...)
			}
			r.land(sim.AtStop)
			clear(r.lasting)
			r.redriveLater(j)
			busy = true
		}
	}
	if busy {
		r.drain()
	}
	return busy && r.broken == nil && !r.hopeless
}

func (r *run) violation(invariant, format string, args ...any) {
	r.found = append(r.found, model.Violation{Invariant: invariant, Detail: fmt.Sprintf(format, args...)})
}

func (r *run) result() *Result {
	if !r.hopeless {
		r.found = append(r.found, r.judge.Final(r.ledger.all())...)
		r.oneWins()
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
	for _, j := range r.trips {
		res.Statuses = append(res.Statuses, r.status(j))
	}
	return res
}

// oneWins checks that one of two trips gets the last seat, unless a fault outlasted the retries.
func (r *run) oneWins() {
	if !r.scenario.oneWins {
		return
	}
	confirmed := 0
	for _, j := range r.trips {
		if r.status(j) == "CONFIRMED" {
			confirmed++
		}
	}
	if confirmed == 0 && !r.excused() {
		r.violation(oneWins, "both trips failed, though the last seat was there for one")
	}
}

// mayStop checks that the saga stops only for a fault that outlasts its retries.
func (r *run) mayStop(j *journey) {
	if r.lasted || r.redriven {
		return
	}
	r.violation(stopsForLasting, "trip %s: the saga has stopped, though no fault outlasted its retries", j.name)
}

// inTime is far more than a saga needs without a lasting fault.
const inTime = time.Hour

func (r *run) endsInTime() {
	if took := r.now() - r.skipped; !r.lasted && took > inTime {
		r.violation(endsInTime, "it took %s, though no fault outlasted the retries", took)
	}
}

// excused reports whether a fault of the schedule may cost a booking, whatever the saga does.
func (r *run) excused() bool {
	for _, f := range r.faults {
		if lasts(f.Kind) || f.Kind == Leave || f.Kind == Load || f.Kind == Cancel || f.Kind == Decline || f.Kind == Altered || expires(f.Kind) {
			return true
		}
	}
	return false
}

func (r *run) process() *process { return r.procs[len(r.procs)-1] }

func (r *run) now() time.Duration { return r.time().Sub(begin) }

type (
	op     = table.Op
	lookup = func(table.Key) (table.Item, bool)
)

// standing is the status of a trip, of its execution and of its cancellation's.
type standing struct{ trip, execution, second string }

// note reads the statuses that a transaction has written.
func (r *run) note(ops []op) {
	for i := range ops {
		key := ops[i].Key
		switch {
		case key.SK == skTrip && strings.HasPrefix(key.PK, pkTrip):
			r.standing(key.PK[len(pkTrip):]).trip = r.statusIn(key)
		case key.SK == skExecution && strings.HasPrefix(key.PK, pkSecond):
			r.standing(key.PK[len(pkSecond):]).second = r.statusIn(key)
		case key.SK == skExecution:
			r.standing(strings.TrimPrefix(key.PK, pkExecution)).execution = r.statusIn(key)
		case strings.HasPrefix(key.SK, skJournal):
			r.journal[key.PK]++
		}
	}
}

// standing returns that of any trip: the program may write a trip that nobody asked for, which the judge reports.
func (r *run) standing(id string) *standing {
	s := r.standings[id]
	if s == nil {
		s = &standing{}
		r.standings[id] = s
	}
	return s
}

// statusIn reads the status of an item; "" if the item does not exist or cannot be read, which the judge reports.
func (r *run) statusIn(key table.Key) string { return r.statusOf(key, "status") }

func (r *run) statusOf(key table.Key, field string) (status string) {
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
func (r *run) renote() {
	for id, s := range r.standings {
		s.trip = r.statusIn(table.Key{PK: pkTrip + id, SK: skTrip})
		s.execution = r.statusIn(table.Key{PK: pkExecution + id, SK: skExecution})
		s.second = r.statusIn(table.Key{PK: pkSecond + id, SK: skExecution})
	}
}

// status is the status of the trip; "" if it does not exist.
func (r *run) status(j *journey) string { return j.standing.trip }

// execution is the status of the trip's execution; "" if it does not exist.
func (r *run) execution(j *journey) string { return j.standing.execution }

// requested reports whether the client of the trip of this name has asked to cancel it.
func (r *run) requested(trip string) bool {
	item, _ := r.ledger.get(tripKey(r.idOf(trip)))
	return bytes.Contains(item.Data, []byte(`"cancellation":`))
}

func (r *run) ended(j *journey) bool {
	s := r.status(j)
	return s == "CONFIRMED" || s == "FAILED" || s == "CANCELLED"
}

// second is the status of the execution of the trip's cancellation; "" if it does not exist.
func (r *run) second(j *journey) string { return j.standing.second }

// stopped reports whether the present execution of the trip has stopped: that of its cancellation, once it exists.
func (r *run) stopped(j *journey) bool {
	s := cmp.Or(r.second(j), r.execution(j))
	return s == "FAILED" || s == "TIMED_OUT" || s == "ABORTED"
}

// halted reports whether the execution needs a redrive: it has stopped, and that is not the end of a trip that failed.
func (r *run) halted(j *journey) bool {
	failed := r.second(j) == "" && (r.status(j) == "FAILED" || r.status(j) == "CANCELLED" || r.status(j) == "CANCELLING")
	return r.stopped(j) && !failed
}

// unstarted reports whether a saga is started by nobody but the reconciler. The start of a cancellation may have been written
// while its reply was lost, so that no engine runs it.
func (r *run) unstarted(j *journey) bool {
	return r.status(j) != "" && r.execution(j) == "" || r.status(j) == "CANCELLING"
}

// someStopped reports whether a saga needs a redrive at this moment.
func (r *run) someStopped() bool {
	for _, j := range r.trips {
		if r.halted(j) {
			return true
		}
	}
	return false
}
