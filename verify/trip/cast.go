package trip

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/trip/domain"
	"tripsaga/verify/judge"
	"tripsaga/verify/model"
	"tripsaga/verify/world"
)

// cast is the trip in one run: the program, the clients and other actors, and the model that judges.
type cast struct {
	*world.Run
	cfg      *Config
	scenario *scenario
	trips    []*journey
	judge    *model.Judge
	programs map[*world.Process]*program
	broke    Variant // the variant of this run
	lapses   lapses
	loads    int

	cancelled map[sim.Label]bool // deliveries that began after the client had requested the cancellation
}

var _ world.Cast = (*cast)(nil)

// journey is one trip of the scenario and its progress.
type journey struct {
	booking
	index int // in the scenario
	calls int
	done  bool // the client has its answer, or has left

	cancels   int
	cancelled bool // the client who cancels has its answer
}

func newCast(cfg *Config, run *world.Run, name string) *cast {
	r := &cast{Run: run, cfg: cfg, scenario: scenarioNamed(name), programs: map[*world.Process]*program{}}
	var trips []model.Trip
	for i, b := range r.scenario.trips {
		r.trips = append(r.trips, &journey{booking: b, index: i})
		trips = append(trips, b.trip)
	}
	r.judge = model.New(run.Base(), trips...)
	return r
}

// program is the trip's program in one process.
type program struct {
	*world.Process
	core     *local.Core // nil: it has not opened yet
	handlers map[string]engine.Task
}

// current is the program in the newest process.
func (r *cast) current() *program {
	if p := r.programs[r.Process()]; p != nil {
		return p
	}
	return &program{Process: r.Process()}
}

// Open implements world.Cast.
func (r *cast) Open(p *world.Process) ([]*engine.Engine, error) {
	v, one := r.variant(p), &program{Process: p}
	opt := options(p)
	opt.Scheduler = v.Scheduler(p.Scheduler())
	opt.Seed, opt.Random = rand.New(p.Seed()).Uint64, rand.NewChaCha8([32]byte{1})
	opt.WrapTable = func(t table.Table) table.Table { return v.Table(p.Table(t)) }
	opt.WrapTasks = func(tasks map[string]engine.Task) map[string]engine.Task {
		one.handlers = stubbed(tasks, p.Definition(0).Machine)
		return v.Tasks(p.Tasks(one.handlers))
	}
	opt.WrapOnEnd = func(next local.OnEnd) local.OnEnd { return p.OnEnd(next) }
	opt.WrapProvider = func(b domain.PaymentProvider) domain.PaymentProvider { return v.Provider(&bankPort{b, p, r}) }
	core, err := local.OpenCore(r.Context(), p.Store(), opt)
	if err != nil {
		return nil, err
	}
	core.App.Trips, core.App.Inventory = shortTrips{core.App.Trips}, shortInventory{core.App.Inventory}
	if v.App != nil {
		v.App(core.App)
	}
	one.core = core
	r.programs[p] = one
	return []*engine.Engine{core.Engine, core.Cancellations}, nil
}

func options(p *world.Process) local.Options {
	booking, cancellation := p.Definition(0), p.Definition(1)
	return local.Options{
		Booking:      local.Definition{Source: booking.Source, Machine: booking.Machine},
		Cancellation: local.Definition{Source: cancellation.Source, Machine: cancellation.Machine},
	}
}

// variant returns the functions that wrap the parts; by default each returns the product's part.
func (r *cast) variant(p *world.Process) Variant {
	if r.cfg.Variant != nil && p.N() == 1 {
		r.broke = r.cfg.Variant()
	}
	v := r.broke
	return Variant{orSame(v.Table), orSame(v.Tasks), orSame(v.Provider), orSame(v.Scheduler), v.App, v.Hint}
}

func orSame[T any](wrap func(T) T) func(T) T {
	if wrap != nil {
		return wrap
	}
	return func(part T) T { return part }
}

// Call implements world.Cast.
func (r *cast) Call(p *world.Process) {
	soon := time.Duration(0)
	if p.N() > 1 { // clients without an answer repeat their calls
		soon = time.Second
	}
	for i, j := range r.trips {
		if !j.done {
			p.AfterFunc(max(soon, time.Duration(i)*r.scenario.apart-r.Now()), func() { r.book(j) })
		}
		if j.cancelAfter > 0 && !j.cancelled {
			p.AfterFunc(max(soon, j.cancelAfter-r.Now()), func() { r.cancel(j) })
		}
	}
}

// Begins implements world.Cast.
func (r *cast) Begins(call sim.Label) {
	if r.requested(call.Saga) {
		if r.cancelled == nil {
			r.cancelled = map[sim.Label]bool{}
		}
		r.cancelled[call] = true
	}
}

// requested reports whether the client of the trip with this name has requested its cancellation.
func (r *cast) requested(trip string) bool {
	item, _ := r.Item(tripKey(r.idOf(trip)))
	return bytes.Contains(item.Data, []byte(`"cancellation":`))
}

// Answered implements world.Cast.
func (r *cast) Answered(call sim.Label, out json.RawMessage, err error) []judge.Violation {
	return r.judge.Answered(r.idOf(call.Saga), call.Actor, out, errorName(err))
}

// Commit implements world.Cast.
func (r *cast) Commit(ops []table.Op, before, after world.Lookup) []judge.Violation {
	return r.judge.Commit(ops, before, after)
}

// Reset implements world.Cast.
func (r *cast) Reset() { r.judge.Reset(r.Items()) }

// Struck implements world.Cast: a lasting fault, or one that changes the offers, may make the booking fail.
func (r *cast) Struck(f sim.Fault) {
	for _, j := range r.trips {
		if expires(f.Kind) { // a stopped saga can be redriven for 14 days
			r.judge.SetOutcome(j.trip.ID, model.MayStay)
			continue
		}
		if f.Kind == Load || f.Kind == Lower || f.Kind == Cancel ||
			f.At.Saga == j.name && (world.Lasts(f.Kind) || f.Kind == Decline || f.Kind == world.Altered) {
			r.judge.SetOutcome(j.trip.ID, model.Either)
		}
	}
}

// excused reports whether a fault of the schedule may make a booking fail, whatever the saga does.
func (r *cast) excused() bool {
	costly := []sim.Kind{world.Leave, Load, Cancel, Decline, world.Altered}
	for f := range r.Faults() {
		if world.Lasts(f.Kind) || expires(f.Kind) || slices.Contains(costly, f.Kind) {
			return true
		}
	}
	return false
}

// Left implements world.Cast.
func (r *cast) Left(trip string) {
	for _, j := range r.trips {
		if j.name == trip {
			j.done = true
		}
	}
}

// Elapsed implements world.Cast.
func (r *cast) Elapsed(f sim.Fault) {
	if expires(f.Kind) {
		r.judge.Expire()
	}
	d, _ := world.Elapses(f.Kind)
	r.lapses.elapse(d)
}

// Halted implements world.Cast: for a failed trip, a stopped execution is the normal end.
func (r *cast) Halted(s *world.Saga) bool {
	j := r.journeyOf(s)
	if r.second(j) != "" {
		return true
	}
	switch r.status(j) {
	case "FAILED", "CANCELLED", "CANCELLING":
		return false
	}
	return true
}

// Attend implements world.Cast: the reconciler starts a saga that nothing else starts. The start of a cancellation may have
// been written although its reply was lost, and then no engine runs it.
func (r *cast) Attend(s *world.Saga) bool {
	j := r.journeyOf(s)
	if r.ended(j) || !(r.status(j) != "" && r.execution(j) == "" || r.status(j) == "CANCELLING") {
		return false
	}
	r.Process().AfterFunc(2*time.Minute, r.reconcile)
	return true
}

// Stopped implements world.Cast.
func (r *cast) Stopped(s *world.Saga) []judge.Violation { return r.judge.Stopped(r.Items(), s.ID) }

// Final implements world.Cast.
func (r *cast) Final() []judge.Violation {
	found := r.judge.Final(r.Items())
	if !r.scenario.oneWins || r.excused() || slices.ContainsFunc(r.trips, func(j *journey) bool { return r.status(j) == "CONFIRMED" }) {
		return found
	}
	return append(found, judge.Violation{Invariant: oneWins, Detail: "both trips failed, although the last seat was available for one"})
}

// State implements world.Cast.
func (r *cast) State() uint64 { return r.lapses.hash() }

func (r *cast) journeyOf(s *world.Saga) *journey {
	for _, j := range r.trips {
		if j.trip.ID == s.ID {
			return j
		}
	}
	return nil
}

// status returns the status of the trip; "" if it does not exist.
func (r *cast) status(j *journey) string { return r.Status(j.index) }

// execution returns the status of the trip's execution; "" if it does not exist.
func (r *cast) execution(j *journey) string { return r.Execution(j.index, 0) }

// second returns the status of the execution of the trip's cancellation; "" if it does not exist.
func (r *cast) second(j *journey) string { return r.Execution(j.index, 1) }

func (r *cast) ended(j *journey) bool {
	s := r.status(j)
	return s == "CONFIRMED" || s == "FAILED" || s == "CANCELLED"
}
