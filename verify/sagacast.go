package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// sagaCast is a saga in one run: its program, the clients that start it, and its judge.
type sagaCast struct {
	*world.Run
	of       *prepared
	scenario *Scenario
	sagas    []sagaRun
	acted    []bool // the acts that are done
	acts     []int  // how often each was tried
	whyNot   string // the latest error of an act, with the act's name
	programs map[*world.Process]*Program
	effects  effects
	excused  bool                     // a fault excuses a failure
	timed    bool                     // time has passed by a fault
	lasting  []sim.Label              // where faults that last have happened
	outages  map[string]time.Duration // by task: until when it fails

	participating bool // the participants were started
	participants  any
	remotes       int // deliveries to them
}

// sagaRun is one execution.
type sagaRun struct {
	world.Saga
	input json.RawMessage
	calls int
	done  bool // the client has its answer, or has left
	left  bool
}

func newSagaCast(of *prepared, run *world.Run, name string) *sagaCast {
	i := slices.IndexFunc(of.Scenarios, func(s Scenario) bool { return s.Name == name })
	c := &sagaCast{Run: run, of: of, scenario: &of.Scenarios[i], programs: map[*world.Process]*Program{}, outages: map[string]time.Duration{}, effects: newEffects(of)}
	for i, s := range run.Scenario().Sagas {
		c.sagas = append(c.sagas, sagaRun{Saga: s, input: of.inputs[name][i]})
	}
	c.acted, c.acts = make([]bool, len(c.scenario.Acts)), make([]int, len(c.scenario.Acts))
	return c
}

// Open implements world.Cast.
func (c *sagaCast) Open(p *world.Process) ([]*engine.Engine, error) {
	t := p.Table(p.Store())
	c.participate()
	program := &Program{Table: t, Outside: &books{t, c, p}, Participants: c.participants, process: p, cast: c}
	if m := c.of.mutant; m != nil && m.table != nil {
		program.Table = m.table(t)
	}
	var tasks map[string]engine.Task
	c.Guard("Open", func() { tasks = c.of.Open(program) })
	if err := c.of.checkTasks(tasks); err != nil { // no restart helps
		c.GiveUp(canBeOpened, "%v", err)
		return nil, err
	}
	if c.of.learning {
		c.of.idle = c.of.uncalled(tasks)
	}
	if m := c.of.mutant; m != nil && m.task != nil {
		tasks = maps.Clone(tasks)
		for name, task := range tasks {
			tasks[name] = m.task(name, task)
		}
	}
	tasks = c.withOutages(tasks)
	d := p.Definition(0)
	e, err := engine.Open(c.Context(), engine.Options{
		Name: machineName, Definition: d.Source, Machine: d.Machine, Table: program.Table, Tasks: p.Tasks(tasks),
		Scheduler: p.Scheduler(), Seed: rand.New(p.Seed()).Uint64, MaxOpen: math.MaxInt,
	})
	if errors.Is(err, engine.ErrInvalid) {
		c.GiveUp(canBeOpened, "the program cannot be opened: %v", err)
	}
	if err != nil {
		return nil, err
	}
	program.Engine = e
	c.programs[p] = program
	return []*engine.Engine{e}, nil
}

// outage is how long a task fails. Retries of a task at which a saga must not stop have to last longer.
const outage = time.Minute

// withOutages makes tasks fail during their outages.
func (c *sagaCast) withOutages(tasks map[string]engine.Task) map[string]engine.Task {
	all := maps.Clone(tasks)
	for name, task := range tasks {
		all[name] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
			if c.Now() < c.outages[name] {
				return nil, &engine.TaskError{Name: "ServiceUnavailable", Message: "injected: an outage of a minute"}
			}
			return task(ctx, in)
		}
	}
	return all
}

// Call implements world.Cast.
func (c *sagaCast) Call(p *world.Process) {
	soon := time.Duration(0)
	if p.N() > 1 {
		soon = time.Second
	}
	for i := range c.sagas {
		if !c.sagas[i].done {
			p.AfterFunc(soon, func() { c.start(&c.sagas[i]) })
		}
	}
	for i, a := range c.scenario.Acts {
		if !c.acted[i] {
			p.AfterFunc(max(soon, a.After-c.Now()), func() { c.act(i) })
		}
	}
}

// maxCalls is how often a client calls before it gives up. No schedule needs that many calls.
const maxCalls = 10

// start is the client: it repeats its call until it has an answer.
func (c *sagaCast) start(s *sagaRun) {
	p := c.programs[c.Process()]
	if p == nil || p.process.Dead() || s.done {
		return
	}
	s.calls++
	c.Work(s.Name, starter, sim.Fault{}, func() {
		err := p.Engine.Start(c.Context(), s.ID, s.input)
		switch {
		case p.process.Dead() || s.done:
		case err == nil || errors.Is(err, engine.ErrExists):
			s.done = true
			c.MustLast("saga "+s.Name+" is acknowledged", executionKey(s.ID))
		case s.calls >= maxCalls:
			s.done = true
			if c.Quiet() {
				c.Violation(sagaStarted, "saga %s: after %d calls the answer is still: %v", s.Name, maxCalls, err)
			}
		default:
			p.process.AfterFunc(time.Second, func() { c.start(s) })
		}
	})
}

// mostActs is the maximum number of attempts of an act. Since each wait is twice as long as the one before, they last three
// days.
const mostActs = 13

func (c *sagaCast) act(i int) {
	a, p := c.scenario.Acts[i], c.programs[c.Process()]
	if p == nil || p.process.Dead() || c.acted[i] {
		return
	}
	if c.allEnded() {
		c.acted[i] = true
		return
	}
	c.acts[i]++
	c.Work("", a.Name, sim.Fault{}, func() {
		var err error
		began, skipped := c.Now(), c.Skipped()
		c.Guard("the act "+a.Name, func() { err = a.Do(c.Context(), p) })
		c.Waits(max(0, c.Now()-began-(c.Skipped()-skipped))) // while it was paused, a saga may have waited for it
		if err != nil {
			c.whyNot = fmt.Sprintf("; the act %s has not returned nil: %v", a.Name, err)
		}
		switch {
		case p.process.Dead():
		case err == nil:
			c.acted[i] = true
		case c.acts[i] >= mostActs:
			if c.acted[i] = true; c.of.learning {
				c.GiveUp(usedRight, "field Scenarios: the act %s of %s, tried %d times in %.0f h where nothing goes wrong, still returns %v; it must return nil when it is done",
					a.Name, c.scenario.Name, mostActs, (c.Now() - a.After).Hours(), err)
			}
		default:
			wait := time.Minute << (c.acts[i] - 1)
			c.Waits(wait)
			p.process.AfterFunc(wait, func() { c.act(i) })
		}
	})
}

// allEnded reports whether every execution has ended, so that no act is needed.
func (c *sagaCast) allEnded() bool {
	for i := range c.sagas {
		switch asl.Status(c.Execution(i, 0)) {
		case "", asl.Running:
			return false
		case asl.Succeeded:
		default:
			if c.Halted(&c.sagas[i].Saga) {
				return false
			}
		}
	}
	return true
}

// Begins implements world.Cast.
func (c *sagaCast) Begins(sim.Label) {}

// Answered implements world.Cast.
func (c *sagaCast) Answered(call sim.Label, _ json.RawMessage, err error) []judge.Violation {
	if err != nil {
		return nil
	}
	return c.effects.answered(c, call)
}

// Commit implements world.Cast.
func (c *sagaCast) Commit(ops []table.Op, before, after world.Lookup) []judge.Violation {
	call, _ := c.Delivery()
	found := c.effects.commit(c, call, ops, before)
	if c.of.Check != nil && !strings.HasPrefix(ops[0].Key.PK, outside) {
		c.Guard("Check", func() { found = append(found, failed(userCheck, c.of.Check(Commit{ops, before, after, call}))...) })
	}
	return found
}

func failed(invariant string, err error) []judge.Violation {
	if err == nil {
		return nil
	}
	return []judge.Violation{{Invariant: invariant, Detail: err.Error()}}
}

// Reset implements world.Cast.
func (c *sagaCast) Reset() { c.effects.reset(c.Committed()) }

// Struck implements world.Cast: a lasting fault may make an execution fail, and so may time that passes.
func (c *sagaCast) Struck(f sim.Fault) {
	c.excused = c.excused || world.Lasts(f.Kind) || world.Passes(f.Kind) || f.Kind == Refuse || f.Kind == Outage || f.Kind == world.Altered
	if world.Lasts(f.Kind) {
		c.lasting = append(c.lasting, f.At)
	}
	c.timed = c.timed || world.Passes(f.Kind)
	if c.of.machine.Callbacks() && c.unanswered(f) {
		c.misses()
	}
}

// unanswered reports whether a fault may prevent the answer that a state waits for: the task that asks, the act that answers or
// the engine is late, or the question is lost, which has the same effect as no answer.
func (c *sagaCast) unanswered(f sim.Fault) bool {
	switch f.Kind {
	case sim.Late:
		if f.At.Actor == sagaEngine || f.At.Actor == starter || c.isAct(f.At.Actor) {
			return true
		}
	case sim.Die, world.Gone, world.Nap:
	default:
		return false
	}
	return slices.ContainsFunc(c.of.machine.States(), func(i asl.StateInfo) bool { return i.Callback && i.Function == f.At.Actor })
}

func (c *sagaCast) isAct(actor string) bool {
	return slices.ContainsFunc(c.scenario.Acts, func(a Act) bool { return a.Name == actor })
}

// misses records that an answer may come too late: the saga then takes another path, and lasts as long as it waits for answers.
func (c *sagaCast) misses() {
	c.excused = true
	c.Waits(math.MaxInt64 / 4)
}

// Between implements world.Cast.
func (c *sagaCast) Between(f sim.Fault, p *world.Point) {
	if f.Kind == Outage {
		c.outages[p.Actor] = c.Now() + outage
	}
}

func (c *sagaCast) forget(outside table.Table) {
	c.Guard("Forget", func() {
		if err := c.of.Forget(c.Context(), outside); err != nil {
			c.GiveUp(usedRight, "field Forget: %v", err)
		}
	})
}

// Left implements world.Cast.
func (c *sagaCast) Left(name string) {
	for i := range c.sagas {
		if s := &c.sagas[i]; s.Name == name {
			s.done, s.left = true, true
		}
	}
}

// Elapsed implements world.Cast.
func (c *sagaCast) Elapsed(sim.Fault) {}

// Halted implements world.Cast.
func (c *sagaCast) Halted(s *world.Saga) bool {
	key := executionKey(s.ID)
	if slices.Contains(c.of.Ends, c.FieldOf(key, "error")) {
		return false
	}
	state := c.FieldOf(key, "state")
	return !slices.ContainsFunc(c.of.machine.States(), func(i asl.StateInfo) bool { return i.Name == state && i.Type == "Fail" })
}

// Attend implements world.Cast.
func (c *sagaCast) Attend(*world.Saga) bool { return false }

// Stopped implements world.Cast: a saga may stop at a task only if a fault lasts there or at a provider, and only if no task
// compensates it; otherwise it should fail and compensate.
func (c *sagaCast) Stopped(s *world.Saga) []judge.Violation {
	key := executionKey(s.ID)
	state, why := c.FieldOf(key, "state"), c.FieldOf(key, "error")
	one := func(format string, args ...any) []judge.Violation {
		return []judge.Violation{{Invariant: stopsThere, Detail: fmt.Sprintf("saga %s has stopped at %s with %s, ", s.Name, state, why) + fmt.Sprintf(format, args...)}}
	}
	for _, info := range c.of.machine.States() {
		if info.Function == "" || info.Name != state && info.Parent != state {
			continue
		}
		if why == asl.ErrRuntime {
			return one("%s", uncaught)
		}
		if by := c.of.Compensations[info.Function]; by != "" {
			return one("and no Catch matches; %s compensates %s, so a Catch of every error (States.ALL) must lead there", by, info.Function)
		}
		if info.Name == state && !slices.ContainsFunc(c.lasting, func(l sim.Label) bool { return l.Op != "" || l.Actor == info.Function }) {
			if _, ok := c.outages[info.Function]; ok {
				return one("after an outage of %s; where a saga must not fail, the Retry of the state has to last longer", outage)
			}
			return one("where no fault lasted")
		}
	}
	return nil
}

// uncaught is the advice about States.Runtime.
const uncaught = "which no Catch and no Retry matches, not even States.ALL, as in Step Functions: a path or a field of the state does not fit " +
	"its input. Change that input, or let a Choice before the state lead elsewhere"

// Final implements world.Cast.
func (c *sagaCast) Final() []judge.Violation {
	if c.of.final != nil {
		c.of.final(c)
		return nil
	}
	var found []judge.Violation
	for i := range c.sagas {
		found = append(found, c.ended(i)...)
	}
	found = append(found, c.effects.final(c)...)
	if c.of.Rest != nil {
		c.Guard("Rest", func() { found = append(found, failed(userRest, c.of.Rest(c.rest()))...) })
	}
	return found
}

// ended judges how an execution has ended.
func (c *sagaCast) ended(i int) []judge.Violation {
	s, status := &c.sagas[i], asl.Status(c.Execution(i, 0))
	one := func(invariant, format string, args ...any) []judge.Violation {
		return []judge.Violation{{Invariant: invariant, Detail: "saga " + s.Name + ": " + fmt.Sprintf(format, args...)}}
	}
	switch {
	case status == "" && s.done && !s.left:
		return one(sagaStarted, "its start was acknowledged, but it has no execution")
	case status == asl.Running:
		return one(sagaEnded, "it still runs, but there is nothing left for it to wait for")
	case status != "" && status != asl.Succeeded && c.Halted(&s.Saga):
		state, why := c.FieldOf(executionKey(s.ID), "state"), c.FieldOf(executionKey(s.ID), "error")
		if why == asl.ErrRuntime {
			return one(sagaEnded, "it stays %s at %s with %s, %s", status, state, why, uncaught)
		}
		return one(sagaEnded, "it stays %s at %s with %s, although everything works again", status, state, why)
	case status == asl.Succeeded && c.scenario.Fails != "":
		return one(outcomeKept, "it succeeded; Scenario.Fails requires the error %s", c.scenario.Fails)
	case status == asl.Failed && !c.excused && !c.scenario.Either:
		return c.failedWith(one, c.FieldOf(executionKey(s.ID), "error"))
	}
	return nil
}

// failedWith judges the error of a failed execution whose failure no fault excuses.
func (c *sagaCast) failedWith(one func(invariant, format string, args ...any) []judge.Violation, name string) []judge.Violation {
	switch want := c.scenario.Fails; {
	case want == name:
		return nil
	case want != "":
		return one(outcomeKept, "it failed with %s; Scenario.Fails requires the error %s", name, want)
	}
	return one(outcomeKept, "it failed with %s, though no fault outlasted its retries; if this scenario is to fail so, Scenario.Fails is %q%s", name, name, c.whyNot)
}

func (c *sagaCast) rest() Rest {
	r := Rest{Items: judge.Items{}, Outside: judge.Items{}, Participants: c.participants}
	for key, item := range c.Items() {
		if in, ok := strings.CutPrefix(key.PK, outside); ok {
			item.Key.PK = in
			r.Outside[item.Key] = item
		} else {
			r.Items[key] = item
		}
	}
	for i, s := range c.sagas {
		r.Executions = append(r.Executions, Execution{
			s.Name, s.ID, s.input, asl.Status(c.Execution(i, 0)), c.FieldOf(executionKey(s.ID), "error"),
		})
	}
	return r
}

// State implements world.Cast.
func (c *sagaCast) State() uint64 { return 0 }

func executionKey(id string) table.Key {
	return table.Key{PK: "EXEC#" + machineName + "#" + id, SK: "EXEC"}
}

// books is the table of the providers: its partitions have the prefix outside.
type books struct {
	table.Table
	cast    *sagaCast
	process *world.Process
}

// check reports an operation outside of Program.Call, at which no fault of a provider could happen.
func (b *books) check() {
	if !b.process.Dead() && !b.process.AtProvider() {
		b.cast.Violation(providerCalled, "Program.Outside is used outside of Program.Call: wrap each call of the provider in it")
	}
}

// Get implements table.Table.
func (b *books) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	b.check()
	key.PK = outside + key.PK
	item, ok, err := b.Table.Get(ctx, key)
	item.PK = strings.TrimPrefix(item.PK, outside)
	return item, ok, err
}

// Query implements table.Table.
func (b *books) Query(ctx context.Context, q table.Query) (table.Page, error) {
	b.check()
	q.PK = outside + q.PK
	page, err := b.Table.Query(ctx, q)
	page.Items = slices.Clone(page.Items)
	for i := range page.Items {
		page.Items[i].PK = strings.TrimPrefix(page.Items[i].PK, outside)
	}
	return page, err
}

// Transact implements table.Table.
func (b *books) Transact(ctx context.Context, ops ...table.Op) error {
	b.check()
	ops = slices.Clone(ops)
	for i := range ops {
		ops[i].Key.PK = outside + ops[i].Key.PK
		if ops[i].Kind == table.OpPut {
			ops[i].Item.PK = ops[i].Key.PK
		}
	}
	return b.Table.Transact(ctx, ops...)
}
