package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"tripsaga/verify/world"
)

// Environment variables of [Run]. They are not flags, so that importing this package does not add flags to a program.
const (
	ReplayVariable = "VERIFY_REPLAY" // the id of a schedule: Run plays only this one and shows it
	AsVariable     = "VERIFY_AS"     // with ReplayVariable: shows it as a story, a Mermaid diagram, or a Go test
	UpdateVariable = "VERIFY_UPDATE" // 1: Run writes the file Saga.Coverage
)

// Run explores a saga: it plays every fault at every step and judges each run. If a run violates an invariant, the test fails
// with the shortest schedule of faults that shows it: a summary, the timeline, the records, and the command that plays the
// schedule again and shows it in other formats, see [AsVariable].
//
// A run is judged by Saga.Check and Saga.Rest, and by what holds for every saga: an execution that succeeded has all its
// effects and one that failed has no effect (by the records of package barrier and the counters in their transactions), every
// execution ends, what was acknowledged is never lost, nothing panics. [world.Invariants] lists further invariants.
func Run(t *testing.T, s Saga) {
	t.Helper()
	mayUpdate(t)
	p, err := s.prepare()
	if err != nil {
		t.Fatalf("verify.Saga: %v", err)
	}
	cfg := p.config()
	ctx := t.Context()
	if err := p.play(ctx, cfg); err != nil {
		t.Fatalf("verify: %v", err)
	}
	if len(p.idle) > 0 {
		t.Logf("not explored: Open returns tasks that the definition does not call, %q", p.idle)
	}
	if id, as, ok := chosen(t); ok {
		replay(t, cfg, id, as)
		return
	}
	r, opt, err := p.run(ctx, cfg)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	t.Logf("%d schedules in %.1f s, %.0f a second: %d of one fault, %d of two, %d of three", r.Schedules, r.Seconds, r.PerSecond,
		r.Singles+r.Reordered+r.Interleaved, r.Pairs, r.Triples)
	if len(r.Violations) == 0 {
		for _, left := range r.leftOut(opt) {
			t.Log("left out: " + left)
		}
		r.mustCover(t, s.Coverage)
		return
	}
	text, err := shortest(context.WithoutCancel(ctx), cfg, r, t.Name())
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	t.Error(text)
}

// mayUpdate refuses values of UpdateVariable that would be ignored.
func mayUpdate(t *testing.T) {
	t.Helper()
	switch update := os.Getenv(UpdateVariable); {
	case update != "" && update != "1":
		t.Fatalf("%s is %q; allowed is 1", UpdateVariable, update)
	case update != "" && os.Getenv(ReplayVariable) != "":
		t.Fatalf("%s writes the file of the field Coverage after everything was played, and %s plays one schedule; unset one of them", UpdateVariable, ReplayVariable)
	}
}

// Explore is [Run] outside a test: it returns a report.
func (s Saga) Explore(ctx context.Context) (*Report, error) {
	p, err := s.prepare()
	if err != nil {
		return nil, fmt.Errorf("verify.Saga: %w", err)
	}
	cfg := p.config()
	if err := p.play(ctx, cfg); err != nil {
		return nil, err
	}
	r, _, err := p.run(ctx, cfg)
	return r, err
}

// run explores within the budget. A saga that violates an invariant without a fault is not explored: it would do so in every
// schedule.
func (p *prepared) run(ctx context.Context, cfg world.Config) (*Report, Options, error) {
	if p.Budget > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Budget)
		defer cancel()
	}
	opt := p.options(cfg)
	r, err := Explore(ctx, Options{World: cfg, Workers: opt.Workers})
	if err == nil && r.Found == 0 {
		r, err = Explore(ctx, opt)
	}
	if r.Partial && errors.Is(err, context.DeadlineExceeded) {
		return r, opt, nil
	}
	if err == nil && r.Found == 0 {
		err = p.unused(r)
	}
	return r, opt, err
}

// unused reports names in fields of the saga that never occurred in a run, so that they have no effect.
func (p *prepared) unused(r *Report) error {
	for _, op := range slices.Sorted(maps.Keys(p.Refusals)) {
		if _, ok := p.called.Load(op); !ok {
			return fmt.Errorf("field Refusals: no task has made a call %q by Program.Call", op)
		}
	}
	if p.Forget != nil && !slices.ContainsFunc(r.Explored, func(e Explored) bool { return e.Fault == Forget }) {
		return fmt.Errorf("field Forget: no task has made a call by Program.Call")
	}
	if len(p.Amounts) > 0 && !slices.ContainsFunc(r.Explored, func(e Explored) bool { return e.Fault == world.Altered }) {
		return fmt.Errorf("field Amounts: no step that was done has a number %q in its input", p.Amounts)
	}
	return nil
}

func (p *prepared) config() world.Config {
	return world.Config{Subject: p.subject(), Patience: max(p.Patience, patience)}
}

func (p *prepared) options(cfg world.Config) Options {
	opt := Options{World: cfg, Depth: p.Depth, Triples: p.Triples, Seed: p.Seed, OneIn: p.OneIn, Workers: p.Workers, allSingles: true}
	if opt.Depth == 0 {
		opt.Depth = 2
	}
	if testing.Testing() && testing.Short() {
		opt.Depth, opt.Triples = 1, 0
	}
	return opt
}
