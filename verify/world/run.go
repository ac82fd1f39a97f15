package world

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tripsaga/verify/model"
)

// run is one schedule being played.
type run struct {
	ctx      context.Context
	world    *World
	scenario Scenario
	order    uint64
	faults   map[Label]Fault
	pending  int // faults of the schedule that have not happened yet

	ledger *ledger
	judge  *model.Judge
	time   func() time.Time // of the present process
	procs  []*process       // the last is the one that lives, but for rivals
	trips  []*journey

	frame   *frame // whose operation comes by; nil for the engine's own
	counts  map[Label]int
	journal map[string]int // entries written, by trip

	standings map[string]*standing // by the trip's id
	late      map[Label][]*call    // by the point before which they go on
	stalled   []*call              // every call that stands still
	lasting   map[string]Kind      // by trip and function
	others    map[string]*frame
	broke     Variant // that of this run

	points   []Point
	after    int      // index of the first point after the last fault
	states   []uint64 // of the records at each point, without faults
	settled  int      // index of the first point after it at which no call stands still; -1 before
	state    uint64   // of the records there
	found    []model.Violation
	steps    int
	redrives int
	between  bool  // somebody else interferes
	lasted   bool  // a fault came that lasts
	hopeless bool  // the program does not start any more
	broken   error // why the world itself could not go on
}

// journey is one trip of the scenario on its way.
type journey struct {
	booking
	calls int
	done  bool // the client has its answer, or has left
}

// Result is what came of a schedule.
type Result struct {
	Points     []Point
	States     []uint64 // of the domain's records at each point, of a schedule without faults
	After      int      // index of the first point after the schedule's last fault
	Settled    int      // index of the first point after it at which no call stands still any more
	State      uint64   // of the domain's records there, and of the faults that last
	End        uint64   // of the domain's records in the end
	Bytes      uint64   // of every write: the same schedule gives the same
	Happened   int      // faults of the schedule that came to pass
	Violations []model.Violation
	Statuses   []string // how each trip ended
}

func newRun(ctx context.Context, w *World, scenario Scenario, s Schedule) *run {
	r := &run{
		ctx: ctx, world: w, scenario: scenario, order: s.Order, faults: make(map[Label]Fault, len(s.Faults)), pending: len(s.Faults),
		ledger: w.ledger(), counts: map[Label]int{}, late: map[Label][]*call{}, lasting: map[string]Kind{},
		others: map[string]*frame{}, settled: -1, journal: map[string]int{}, standings: map[string]*standing{},
	}
	for _, f := range s.Faults {
		r.faults[f.At] = f
	}
	var trips []model.Trip
	for _, b := range scenario.trips {
		r.trips = append(r.trips, &journey{booking: b})
		r.standings[b.trip.ID] = &standing{}
		trips = append(trips, b.trip)
	}
	r.judge = model.New(w.base, trips...)
	r.ledger.commit = func(ops []op, before, after lookup) {
		r.note(ops)
		r.found = append(r.found, r.judge.Commit(ops, before, after)...)
	}
	return r
}

// maxSteps ends a run that goes round in circles.
const maxSteps = 100_000

func (r *run) play() (*Result, error) {
	r.time = func() time.Time { return begin }
	r.boot()
	for i, j := range r.trips {
		r.process().clock.AfterFunc(time.Duration(i)*r.scenario.apart, func() { r.book(j) })
	}
	r.drain()
	for range 2 * len(r.trips) {
		if !r.attend() {
			break
		}
	}
	r.land(AtStop)
	r.land(AtEnd)
	r.drain()
	for _, c := range slices.Clone(r.stalled) {
		c.abandon()
	}
	if r.broken != nil {
		return nil, fmt.Errorf("schedule %s: %w", Schedule{r.scenario.Name, r.order, r.schedule()}, r.broken)
	}
	return r.result(), nil
}

func (r *run) schedule() (all []Fault) {
	for _, f := range r.faults {
		all = append(all, f)
	}
	return all
}

// drain lets everything happen that is due now or later, across the ends of processes.
func (r *run) drain() {
	for r.broken == nil && !r.hopeless {
		p := r.process()
		switch {
		case r.ctx.Err() != nil:
			r.broken = r.ctx.Err()
		case p.dead:
			r.restart()
		case r.steps > maxSteps:
			r.violation(runEnds, "after %d steps something still goes round", r.steps)
			return
		case !p.clock.Step():
			return
		}
		r.steps++
	}
}

// attend does what people and the clock do for trips at rest that have no end: redrive the saga that has stopped, start
// the one that never was. It reports whether there was something to do.
func (r *run) attend() bool {
	busy := false
	for _, j := range r.trips {
		switch {
		case r.halted(j):
			r.mayStop(j)
			r.found = append(r.found, r.judge.Stopped(r.ledger.all(), j.trip.ID)...)
			r.land(AtStop)
			clear(r.lasting)
			r.redriveLater(j)
			busy = true
		case !r.ended(j) && r.unstarted(j):
			r.process().clock.AfterFunc(2*time.Minute, r.reconcile)
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
	r.found = append(r.found, r.judge.Final(r.ledger.all())...)
	r.oneWins()
	r.endsInTime()
	if r.pending > 0 {
		r.after = len(r.points)
	}
	if r.settled < 0 {
		r.settle()
	}
	res := &Result{
		Points: r.points, States: r.states, After: r.after, Settled: r.settled, State: r.state, End: r.ledger.state(), Bytes: r.ledger.bytesWritten(),
		Happened: len(r.faults) - r.pending, Violations: r.found,
	}
	for _, j := range r.trips {
		res.Statuses = append(res.Statuses, r.status(j))
	}
	return res
}

// oneWins holds two trips that want the same to it: one gets it, unless something outlasted its retries.
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

// mayStop holds the saga to its retries: it stops only for what outlasts them.
func (r *run) mayStop(j *journey) {
	if r.lasted || r.redrives > 0 {
		return
	}
	r.violation(stopsForLasting, "trip %s: the saga has stopped, though no fault outlasted its retries", j.name)
}

// inTime is far more than a saga needs that meets no lasting fault.
const inTime = time.Hour

func (r *run) endsInTime() {
	if took := r.now(); !r.lasted && took > inTime {
		r.violation(endsInTime, "it took %s, though no fault outlasted the retries", took)
	}
}

// excused tells that a fault of the schedule may cost a booking, whatever the saga does.
func (r *run) excused() bool {
	for _, f := range r.faults {
		if f.Kind.Lasting() || f.Kind == Leave || f.Kind == Load || f.Kind == Decline || f.Kind == Altered {
			return true
		}
	}
	return false
}

func (r *run) process() *process { return r.procs[len(r.procs)-1] }

func (r *run) now() time.Duration { return r.time().Sub(begin) }
