package world

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/table/faulty"
)

// Process is one process of the program, from its start to a crash. Once it is dead, its calls fail, and nothing that it still
// does has an effect.
type Process struct {
	run     *Run
	n       int // from 1
	clock   *sim.Virtual
	engines []*engine.Engine // nil: the program has not opened yet
	armed   bool             // it has opened: faults can happen
	dead    bool
	heard   map[string]int // number of entries that the journal must have before the next delivery, by execution
	calls   []wanted       // deliveries whose reply the engine waits for
	cut     *sim.Fault     // the process is to be killed half-way through its next wait
}

// wanted is a delivery and the context that the engine gave it.
type wanted struct {
	label   sim.Label
	attempt int
	ctx     context.Context
}

// N returns the index of the process in its run, from 1.
func (p *Process) N() int { return p.n }

// Dead reports whether the process has been killed: its answers reach no caller.
func (p *Process) Dead() bool { return p.dead }

// Scheduler returns the scheduler of the process, which runs in virtual time.
func (p *Process) Scheduler() engine.Scheduler { return p.clock }

// Seed returns the source of the program's random numbers, the same in every run.
func (p *Process) Seed() rand.Source { return rand.NewPCG(1, uint64(p.n)) }

// Store returns the table that survives the process. The program writes to it through [Process.Table].
func (p *Process) Store() table.Table { return p.run.ledger }

// Table wraps a table: it labels the program's operations and injects their faults. Queries return pages of one item.
func (p *Process) Table(t table.Table) table.Table { return faulty.Wrap(faulty.Pages(t), p.decide) }

// Definition returns the definition of the i-th state machine of the subject.
func (p *Process) Definition(i int) Definition { return p.run.world.sagas[i] }

// AfterFunc runs f after d in virtual time.
func (p *Process) AfterFunc(d time.Duration, f func()) { p.clock.AfterFunc(d, f) }

// boot starts a process on the present state of the table. The process may crash while it starts.
func (r *Run) boot() {
	p := &Process{run: r, n: len(r.procs) + 1, clock: sim.NewVirtual(r.time()), heard: map[string]int{}}
	if r.order != 0 {
		p.clock.Shuffle(rand.New(rand.NewPCG(r.order, uint64(p.n))))
	}
	p.armed = p.n > 1
	r.procs = append(r.procs, p)
	r.time = p.clock.Now
	r.trace.add(Frame{Event: Started})
	if err := p.open(); err != nil && !p.dead {
		p.dead = true // a server that fails to start is restarted
	}
	p.armed = true
}

func (p *Process) open() error {
	engines, err := p.run.cast.Open(p)
	if err == nil {
		p.engines = engines
	}
	return err
}

// OnEnd wraps the listener that an engine notifies of an end: it checks that the end is durable. A later redrive may have
// replaced it.
func (p *Process) OnEnd(next func(context.Context, engine.Description) error) func(context.Context, engine.Description) error {
	return func(ctx context.Context, d engine.Description) error {
		if !p.dead {
			p.run.heardOfEnd(d)
		}
		return next(ctx, d)
	}
}

func (r *Run) heardOfEnd(d engine.Description) {
	status := ""
	if item, ok := r.ledger.lasting(executionKey(d.Machine, d.Name)); ok {
		status = r.Field(item.Data, "status")
		redrives, _ := strconv.Atoi(r.Field(item.Data, "redrives"))
		if status == string(d.Status) || redrives > d.Redrives {
			return
		}
	}
	r.Violation(toldLasts, "saga %s: the end %s is announced, and a crash now would leave the execution %s", r.nameOf(d.Name), d.Status, status)
}

func executionKey(machine, id string) table.Key {
	return table.Key{PK: pkExecution + machine + "#" + id, SK: skExecution}
}

// halfway kills the process in the middle of its next wait, if a fault requires it, and records when the wait should end.
func (p *Process) halfway(r *Run) bool {
	if p.cut == nil {
		return false
	}
	due, waits := p.clock.Next()
	if wait := due.Sub(p.clock.Now()); !waits || wait <= 0 {
		return false
	}
	saga := p.cut.At.Saga
	p.cut = nil
	p.clock.Advance(due.Sub(p.clock.Now()) / 2)
	if r.hangs = due; len(r.sagas) == 1 && len(r.faults)-len(r.given) == 1 && !r.world.answered && !r.world.parallel {
		// With other sagas, faults or concurrent states it may be another wait, and a callback may end it before.
		r.due = &promise{saga, due}
	}
	r.kill(0)
	return true
}

// promise is when a wait should end during which the process was restarted.
type promise struct {
	saga string
	due  time.Time
}

// kept checks that the first journal entry of the saga after the restart comes when the wait should end.
func (r *Run) kept(saga string) {
	if r.due == nil || r.due.saga != saga || r.Process().n == 1 {
		return
	}
	const exact = time.Millisecond
	if off := r.time().Sub(r.due.due); off < -exact || off > exact {
		r.Violation(timeKept, "saga %s: a restart half-way moved the end of a wait by %s", saga, off)
	}
	r.due = nil
}

// kill ends every process with all its calls, including paused ones, and loses the newest cut of the writes that no caller has
// waited for. The judge continues with what is left.
func (r *Run) kill(cut int) {
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
	r.cast.Reset()
}

// maxRestarts is the number of failed restarts after which a run ends.
const maxRestarts = 10

// restart starts the program again. Clients without an answer repeat their calls.
func (r *Run) restart() {
	if len(r.procs) > maxRestarts {
		r.Violation(runEnds, "the program does not start, %d times", maxRestarts)
		r.hopeless = true
		return
	}
	r.frame = nil
	clear(r.others)
	r.boot()
	r.cast.Call(r.Process())
}

// rival opens a second engine on the same table and the same clock. It resumes every open execution.
func (r *Run) rival() {
	first := r.Process()
	p := &Process{run: r, n: len(r.procs) + 1, clock: first.clock, armed: true, heard: map[string]int{}}
	r.procs = append(r.procs, p)
	r.trace.add(Frame{Event: Joined})
	if err := p.open(); err != nil {
		r.procs = r.procs[:len(r.procs)-1]
	}
}
