package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"tripsaga/asl"
	"tripsaga/barrier"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/world"
)

// learned is what the runs without a fault have shown about the tasks.
type learned struct {
	base    map[string]*baseline // by scenario
	records map[string]bool      // it writes a record
	does    map[string]bool      // it has an effect in an execution that succeeds
	acts    map[use]bool         // provider calls that it makes in such an execution
	keeps   map[string]bool      // it writes in the provider's books
}

func newLearned() *learned {
	return &learned{map[string]*baseline{}, map[string]bool{}, map[string]bool{}, map[use]bool{}, map[string]bool{}}
}

// baseline is the result of a scenario without a fault.
type baseline struct {
	takes    time.Duration
	statuses []asl.Status
	effects  map[table.Key]*effect
	keys     []table.Key           // of the effects, in order
	ops      map[string]bool       // calls of providers
	left     []footprint           // by execution
	open     []map[string][]string // ids at providers, by execution and task
}

// does reports whether the effect exists at the end.
func (b *baseline) does(f *effect) bool { return f.now.State == barrier.Done }

// done counts the records of an execution that are DONE at the end, by task.
func (b *baseline) done(saga string) map[string]int {
	all := map[string]int{}
	for _, f := range b.effects {
		if f.saga == saga && b.does(f) {
			all[f.task]++
		}
	}
	return all
}

// succeeded reports whether an execution succeeds without a fault. It is false for a scenario that could not be played.
func (b *baseline) succeeded(i int) bool { return b != nil && b.statuses[i] == asl.Succeeded }

// mostLearned limits the runs, per scenario, that find out which items have different names after a retry.
const mostLearned = 50

// play plays every scenario without a fault, to learn which records its steps write. Then it plays each with one delivery that
// fails once, to learn which items have different names after a retry. Finally it plays each without a fault again: no state
// may have remained.
func (p *prepared) play(ctx context.Context, cfg world.Config) error {
	w, err := world.New(cfg)
	if err != nil {
		return err
	}
	defer w.Close()
	defer func() { p.final = nil }()
	for i, s := range p.Scenarios {
		p.final, p.learning = p.learn, true
		first, err := p.playOnce(ctx, w, s.Name)
		p.learning = false
		if err != nil {
			return err
		}
		r := first.result
		for _, v := range r.Violations {
			if v.Invariant == participantAnswers || v.Invariant == canBeOpened || v.Invariant == usedRight || r.Hung { // no schedule says more
				return fmt.Errorf("scenario %s: %s", s.Name, v.Detail)
			}
		}
		base := p.base[s.Name]
		if base == nil {
			continue // it could not be played to its end, which the exploration reports
		}
		cfg.Subject.Scenarios[i].Takes = base.takes
		p.final = base.unsettle
		played := 0
		for at := range r.Points {
			if r.Points[at].Where != world.AtDelivery || played == mostLearned || p.Participants != nil { // which are slow
				continue
			}
			played++
			one := world.Schedule{Scenario: s.Name, Faults: []sim.Fault{{At: r.Points[at].Label, Kind: sim.Fail}}}
			r, err := w.Run(ctx, one)
			if err != nil {
				return err
			}
			if r.Hung {
				return fmt.Errorf("schedule %s: %s", one, r.Violations[0].Detail)
			}
		}
		if err := p.mustRepeat(ctx, w, s.Name, first); err != nil {
			return err
		}
	}
	return nil
}

// learn records a run without a fault.
func (p *prepared) learn(c *sagaCast) {
	e := &c.effects
	b := &baseline{takes: c.Now(), effects: e.all, ops: e.ops, keys: slices.SortedFunc(maps.Keys(e.all), compareKeys)}
	for i := range c.sagas {
		b.statuses = append(b.statuses, asl.Status(c.Execution(i, 0)))
	}
	p.base[c.scenario.Name] = b
	for _, f := range b.effects {
		p.records[f.task] = true
		i := slices.IndexFunc(c.sagas, func(s sagaRun) bool { return s.Name == f.saga })
		if i >= 0 && b.succeeded(i) && b.does(f) {
			p.does[f.task] = true
		}
	}
	for i, s := range c.sagas {
		if b.succeeded(i) {
			p.learnActs(e.acts, s.Name)
		}
		b.left = append(b.left, e.footprint(c, s.Name))
		if p.Participants != nil {
			clear(b.left[i].items)
		}
		b.open = append(b.open, byTask(e.open(s.Name)))
	}
}

// learnActs records which provider calls the steps of a successful execution make.
func (p *prepared) learnActs(acts []act, saga string) {
	for _, a := range acts {
		if task := taskOf(a.call); a.call.Saga == saga && !p.compensates(task) {
			p.acts[use{task: task, op: a.op}] = true
			p.keeps[task] = p.keeps[task] || a.wrote
		}
	}
}

// unsettle records the items that are missing in a run that succeeded after a retry: their names depend on the attempt.
func (b *baseline) unsettle(c *sagaCast) {
	for i := range c.sagas {
		if asl.Status(c.Execution(i, 0)) == asl.Succeeded {
			maps.DeleteFunc(b.left[i].items, func(key table.Key, _ string) bool { _, ok := c.Item(key); return !ok })
		}
	}
}

// compensates reports whether the task is a compensation.
func (p *prepared) compensates(task string) bool {
	for _, by := range p.Compensations {
		if by == task {
			return true
		}
	}
	return false
}

// isOptional reports whether an execution may succeed without the task, or without the step that the task compensates.
func (p *prepared) isOptional(task string) bool {
	return slices.ContainsFunc(p.Optional, func(one string) bool { return one == task || p.Compensations[one] == task })
}
