package verify

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// exploration runs schedules on several worlds concurrently.
type exploration struct {
	opt Options

	stuck atomic.Int64 // schedules that did not end

	mu     sync.Mutex
	report Report
	stage  Progress
}

// mostStuck is how many schedules may fail to end before the exploration stops: each of them takes as long as hundreds of
// others.
const mostStuck = 20

var errStuck = errors.New("too many schedules do not come to rest")

// node is a schedule that can be extended by one more fault.
type node struct {
	schedule world.Schedule
	sign     signature
	moot     bool   // another node has the same future
	alone    string // the rule that leaves out its pairs; "" if no rule does
	same     bool   // once it has settled, a node before it has the same future
}

// root is a scenario without a fault, and its run.
type root struct {
	node
	points []world.Point
	states []uint64
	end    uint64
}

type job func(ctx context.Context, w *world.World, i int) error

// each runs n jobs on the workers, and returns their first error.
func (x *exploration) each(ctx context.Context, stage string, cfg world.Config, n int, do job) error {
	x.begin(stage, n)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan int)
	var wg sync.WaitGroup
	for range min(x.workers(), n) {
		wg.Go(func() {
			if err := x.work(ctx, cfg, jobs, do); err != nil {
				cancel(err)
			}
		})
	}
	for i := range n {
		select {
		case jobs <- i:
		case <-ctx.Done():
		}
	}
	close(jobs)
	wg.Wait()
	return context.Cause(ctx)
}

func (x *exploration) workers() int {
	if x.opt.Workers > 0 {
		return x.opt.Workers
	}
	return 2 * runtime.GOMAXPROCS(0) // a world sometimes waits for its store
}

func (x *exploration) work(ctx context.Context, cfg world.Config, jobs <-chan int, do job) error {
	w, err := world.New(cfg)
	if err != nil {
		return err
	}
	defer w.Close()
	for i := range jobs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := do(ctx, w, i); err != nil {
			return err
		}
		x.advance()
	}
	return nil
}

func (x *exploration) subject() *world.Subject { return x.opt.World.Subject }

func (x *exploration) scenarios() []string {
	if len(x.opt.Scenarios) > 0 {
		return x.opt.Scenarios
	}
	return x.subject().ScenarioNames()
}

// roots plays every scenario without a fault. order is the seed of the order of events that are due at one instant.
func (x *exploration) roots(ctx context.Context, order uint64) ([]root, error) {
	scenarios := x.scenarios()
	roots := make([]root, len(scenarios))
	err := x.each(ctx, "scenarios", x.opt.World, len(scenarios), func(ctx context.Context, w *world.World, i int) error {
		s := world.Schedule{Scenario: scenarios[i], Order: order}
		return x.run(ctx, w, s, nil, func(r *world.Result) error {
			roots[i] = root{node{schedule: s}, r.Points, r.States, r.End}
			return nil
		})
	})
	return roots, err
}

// singles plays every fault at every point of the roots.
func (x *exploration) singles(ctx context.Context, stage string, roots []root, count *int) ([]node, error) {
	type place struct{ root, point int }
	var places []place
	for i := range roots {
		for p := range roots[i].points {
			places = append(places, place{i, p})
		}
	}
	found := make([][]node, len(places))
	single := func(ctx context.Context, w *world.World, i int) error {
		from := &roots[places[i].root]
		e := expansion{
			exploration: x, world: w, count: count, parent: from.schedule, points: from.points,
			everywhere: true, last: x.opt.Depth < 2, plain: stage != stageSingles,
			visit: func(s world.Schedule, r *world.Result, moot bool) {
				found[i] = append(found[i], node{schedule: s, sign: signatureOf(s, r), moot: moot, alone: aloneIn(x.subject(), s)})
			},
		}
		e.survey()
		if err := e.at(ctx, places[i].point); err != nil || stage != stageSingles {
			return err
		}
		e.count = &x.report.Interleaved
		return e.interleave(ctx, places[i].point)
	}
	err := x.batches(ctx, stage, x.opt.World, len(places), single)
	var all []node
	for _, nodes := range found {
		all = append(all, nodes...)
	}
	return all, err
}

// batches runs n jobs: all together, or in batches if the exploration stops at the first violation.
func (x *exploration) batches(ctx context.Context, stage string, cfg world.Config, n int, do job) error {
	size := n
	if x.opt.Enough {
		size = 32
	}
	for from := 0; from < n; from += size {
		err := x.each(ctx, stage, cfg, min(size, n-from), func(ctx context.Context, w *world.World, i int) error {
			return do(ctx, w, from+i)
		})
		if err != nil || x.enough() {
			return err
		}
	}
	return nil
}

// reordered plays every fault at every point again, with a different order of simultaneous events. The points are those of that
// order, in which another saga may come first. Combined faults are left out.
func (x *exploration) reordered(ctx context.Context) error {
	roots, err := x.roots(ctx, cmp.Or(x.opt.Seed+1, 1))
	if err != nil {
		return err
	}
	roots = slices.DeleteFunc(roots, func(r root) bool { return aloneIn(x.subject(), r.schedule) != "" })
	_, err = x.singles(ctx, "other order", roots, &x.report.Reordered)
	return err
}

// markSame marks the nodes that have the same future, by signature, as a root or an earlier node. Pairs with such a node are
// explored only up to the point at which it has settled: after that, a second fault has the same effect as on the other node.
// The order of the nodes is fixed, so every exploration marks the same nodes.
func (x *exploration) markSame(roots []root, singles []node) {
	if x.opt.Whole {
		return
	}
	seen := map[signature]bool{}
	for _, r := range roots {
		for i, sum := range follows(r.points) {
			if i < len(r.states) {
				seen[signature{r.schedule.Scenario, r.states[i], sum, r.end}] = true
			}
		}
	}
	for i := range singles {
		n := &singles[i]
		if n.moot || n.alone != "" {
			continue
		}
		if n.same = seen[n.sign]; n.same {
			x.report.Same++
		}
		seen[n.sign] = true
	}
}

// run plays one schedule, counts it and records its violations.
func (x *exploration) run(ctx context.Context, w *world.World, s world.Schedule, count *int, visit func(*world.Result) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r, err := w.Run(ctx, s)
	if err != nil {
		return err
	}
	x.take(s, r, count)
	if r.Hung || r.Stuck && x.stuck.Add(1) >= mostStuck { // one that hangs takes as long as thousands
		return errStuck
	}
	if visit == nil {
		return nil
	}
	return visit(r)
}

// fewRetries configures a world in which a run of the first fault has only the points at which pairs are played.
func (x *exploration) fewRetries() world.Config {
	cfg := x.opt.World
	if cfg.Retries == world.FewInPairs {
		cfg.Retries = world.FewInAll
	}
	return cfg
}

// pairs plays every second fault at every point after the first.
func (x *exploration) pairs(ctx context.Context, singles []node) error {
	firsts := slices.DeleteFunc(slices.Clone(singles), func(n node) bool {
		rule := x.withoutPairs(&n)
		if rule != "" {
			x.leavePairs(rule, n.schedule.Faults[0])
		}
		return rule != ""
	})
	return x.batches(ctx, "pairs", x.fewRetries(), len(firsts), x.seconds(firsts))
}

// withoutPairs returns the rule that leaves out all pairs of a single; "" if no rule does.
func (x *exploration) withoutPairs(n *node) string {
	if n.moot && !x.opt.Whole {
		return ruleMoot
	}
	return cmp.Or(n.alone, x.subject().LeavesFirst(n.schedule.Scenario, n.schedule.Faults[0]))
}

// seconds returns the job that plays the pairs with these first faults.
func (x *exploration) seconds(firsts []node) job {
	return func(ctx context.Context, w *world.World, i int) error {
		n := &firsts[i]
		r, err := w.Run(ctx, n.schedule)
		if err != nil {
			return err
		}
		to := len(r.Points)
		if n.same {
			to = min(to, r.Settled)
		}
		e := expansion{
			exploration: x, world: w, count: &x.report.Pairs, parent: n.schedule, points: r.Points, from: r.After,
			everywhere: x.opt.Whole, last: true, plain: true, visit: func(world.Schedule, *world.Result, bool) {},
		}
		var onward []pair
		if n.schedule.Faults[0].Until == sim.AtEnd {
			e.visit = func(s world.Schedule, two *world.Result, _ bool) {
				if !x.subject().Diverts(s.Faults[1].Kind) {
					x.leave(ruleDiverted, s.Faults[1], 1)
					return
				}
				onward = append(onward, pair{s, two})
			}
		}
		e.survey()
		dull := monotonous(r.Points)
		for p := r.After; p < to; p++ {
			if dull[p] && !x.opt.Whole {
				e.leaveAt(ruleRetries, p)
				continue
			}
			if err := e.at(ctx, p); err != nil {
				return err
			}
		}
		for p := max(to, r.After); p < len(r.Points); p++ {
			e.leaveAt(ruleSame, p)
		}
		return x.land(ctx, w, r.Points, onward)
	}
}

// pair is a schedule of two faults and its run.
type pair struct {
	schedule world.Schedule
	result   *world.Result
}

// land resumes the call that the first fault pauses at the points that only the second fault leads to: those of the
// compensations. The landings of the first fault alone do not include them, since the saga did not compensate.
func (x *exploration) land(ctx context.Context, w *world.World, known []world.Point, pairs []pair) error {
	had := map[sim.Label]bool{}
	for i := range known {
		had[known[i].Label] = true
	}
	for _, p := range pairs {
		for _, l := range landings(x.subject(), p.result, p.schedule.Faults[0]) {
			s := world.Schedule{Scenario: p.schedule.Scenario, Faults: slices.Clone(p.schedule.Faults)}
			if s.Faults[0].Until = l.until; had[l.until] {
				continue
			}
			if rule := x.leavesLanding(l, s); rule != "" {
				x.leave(rule, s.Faults[1], 1)
				continue
			}
			if err := x.run(ctx, w, s, &x.report.Pairs, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// leavesLanding returns the rule that leaves out a schedule of a landing; "" if no rule does.
func (x *exploration) leavesLanding(l landing, s world.Schedule) string {
	switch {
	case !l.meets:
		return ruleLanding
	case !x.named(s):
		return ruleOnly
	case !x.drawn(s):
		return ruleOneIn
	}
	return ""
}

// perWalk is the number of triples that one walk draws for the same two faults.
const perWalk = 8

// triples draws schedules of three faults: two at random, then several third faults for each two.
func (x *exploration) triples(ctx context.Context) error {
	walks := (x.opt.Triples + perWalk - 1) / perWalk
	return x.each(ctx, "triples", x.fewRetries(), walks, func(ctx context.Context, w *world.World, i int) error {
		walk := walker{x, w, rand.New(rand.NewPCG(x.opt.Seed, uint64(i)))}
		return walk.do(ctx, min(perWalk, x.opt.Triples-i*perWalk))
	})
}

type walker struct {
	*exploration
	world  *world.World
	random *rand.Rand
}

func (k *walker) do(ctx context.Context, n int) error {
	all := k.scenarios()
	s := world.Schedule{Scenario: all[k.random.IntN(len(all))]}
	for range 2 {
		r, err := k.world.Run(ctx, s)
		if err != nil {
			return err
		}
		s = k.further(s, r)
	}
	r, err := k.world.Run(ctx, s)
	if err != nil {
		return err
	}
	for range n {
		third := k.further(s, r)
		if !k.named(third) {
			continue
		}
		if err := k.run(ctx, k.world, third, &k.report.Triples, nil); err != nil {
			return err
		}
	}
	return nil
}

// further returns s with one more fault, drawn from those that can happen after its last one; s itself if no fault can.
func (k *walker) further(s world.Schedule, r *world.Result) world.Schedule {
	points := r.Points[r.After:]
	const tries = 20 // many points of a lasting fault have none
	for range tries {
		if len(points) == 0 {
			break
		}
		i := k.random.IntN(len(points))
		if faults := k.faults(points, i); len(faults) > 0 {
			return s.With(faults[k.random.IntN(len(faults))])
		}
	}
	return s
}

// faults lists the faults of a point. A call that is paused there resumes at the end, or before a point that is drawn.
func (k *walker) faults(points []world.Point, i int) []sim.Fault {
	p := &points[i]
	var all []sim.Fault
	for c := range p.Choices() {
		all = append(all, c.Fault)
	}
	later := points[i+1:]
	delay := func(kind sim.Kind) {
		all = append(all, sim.Fault{At: p.Label, Kind: kind, Until: sim.AtEnd})
		for range min(3, len(later)) {
			all = append(all, sim.Fault{At: p.Label, Kind: kind, Until: later[k.random.IntN(len(later))].Label})
		}
	}
	late, again := p.Delays()
	if late {
		delay(sim.Late)
	}
	if again {
		delay(sim.Again)
	}
	return all
}
