package verify

import (
	"hash/maphash"
	"strings"

	"tripsaga/engine/sim"
	"tripsaga/trip/saga"
	"tripsaga/verify/world"
)

// The rules that leave out pairs which do not equal another schedule. They trade coverage for time: the pairs grow with the
// square of the points. docs/verify.md names each of them.

// aloneIn reports whether the pairs of a single are left out: its fault is two in one, or its scenario has a fault already.
func aloneIn(s world.Schedule) bool {
	for _, f := range s.Faults {
		if world.Alone(f) {
			return true
		}
	}
	return world.Single(s.Scenario)
}

// beforeCancel reports whether the pairs of a single are left to the scenario booked: in cancelled, the first fault of a
// pair is one of the cancellation.
func beforeCancel(s world.Schedule) bool {
	if s.Scenario != "cancelled" {
		return false
	}
	switch actor := strings.TrimSuffix(s.Faults[0].At.Actor, "+"); actor {
	case world.Canceller, world.SecondEngine:
		return false
	default:
		return saga.Cancellation().Find(actor).Name == ""
	}
}

// apart reports whether a pair is left to the scenarios of one trip: both faults are of the same trip. In the scenarios of
// two trips a pair has a fault of each, or one that belongs to no trip.
func apart(s world.Schedule, p *world.Point) bool {
	first := s.Faults[0].At.Saga
	return first != "" && p.Saga == first && ofTwo(s)
}

// timeOfTwo reports whether a pair is left to the scenarios of one trip: time passes for all trips alike.
func timeOfTwo(parent world.Schedule, f sim.Fault) bool {
	if !ofTwo(parent) || len(parent.Faults) != 1 {
		return false
	}
	return world.Passes(f.Kind) || world.Passes(parent.Faults[0].Kind)
}

func ofTwo(s world.Schedule) bool { return s.Scenario == "two" || s.Scenario == "last-seat" }

// strangers reports whether a pair is left to last-seat: a call of one trip is paused or repeated late, and the other fault
// is one of the other trip alone. In the scenario two there are seats and rooms for both trips. So the call meets nothing
// that the other fault changes: each fault does what it does as a single.
func strangers(parent world.Schedule, f sim.Fault) bool {
	if parent.Scenario != "two" || len(parent.Faults) != 1 {
		return false
	}
	first := parent.Faults[0]
	return (first.Until != sim.Label{} || f.Until != sim.Label{}) && ofOneTrip(first) && ofOneTrip(f)
}

// ofOneTrip reports whether the fault changes nothing but one trip's records.
func ofOneTrip(f sim.Fault) bool {
	switch f.Kind {
	case sim.Fail, sim.Lost, sim.Die, sim.Late, sim.Again, sim.Twice, world.Throttle, world.Gone, world.Altered, world.Down, world.Mute,
		world.Decline, world.Stored, world.Leave, world.Cancel:
		return f.At.Saga != ""
	}
	return false
}

// monotonous marks the points between the retries of a lasting fault, except for the first two and the last two retries. A
// compensation that fails for long has a hundred retries, each with the same points: in the middle one is like another.
func monotonous(points []world.Point) []bool {
	const ends = 2
	dull := make([]bool, len(points))
	var tries []int // the deliveries of a state, from its first attempt on
	flush := func() {
		if len(tries) > 2*ends {
			trip := points[tries[0]].Saga
			for i := tries[ends]; i < tries[len(tries)-ends]; i++ {
				dull[i] = points[i].Saga == trip // points of other trips are not retries
			}
		}
		tries = tries[:0]
	}
	var visit sim.Label
	for i := range points {
		p := &points[i]
		if p.Where != world.AtDelivery || !p.Deaf {
			continue
		}
		if who := (sim.Label{Saga: p.Saga, Actor: p.Actor}); who != visit || p.Attempt == 0 {
			flush()
			visit = who
		}
		tries = append(tries, i)
	}
	flush()
	return dull
}

// signature identifies what a run does from the point on at which it has settled: the records there, every operation that
// follows, and the records in the end. Two runs with one signature have the same future, so a second fault does to the one
// what it does to the other.
//
// A signature is not a proof. The state leaves out times and the engine's own items; what the engine will do is taken
// from the operations that it does do. So two runs could differ in something that shows only under a second fault. That
// nothing is lost is tested instead: TestNothingIsLostByLeavingOut.
type signature struct {
	scenario            string
	state, follows, end uint64
}

var signatureSeed = maphash.MakeSeed()

func signatureOf(s world.Schedule, r *world.Result) signature {
	return signature{s.Scenario, r.State, follows(r.Points[r.Settled:])[0], r.End}
}

// follows returns, for each point, a hash of the operations from there on.
func follows(points []world.Point) []uint64 {
	sums := make([]uint64, len(points)+1)
	for i := len(points) - 1; i >= 0; i-- {
		p := &points[i]
		var h maphash.Hash
		h.SetSeed(signatureSeed)
		maphash.WriteComparable(&h, p.Label)
		maphash.WriteComparable(&h, p.Attempt)
		maphash.WriteComparable(&h, p.Pending)
		maphash.WriteComparable(&h, p.Deaf)
		maphash.WriteComparable(&h, sums[i+1])
		sums[i] = h.Sum64()
	}
	return sums
}
