package verify

import (
	"context"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// interleave splits what somebody else does just before a point: he is paused before each of his operations but the
// first, the booking goes on, and he resumes before a later point with which he cannot change places. Then somebody else
// again comes in between his operations.
func (e *expansion) interleave(ctx context.Context, i int) error {
	p := &e.points[i]
	for _, c := range p.Choices() {
		if !world.Splits(c.Kind) || c.Moot || !e.drawn(e.parent.With(c.Fault)) {
			continue
		}
		whole, err := e.world.Run(ctx, e.parent.With(c.Fault))
		if err != nil {
			return err
		}
		own := whole.Points[whole.After:][:whole.Meddled]
		if p.Meets(world.TouchedAt(own)) {
			if err := e.pauses(ctx, c.Fault, own); err != nil {
				return err
			}
		}
		if err := e.nested(ctx, c.Fault, own); err != nil {
			return err
		}
	}
	return nil
}

// pauses runs the schedules in which he is paused before one of his operations.
func (e *expansion) pauses(ctx context.Context, f sim.Fault, own []world.Point) error {
	for n := 1; n < len(own); n++ {
		if own[n].Deaf {
			continue
		}
		f.Count, f.Until = n+1, sim.AtEnd
		r, err := e.add(ctx, f, false)
		if err != nil || r == nil {
			return err
		}
		for _, l := range landingsOf(r.Points[:r.Closed], r.After+n-1, world.TouchedAt(own[n:]), own[n].Label) {
			if f.Until = l.until; !l.meets {
				continue
			}
			if _, err := e.add(ctx, f, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// nested runs the schedules in which somebody else comes in between two of his operations.
func (e *expansion) nested(ctx context.Context, f sim.Fault, own []world.Point) error {
	for n := 1; n < len(own); n++ {
		for _, c := range own[n].Choices() {
			if !world.Splits(c.Kind) || c.Moot {
				continue
			}
			s := e.parent.With(f).With(c.Fault)
			if !e.named(s) {
				continue
			}
			if err := e.run(ctx, e.world, s, e.count, func(*world.Result) error { return nil }); err != nil {
				return err
			}
		}
	}
	return nil
}
