package world

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/trip/domain"
)

// process is one run of the program, from its start to a crash. When it is dead its calls fail, and nothing that it still
// does has an effect.
type process struct {
	run      *run
	n        int // from 1
	clock    *sim.Virtual
	core     *local.Core
	armed    bool // it has opened: faults can happen
	dead     bool
	heard    map[string]int // by trip: entries that the journal must have before the next delivery
	handlers map[string]engine.Task
	calls    []wanted   // deliveries whose reply the engine waits for
	cut      *sim.Fault // the process is to be killed half-way through its next wait
}

// wanted is a delivery and the context that the engine gave it.
type wanted struct {
	label   sim.Label
	attempt int
	ctx     context.Context
}

// boot starts a process on what is in the table. It may crash while it starts.
func (r *run) boot() {
	p := &process{run: r, n: len(r.procs) + 1, clock: sim.NewVirtual(r.time()), heard: map[string]int{}}
	if r.order != 0 {
		p.clock.Shuffle(rand.New(rand.NewPCG(r.order, uint64(p.n))))
	}
	p.armed = p.n > 1
	r.procs = append(r.procs, p)
	r.time = p.clock.Now
	r.trace.add(Frame{Event: Started})
	if err := p.open(); err != nil && !p.dead {
		p.dead = true // a server that cannot start is started again
	}
	p.armed = true
}

func (p *process) open() (err error) {
	v := p.run.variant(p)
	opt := p.run.world.options(v.Scheduler(p.clock))
	opt.Seed, opt.Random = rand.New(rand.NewPCG(1, uint64(p.n))).Uint64, rand.NewChaCha8([32]byte{1})
	opt.WrapTable = func(t table.Table) table.Table { return v.Table(faulty.Wrap(faulty.Pages(t), p.decide)) }
	opt.WrapTasks = func(tasks map[string]engine.Task) map[string]engine.Task {
		return v.Tasks(p.tasks(p.run.world.stubbed(tasks)))
	}
	opt.WrapOnEnd = p.onEnd
	opt.WrapProvider = func(b domain.PaymentProvider) domain.PaymentProvider { return v.Provider(&bankPort{b, p}) }
	core, err := local.OpenCore(p.run.ctx, p.run.ledger, opt)
	if err != nil {
		return err
	}
	core.App.Trips, core.App.Inventory = shortTrips{core.App.Trips}, shortInventory{core.App.Inventory}
	if v.App != nil {
		v.App(core.App)
	}
	p.core = core
	return nil
}

// onEnd checks that an end is durable when the engine notifies its listener.
func (p *process) onEnd(next func(context.Context, engine.Description) error) func(context.Context, engine.Description) error {
	return func(ctx context.Context, d engine.Description) error {
		if !p.dead {
			p.run.heardOfEnd(d)
		}
		return next(ctx, d)
	}
}

// halfway kills the process in the middle of its next wait, if a fault asks for that, and notes when the wait should end.
func (p *process) halfway(r *run) bool {
	if p.cut == nil {
		return false
	}
	due, waits := p.clock.Next()
	if wait := due.Sub(p.clock.Now()); !waits || wait <= 0 {
		return false
	}
	trip := p.cut.At.Saga
	p.cut = nil
	p.clock.Advance(due.Sub(p.clock.Now()) / 2)
	if r.hangs = due; len(r.trips) == 1 && len(r.faults)-len(r.given) == 1 { // with other trips or faults it may be another wait
		r.due = &promise{trip, due}
	}
	r.kill(0)
	return true
}

// promise is when a wait should end during which the process was restarted.
type promise struct {
	trip string
	due  time.Time
}

// kept checks that the first journal entry of the trip after the restart comes when the wait should end.
func (r *run) kept(trip string) {
	if r.due == nil || r.due.trip != trip || r.process().n == 1 {
		return
	}
	const exact = time.Millisecond
	if off := r.time().Sub(r.due.due); off < -exact || off > exact {
		r.violation(timeKept, "trip %s: a restart half-way moved the end of a wait by %s", trip, off)
	}
	r.due = nil
}

// variant returns the functions that wrap the parts; by default each returns the product's part.
func (r *run) variant(p *process) Variant {
	v := Variant{}
	if r.world.cfg.Variant != nil {
		if p.n == 1 {
			r.broke = r.world.cfg.Variant()
		}
		v = r.broke
	}
	return Variant{orSame(v.Table), orSame(v.Tasks), orSame(v.Provider), orSame(v.Scheduler), v.App, v.Hint}
}

func orSame[T any](wrap func(T) T) func(T) T {
	if wrap != nil {
		return wrap
	}
	return func(part T) T { return part }
}

// kill ends every process with all its calls, paused ones included, and loses the newest cut of the writes that nobody has
// waited for. The judge continues from what is left.
func (r *run) kill(cut int) {
	for _, p := range r.procs {
		p.dead = true
	}
	for _, t := range r.stalled {
		t.dead = true
	}
	clear(r.late)
	r.trace.add(Frame{Event: Crashes})
	cut = min(cut, len(r.ledger.writes)-r.ledger.durable)
	if cut == 0 && len(r.ledger.bank.writes) == r.ledger.bank.durable {
		return
	}
	if err := r.ledger.crash(cut); err != nil {
		r.broken = err
	}
	r.renote()
	r.trace.compared()
	r.judge.Reset(r.ledger.all())
}

// maxRestarts ends a run whose program does not start any more.
const maxRestarts = 10

// restart starts the program again. Clients without an answer call again.
func (r *run) restart() {
	if len(r.procs) > maxRestarts {
		r.violation(runEnds, "the program does not start, %d times", maxRestarts)
		r.hopeless = true
		return
	}
	r.frame = nil
	clear(r.others)
	r.boot()
	for i, j := range r.trips {
		if !j.done {
			wait := max(time.Second, time.Duration(i)*r.scenario.apart-r.now())
			r.process().clock.AfterFunc(wait, func() { r.book(j) })
		}
		if j.cancelAfter > 0 && !j.cancelled {
			r.process().clock.AfterFunc(max(time.Second, j.cancelAfter-r.now()), func() { r.cancel(j) })
		}
	}
}

// rival opens a second engine on the same table and the same clock. It resumes every open execution.
func (r *run) rival() {
	first := r.process()
	p := &process{run: r, n: len(r.procs) + 1, clock: first.clock, armed: true, heard: map[string]int{}}
	r.procs = append(r.procs, p)
	r.trace.add(Frame{Event: Joined})
	if err := p.open(); err != nil {
		r.procs = r.procs[:len(r.procs)-1]
	}
}

// shortTrips returns lists in pages of one item, so that code which reads one page only misses a trip.
type shortTrips struct{ domain.Trips }

// List implements domain.Trips.
func (t shortTrips) List(ctx context.Context, q domain.TripQuery) (domain.Page[*domain.Trip], error) {
	q.Limit = 1
	return t.Trips.List(ctx, q)
}

// Each implements domain.Trips one trip after another: reads from several goroutines come in no order, and a run must be
// deterministic.
func (t shortTrips) Each(ctx context.Context, visit func(domain.Details) error) error {
	return eachPage(func(cursor string) (string, error) {
		page, err := t.List(ctx, domain.TripQuery{Cursor: cursor})
		for _, trip := range page.Items {
			d, detailErr := t.Details(ctx, trip.ID())
			if err = errors.Join(err, detailErr); err == nil {
				err = visit(d)
			}
		}
		return page.Cursor, err
	})
}

// shortInventory does the same for offers.
type shortInventory struct{ domain.Inventory }

// Flights implements domain.Inventory.
func (v shortInventory) Flights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.FlightDay], error) {
	q.Limit = 1
	return v.Inventory.Flights(ctx, q)
}

// Nights implements domain.Inventory.
func (v shortInventory) Nights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.HotelNight], error) {
	q.Limit = 1
	return v.Inventory.Nights(ctx, q)
}
