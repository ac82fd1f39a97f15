package verify

import (
	"hash/maphash"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// What is left out of the pairs beyond what comes to the same. The documents tell of it.

// aloneIn tells that the pairs of a single are left out: its fault, or its scenario, is a matter of two already.
func aloneIn(s world.Schedule) bool {
	for _, f := range s.Faults {
		if world.Alone(f) {
			return true
		}
	}
	return world.Single(s.Scenario)
}

// apart tells that a pair of faults of one trip is left to the scenario that has that trip alone. In the scenarios of two
// trips a pair has one fault of each, or one of none.
func apart(s world.Schedule, p *world.Point) bool {
	first := s.Faults[0].At.Saga
	return first != "" && p.Saga == first && (s.Scenario == "two" || s.Scenario == "last-seat")
}

// monotonous marks the points of the retries of a fault that lasts, but for those of the first two and the last two: in
// between one retry is as the other.
func monotonous(points []world.Point) []bool {
	const ends = 2
	dull := make([]bool, len(points))
	var tries []int // the deliveries of one visit of a state
	flush := func() {
		if len(tries) > 2*ends {
			trip := points[tries[0]].Saga
			for i := tries[ends]; i < tries[len(tries)-ends]; i++ {
				dull[i] = points[i].Saga == trip // what others do in between is their own
			}
		}
		tries = tries[:0]
	}
	var visit sim.Label
	for i := range points {
		p := &points[i]
		if p.Where != world.Delivery || !p.Deaf {
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

// signature tells what a run does from some point on: the records there, every operation that follows, and the records
// in the end. Two runs of one signature go on alike, so that what another fault does to the one, it does to the other.
// That nothing is lost by it is tested, see TestNothingIsLostByLeavingOut.
type signature struct {
	scenario            string
	state, follows, end uint64
}

var signatureSeed = maphash.MakeSeed()

func signatureOf(s world.Schedule, r *world.Result) signature {
	return signature{s.Scenario, r.State, follows(r.Points[r.Settled:])[0], r.End}
}

// follows hashes, for each point, the operations from there on.
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
