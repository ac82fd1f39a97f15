package verify

import (
	"context"
	"hash/fnv"
	"slices"
	"strings"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// expansion runs the schedules that have one fault more than a parent.
type expansion struct {
	*exploration
	world  *world.World
	count  *int
	parent world.Schedule
	points []world.Point // of the parent's run
	from   int           // the first point at which the fault may come

	everywhere bool // run also what comes to the same as something else that is run
	last       bool // no fault follows: what is not asked for is left out
	plain      bool // faults that are a matter of two are left out
	visit      func(s world.Schedule, r *world.Result, moot bool)

	crashes    int                // the first point at which the process can be killed
	deliveries map[sim.Label]bool // those at which the fault may come
	offered    map[sim.Kind]int   // the last point at which a kind of fault can come
}

// survey looks at the parent's run once.
func (e *expansion) survey() {
	e.crashes, e.deliveries, e.offered = len(e.points), map[sim.Label]bool{}, map[sim.Kind]int{}
	for i := e.from; i < len(e.points); i++ {
		p := &e.points[i]
		if p.Deaf {
			continue
		}
		if p.Crashes() {
			e.crashes = min(e.crashes, i)
		}
		if p.Where == world.Delivery {
			e.deliveries[p.Label] = true
		}
		for _, c := range p.Choices() {
			e.offered[c.Kind] = i
		}
	}
}

// at runs the parent with every fault at one of its points.
func (e *expansion) at(ctx context.Context, i int) error {
	p := &e.points[i]
	for _, c := range p.Choices() {
		moot := c.Moot && e.covered(i, c.Kind)
		if moot && !e.everywhere || e.plain && world.Alone(c.Fault) {
			continue
		}
		if e.last && !e.drawn(e.parent.With(c.Fault)) {
			continue
		}
		if _, err := e.add(ctx, c.Fault, moot); err != nil {
			return err
		}
	}
	late, again := p.Delays()
	if late && !(p.First && e.arrives(p)) && !(e.plain && world.Alone(sim.Fault{At: p.Label, Kind: sim.Late})) {
		if err := e.delay(ctx, p.Label, sim.Late); err != nil {
			return err
		}
	}
	if again {
		return e.delay(ctx, p.Label, sim.Again)
	}
	return nil
}

// covered tells that the fault to which a moot one comes is one that the expansion runs.
func (e *expansion) covered(i int, kind sim.Kind) bool {
	switch kind {
	case world.Crash: // the one before it, or after the write before it
		return i > e.crashes
	case sim.Die:
		return e.arrives(&e.points[i])
	}
	return i < e.offered[kind] // one that comes later
}

// arrives tells that the delivery to which the point belongs is itself a point at which the fault may come.
func (e *expansion) arrives(p *world.Point) bool {
	call, ok := p.Call()
	return ok && e.deliveries[call]
}

// add runs the parent with one more fault.
func (e *expansion) add(ctx context.Context, f sim.Fault, moot bool) (*world.Result, error) {
	s := e.parent.With(f)
	if e.last && !e.named(s) {
		if f.Until == sim.AtEnd {
			return e.world.Run(ctx, s) // looked at only for where the call could go on
		}
		return nil, nil
	}
	var result *world.Result
	err := e.run(ctx, e.world, s, e.count, func(r *world.Result) error {
		result = r
		e.visit(s, r, moot)
		return nil
	})
	return result, err
}

// named tells whether the options ask for this schedule by its id.
func (x *exploration) named(s world.Schedule) bool {
	return x.opt.Only == "" || strings.Contains(s.String(), x.opt.Only)
}

// drawn tells whether this schedule is of the part that the options ask for.
func (x *exploration) drawn(s world.Schedule) bool {
	if x.opt.OneIn <= 1 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(s.String()))
	return (h.Sum64()^x.opt.Seed)%uint64(x.opt.OneIn) == 0
}

// delay lets the call stand still at a point, or come again, and go on at the end, or before a point that came after it.
// All of that is drawn, or none.
func (e *expansion) delay(ctx context.Context, at sim.Label, kind sim.Kind) error {
	f := sim.Fault{At: at, Kind: kind, Until: sim.AtEnd}
	if e.last && !e.drawn(e.parent.With(f)) {
		return nil
	}
	r, err := e.add(ctx, f, false)
	if err != nil {
		return err
	}
	for _, l := range landings(r, f) {
		if f.Until = l.until; !e.everywhere && (e.last && !l.meets || l.moot()) {
			continue
		}
		if _, err := e.add(ctx, f, l.moot()); err != nil {
			return err
		}
	}
	return nil
}

// landing is a point before which a call can go on that stood still. Between two points with which it cannot change places
// it comes to the same wherever it goes on. But a fault that follows may come in between: so both ends are followed, the
// place just before the one point, and that just after the other.
type landing struct {
	until sim.Label
	meets bool // the point and the call cannot change places
	after bool // the point before it did
}

func (l landing) moot() bool { return !l.meets && !l.after }

// landings are those in a run in which the call went on at the end.
func landings(r *world.Result, f sim.Fault) (all []landing) {
	points := r.Points[:r.Closed]
	call := sim.Label{Saga: f.At.Saga, Actor: f.At.Actor, N: f.At.N}
	if f.Kind == sim.Again {
		call.Actor, call.N = call.Actor+"+", 1
	}
	at := slices.IndexFunc(points, func(p world.Point) bool { return p.Label == f.At })
	touched := world.TouchedBy(r.Points, call)
	if call.Actor == world.Engine && at >= 0 { // of all that it does the one operation is paused
		touched = world.TouchedAt(points[at : at+1])
	}
	return landingsOf(points, at+1, touched, call)
}

func landingsOf(points []world.Point, from int, touched world.Touched, call sim.Label) (all []landing) {
	stopped, met := false, true
	for i := from; i < len(points); i++ {
		p := &points[i]
		if p.Stopped && !stopped {
			stopped = true
			all = append(all, landing{until: sim.AtStop, meets: true})
		}
		if p.Saga == call.Saga && p.Actor == call.Actor && p.N == call.N {
			continue
		}
		meets := p.Meets(touched)
		all = append(all, landing{p.Label, meets, met})
		met = meets
	}
	return all
}

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
