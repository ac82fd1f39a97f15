package verify

import (
	"context"
	"slices"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// pairs plays every second fault at every point after the first.
func (x *exploration) pairs(ctx context.Context, singles []node) error {
	firsts := slices.DeleteFunc(slices.Clone(singles), func(n node) bool { return n.alone || n.moot && !x.opt.Whole })
	if !x.opt.Enough {
		return x.each(ctx, "pairs", x.opt.World, len(firsts), x.seconds(firsts))
	}
	const batch = 64
	for some := range slices.Chunk(firsts, batch) {
		if err := x.each(ctx, "pairs", x.opt.World, len(some), x.seconds(some)); err != nil || x.enough() {
			return err
		}
	}
	return nil
}

// seconds is the job of the pairs that begin with one of the firsts.
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
				if world.Diverts(s.Faults[1].Kind) {
					onward = append(onward, pair{s, two})
				}
			}
		}
		e.survey()
		dull := monotonous(r.Points)
		for p := r.After; p < to; p++ {
			if apart(n.schedule, &r.Points[p]) || dull[p] && !x.opt.Whole {
				continue
			}
			if err := e.at(ctx, p); err != nil {
				return err
			}
		}
		return x.land(ctx, w, r.Points, onward)
	}
}

// pair is a schedule of two faults and its run.
type pair struct {
	schedule world.Schedule
	result   *world.Result
}

// land lets the call that stands still by the first fault go on at the points that only the second one leads to: those of
// the compensations.
func (x *exploration) land(ctx context.Context, w *world.World, known []world.Point, pairs []pair) error {
	had := map[sim.Label]bool{}
	for i := range known {
		had[known[i].Label] = true
	}
	for _, p := range pairs {
		for _, l := range landings(p.result, p.schedule.Faults[0]) {
			s := world.Schedule{Scenario: p.schedule.Scenario, Faults: slices.Clone(p.schedule.Faults)}
			if s.Faults[0].Until = l.until; had[l.until] || !l.meets || !x.named(s) || !x.drawn(s) {
				continue
			}
			if err := x.run(ctx, w, s, &x.report.Pairs, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
