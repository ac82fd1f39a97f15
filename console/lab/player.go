package lab

import (
	"context"
	"slices"
	"sync"

	"tripsaga/shared/fault"
	"tripsaga/verify/mutants"
	"tripsaga/verify/world"
)

// What the lab costs at most, besides the pages themselves.
const (
	maxRuns   = 2  // at the same time; others wait, and give up when their client leaves
	maxWaits  = 50 // that wait
	maxTraces = 16 // that are kept, of some 100 kB each; a run that loops has some MB
)

// player plays schedules and keeps the traces of the last ones.
type player struct {
	product world.Config
	runs    chan struct{}
	waits   chan struct{}

	mu    sync.Mutex
	kept  []keptTrace // the least recently used first
	plays int         // for tests
}

// what is played: a schedule's id, and the mutant's name or "".
type what struct{ mutant, schedule string }

type keptTrace struct {
	what
	trace *world.Trace
}

func newPlayer(product world.Config) *player {
	return &player{product: product, runs: make(chan struct{}, maxRuns), waits: make(chan struct{}, maxRuns+maxWaits)}
}

// play returns the trace of a schedule. Errors: ctx's; Unavailable if too many wait.
func (p *player) play(ctx context.Context, cfg world.Config, w what, s world.Schedule) (*world.Trace, error) {
	if t := p.find(w); t != nil {
		return t, nil
	}
	select {
	case p.waits <- struct{}{}:
		defer func() { <-p.waits }()
	default:
		return nil, fault.New(fault.Unavailable, fault.NameUnavailable, "%d schedules wait to be played", maxWaits)
	}
	select {
	case p.runs <- struct{}{}:
		defer func() { <-p.runs }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if t := p.find(w); t != nil { // played while this one waited
		return t, nil
	}
	t, err := trace(ctx, cfg, s)
	if err == nil {
		p.keep(w, t)
	}
	return t, err
}

// trace opens a world for one run: that takes some 20 ms, and a mutant leaves nothing behind for the next one.
func trace(ctx context.Context, cfg world.Config, s world.Schedule) (*world.Trace, error) {
	w, err := world.New(cfg)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	return w.Trace(ctx, s)
}

func (p *player) find(w what) *world.Trace {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.kept, func(k keptTrace) bool { return k.what == w })
	if i < 0 {
		return nil
	}
	found := p.kept[i]
	p.kept = append(slices.Delete(p.kept, i, i+1), found)
	return found.trace
}

func (p *player) keep(w what, t *world.Trace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plays++
	if len(p.kept) >= maxTraces {
		p.kept = slices.Delete(p.kept, 0, 1)
	}
	p.kept = append(p.kept, keptTrace{w, t})
}

// config returns what a mutant is played with; ok is false if there is no such mutant.
func (p *player) config(mutant string) (cfg world.Config, ok bool, err error) {
	if mutant == "" {
		return p.product, true, nil
	}
	i := slices.IndexFunc(mutants.All(), func(m mutants.Mutant) bool { return m.Name == mutant })
	if i < 0 {
		return cfg, false, nil
	}
	cfg, err = mutants.All()[i].Config()
	return cfg, true, err
}
