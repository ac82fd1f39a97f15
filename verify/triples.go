package verify

import (
	"context"
	"math/rand/v2"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// perWalk is how many triples one walk makes of the same two faults.
const perWalk = 8

// triples draws schedules of three faults: two at random, and then several thirds to them.
func (x *exploration) triples(ctx context.Context) error {
	walks := (x.opt.Triples + perWalk - 1) / perWalk
	return x.each(ctx, "triples", x.opt.World, walks, func(ctx context.Context, w *world.World, i int) error {
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

// further is s with one more fault, drawn from those that can happen after its last one; s itself when there is none.
func (k *walker) further(s world.Schedule, r *world.Result) world.Schedule {
	points := r.Points[r.After:]
	const tries = 20 // many points of a fault that lasts have none
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

// faults are those of a point; a call that stands still there goes on at the end or before a point that is drawn.
func (k *walker) faults(points []world.Point, i int) []sim.Fault {
	p := &points[i]
	var all []sim.Fault
	for _, c := range p.Choices() {
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
