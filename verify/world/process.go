package world

import (
	"math/rand/v2"
	"time"

	"tripsaga/engine"
	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/trip/adapters/store"
)

// process is one life of the program. When it is dead its calls fail, and nothing of what it still does has an effect.
type process struct {
	run   *run
	n     int // from 1
	clock *engine.Virtual
	core  *local.Core
	armed bool // it has opened: faults may come
	dead  bool
	heard map[string]int // by trip: how long the journal must be before the next delivery
}

// boot starts a process on what the table holds. It may die while it starts.
func (r *run) boot() {
	p := &process{run: r, n: len(r.procs) + 1, clock: engine.NewVirtual(r.time()), heard: map[string]int{}}
	if r.order != 0 {
		p.clock.Shuffle(rand.New(rand.NewPCG(r.order, uint64(p.n))))
	}
	p.armed = p.n > 1
	r.procs = append(r.procs, p)
	r.time = p.clock.Now
	if err := p.open(); err != nil && !p.dead {
		p.dead = true // as a server that cannot start; it is started again
	}
	p.armed = true
}

func (p *process) open() (err error) {
	v := p.run.variant(p)
	opt := p.run.world.options(v.Scheduler(p.clock))
	opt.Seed, opt.Random = rand.New(rand.NewPCG(1, uint64(p.n))).Uint64, rand.NewChaCha8([32]byte{1})
	opt.WrapTable = func(t table.Table) table.Table { return v.Table(faulty.Wrap(t, p.decide)) }
	opt.WrapTasks = func(tasks map[string]engine.Task) map[string]engine.Task { return v.Tasks(p.tasks(tasks)) }
	opt.WrapBank = func(b store.Bank) store.Bank { return v.Bank(&bankPort{p, b}) }
	p.core, err = local.OpenCore(p.run.ctx, p.run.ledger, opt)
	return err
}

// variant is the product's own when nothing is broken on purpose.
func (r *run) variant(p *process) Variant {
	v := Variant{}
	if r.world.cfg.Variant != nil {
		if p.n == 1 {
			r.broke = r.world.cfg.Variant()
		}
		v = r.broke
	}
	if v.Table == nil {
		v.Table = func(t table.Table) table.Table { return t }
	}
	if v.Tasks == nil {
		v.Tasks = func(t map[string]engine.Task) map[string]engine.Task { return t }
	}
	if v.Bank == nil {
		v.Bank = func(b store.Bank) store.Bank { return b }
	}
	if v.Scheduler == nil {
		v.Scheduler = func(s engine.Scheduler) engine.Scheduler { return s }
	}
	return v
}

// kill ends every process and everything that was under way in them, and takes back the newest writes that nobody has
// waited for, as many as cut says.
func (r *run) kill(cut int) {
	for _, p := range r.procs {
		p.dead = true
	}
	for _, c := range r.stalled {
		c.dead = true
	}
	clear(r.late)
	cut = min(cut, len(r.ledger.writes)-r.ledger.durable)
	if cut == 0 {
		return
	}
	if err := r.ledger.undo(cut); err != nil {
		r.broken = err
	}
	r.renote()
	r.judge.Reset(r.ledger.all())
}

// maxRestarts ends a run whose program cannot start.
const maxRestarts = 10

// restart starts the program again, and the clients who have no answer call again.
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
	}
}

// rival opens a second engine on the same table and the same clock, which takes up every open execution.
func (r *run) rival() {
	first := r.process()
	p := &process{run: r, n: len(r.procs) + 1, clock: first.clock, armed: true, heard: map[string]int{}}
	r.procs = append(r.procs, p)
	if err := p.open(); err != nil {
		r.procs = r.procs[:len(r.procs)-1]
	}
}
