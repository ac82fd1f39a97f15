package verify

import (
	"context"
	"hash/fnv"
	"slices"
	"strings"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// expansion runs the schedules that extend a parent by one fault.
type expansion struct {
	*exploration
	world  *world.World
	count  *int
	parent world.Schedule
	points []world.Point // of the parent's run
	from   int           // the first point at which the fault may happen

	everywhere bool // run moot faults and landings too
	last       bool // no further fault follows: schedules that Only and OneIn leave out need not run
	plain      bool // leave out faults that are two in one
	visit      func(s world.Schedule, r *world.Result, moot bool)

	crashes    int                // the first point at which the process can be killed
	deliveries map[sim.Label]bool // those at which the fault may happen
	offered    map[sim.Kind]int   // the last point at which a kind of fault can happen
}

// survey collects what covered and arrives need, once for all points.
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
		if p.Where == world.AtDelivery {
			e.deliveries[p.Label] = true
		}
		for c := range p.Choices() {
			e.offered[c.Kind] = i
		}
	}
}

// at runs the parent with every fault at one of its points.
func (e *expansion) at(ctx context.Context, i int) error {
	p := &e.points[i]
	for c := range p.Choices() {
		moot := c.Moot && e.covered(i, c.Kind)
		if rule := e.leaves(c.Fault, moot); rule != "" {
			e.leave(rule, c.Fault, 1)
			continue
		}
		if _, err := e.add(ctx, c.Fault, moot); err != nil {
			return err
		}
	}
	late, again := p.Delays()
	if late {
		if err := e.delay(ctx, p.Label, sim.Late, p.First && e.arrives(p)); err != nil {
			return err
		}
	}
	if again {
		return e.delay(ctx, p.Label, sim.Again, false)
	}
	return nil
}

// leaves returns the rule that leaves out the schedule with this fault; "" if no rule does.
func (e *expansion) leaves(f sim.Fault, moot bool) (rule string) {
	switch {
	case moot && !e.everywhere:
		return ruleMoot
	case e.plain && e.subject().Alone(f):
		return ruleAlone
	}
	if len(e.parent.Faults) == 1 {
		rule = e.subject().LeavesPair(e.parent.Scenario, e.parent.Faults[0], f)
	}
	if rule == "" && e.last && !e.drawn(e.parent.With(f)) {
		rule = ruleOneIn
	}
	return rule
}

// leaveAt counts the faults of a point that a rule leaves out as a whole. A delay counts once, wherever it could resume.
func (e *expansion) leaveAt(rule string, i int) {
	p := &e.points[i]
	for c := range p.Choices() {
		e.leave(rule, c.Fault, 1)
	}
	late, again := p.Delays()
	for kind, can := range map[sim.Kind]bool{sim.Late: late, sim.Again: again} {
		if can {
			e.leave(rule, sim.Fault{At: p.Label, Kind: kind}, 1)
		}
	}
}

// covered reports whether the expansion runs the fault that is equivalent to a moot one. At the edge of the explored points it
// may not, and then the moot fault is run.
func (e *expansion) covered(i int, kind sim.Kind) bool {
	switch kind {
	case world.Crash: // one before it, or after the write before it
		return i > e.crashes
	case sim.Die:
		return e.arrives(&e.points[i])
	}
	return e.subject().Equal(kind) || i < e.offered[kind] // another fault at the same point, or a later one
}

// arrives reports whether the delivery that the point belongs to is itself a point of the expansion.
func (e *expansion) arrives(p *world.Point) bool {
	call, ok := p.Call()
	return ok && e.deliveries[call]
}

// add runs the parent's schedule with one more fault.
func (e *expansion) add(ctx context.Context, f sim.Fault, moot bool) (*world.Result, error) {
	s := e.parent.With(f)
	if e.last && !e.named(s) {
		e.leave(ruleOnly, f, 1)
		if f.Until == sim.AtEnd {
			return e.world.Run(ctx, s) // only its landings are needed
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

// named reports whether Options.Only allows the schedule.
func (x *exploration) named(s world.Schedule) bool {
	return x.opt.Only == "" || strings.Contains(s.String(), x.opt.Only)
}

// drawn reports whether the schedule is one of those that Options.OneIn draws.
func (x *exploration) drawn(s world.Schedule) bool {
	if x.opt.OneIn <= 1 || x.opt.allSingles && len(s.Faults) == 1 && s.Order == 0 && s.Faults[0].Until == (sim.Label{}) {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(s.String()))
	return (h.Sum64()^x.opt.Seed)%uint64(x.opt.OneIn) == 0
}

// delay pauses the call at a point, or delivers it again. It first plays the run in which the call resumes at the end: the call
// can resume between the points of that run, see landing. OneIn draws all of these schedules or omits all of them. A call that
// has done nothing before it is paused (idle) is equivalent to a paused delivery.
func (e *expansion) delay(ctx context.Context, at sim.Label, kind sim.Kind, idle bool) error {
	f := sim.Fault{At: at, Kind: kind, Until: sim.AtEnd}
	rule := e.leaves(f, false)
	if idle {
		rule = ruleMoot
	}
	if rule != "" {
		e.leave(rule, f, 1)
		return nil
	}
	r, err := e.add(ctx, f, false)
	if err != nil {
		return err
	}
	passed := 0
	for _, l := range landings(e.subject(), r, f) {
		if f.Until = l.until; !e.everywhere && (e.last && !l.meets || l.moot()) {
			passed++
			continue
		}
		if _, err := e.add(ctx, f, l.moot()); err != nil {
			return err
		}
	}
	e.leave(ruleLanding, f, passed)
	return nil
}

// landing is a point before which a paused call can resume.
//
// A paused call can resume before every later point, often hundreds. Most of these places are equivalent. The call touches some
// keys; a point conflicts with it (meets) if one of the two writes what the other touches. Two operations that do not conflict
// can change places, so resuming anywhere between two conflicting points has the same effect. In the points
//
//	1   2!  3   4   5!  6
//
// where 2 and 5 conflict, there are three gaps with one future each: up to 2, between 2 and 5, after 5. One landing in each
// would do: just before the conflicting point that ends it (meets), or the end of the run. That is what is played when
// no other fault follows.
//
// A second fault can split a gap: a crash at point 3 ends the call if it is still paused, and not if it has resumed. So if
// a fault follows, both ends of a gap are played: just before the conflicting point that ends it, and just after the one
// that begins it (after), here before 3. For a second fault at any point inside of the gap one of the two has resumed
// already and the other has not. The landings in between are moot.
//
// A saga that stops is redriven, which no other point shows, so just before that (AtStop) is a landing too.
type landing struct {
	until sim.Label
	meets bool // the point conflicts with the call
	after bool // the point before it does
}

func (l landing) moot() bool { return !l.meets && !l.after }

// landings lists the landings of a call in a run in which it resumes at the end. Only that run shows what the call touches: its
// operations are among the points of the run.
func landings(subject *world.Subject, r *world.Result, f sim.Fault) (all []landing) {
	points := r.Points[:r.Closed]
	call := sim.Label{Saga: f.At.Saga, Actor: f.At.Actor, N: f.At.N}
	if f.Kind == sim.Again {
		call.Actor, call.N = call.Actor+"+", 1
	}
	at := slices.IndexFunc(points, func(p world.Point) bool { return p.Label == f.At })
	touched := world.TouchedBy(r.Points, call)
	if subject.IsEngine(call.Actor) && at >= 0 { // the engine is paused in this operation alone
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

// interleave splits the work of another actor that comes in just before a point: the actor is paused before each of its
// operations but the first, the booking continues, and the actor resumes before a later point that conflicts with the rest
// of its work. Then a third actor comes in between its operations.
func (e *expansion) interleave(ctx context.Context, i int) error {
	p := &e.points[i]
	for c := range p.Choices() {
		if !e.subject().Splits(c.Kind) {
			continue
		}
		if rule := e.leavesSplit(c); rule != "" {
			e.leave(rule, c.Fault, 1)
			continue
		}
		whole, err := e.world.Run(ctx, e.parent.With(c.Fault))
		if err != nil {
			return err
		}
		own := whole.Points[whole.After:][:whole.Meddled]
		if !p.Meets(world.TouchedAt(own)) {
			e.leave(ruleLanding, c.Fault, max(len(own)-1, 0))
		} else if err := e.pauses(ctx, c.Fault, own); err != nil {
			return err
		}
		if err := e.nested(ctx, c.Fault, own); err != nil {
			return err
		}
	}
	return nil
}

// leavesSplit returns the rule that leaves out all schedules that split the work of another actor; "" if no rule does.
func (e *expansion) leavesSplit(c world.Choice) string {
	switch {
	case c.Moot:
		return ruleMoot
	case !e.drawn(e.parent.With(c.Fault)):
		return ruleOneIn
	}
	return ""
}

// pauses runs the schedules in which the actor is paused before one of its operations.
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
				e.leave(ruleLanding, f, 1)
				continue
			}
			if _, err := e.add(ctx, f, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// nested runs the schedules in which a third actor comes in between two of the actor's operations.
func (e *expansion) nested(ctx context.Context, f sim.Fault, own []world.Point) error {
	for n := 1; n < len(own); n++ {
		for c := range own[n].Choices() {
			if !e.subject().Splits(c.Kind) {
				continue
			}
			if c.Moot {
				e.leave(ruleMoot, c.Fault, 1)
				continue
			}
			s := e.parent.With(f).With(c.Fault)
			if !e.named(s) {
				e.leave(ruleOnly, c.Fault, 1)
				continue
			}
			if err := e.run(ctx, e.world, s, e.count, func(*world.Result) error { return nil }); err != nil {
				return err
			}
		}
	}
	return nil
}
