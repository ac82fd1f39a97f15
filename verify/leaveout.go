package verify

import (
	"hash/maphash"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// The names of the rules in a coverage. The subject has further rules, see [world.LeaveOut].

// docs/verify.md explains each of them.
const (
	ruleMoot     = "moot"        // equals another fault
	ruleLanding  = "landing"     // a call that resumes there has the future of one that resumes elsewhere
	ruleSame     = "same-future" // a first fault after which everything continues as after another one
	ruleRetries  = "retries"     // in the middle of the retries of a lasting fault
	ruleAlone    = "alone"       // a fault that is two in one
	ruleGiven    = "given"       // a scenario that has a fault already
	ruleDiverted = "diverted"    // a call that resumes at a point of the second fault, which leads to no compensation
	ruleOnly     = "only"        // Options.Only
	ruleOneIn    = "one-in"      // Options.OneIn
)

// leftBy is a rule and what it leaves out.
type leftBy struct{ name, means string }

// rules are the rules for every subject, in the order of docs/verify.md.
var rules = []leftBy{
	{ruleMoot, "A fault that equals another one at another point: a crash that loses writes equals a crash before them."},
	{ruleLanding, "A late call that resumes between operations with which it does not conflict."},
	{ruleSame, "A second fault after a first one since which the records and the future are the same as after another first fault."},
	{ruleRetries, "A second fault in the middle of the retries of a lasting fault: it comes in the first two and the last two."},
	{ruleAlone, "A fault that is already a combination, together with another fault or in another order of equal events."},
	{ruleGiven, "Pairs in scenarios that begin with a fault."},
	{ruleDiverted, "A late call that resumes at a point which exists only because of the second fault, unless that fault leads to the compensations."},
	{ruleOnly, "What --only does not choose."},
	{ruleOneIn, "What --one-in does not draw."},
}

// aloneIn returns the rule that leaves out the pairs of a single because its fault is a combination or its scenario already has
// a fault; "" if no rule does.
func aloneIn(subject *world.Subject, s world.Schedule) (rule string) {
	for _, f := range s.Faults {
		if subject.Alone(f) {
			return ruleAlone
		}
	}
	if scenario, _ := subject.Scenario(s.Scenario); len(scenario.Given) > 0 {
		return ruleGiven
	}
	return ""
}

// monotonous marks the points between the retries of a lasting fault, except for the first two and the last two retries. A
// compensation that fails for a long time has a hundred retries with the same points, and those in the middle are all alike.
func monotonous(points []world.Point) []bool {
	const ends = 2
	dull := make([]bool, len(points))
	var tries []int // the deliveries of a state, from its first attempt on
	flush := func() {
		if len(tries) > 2*ends {
			saga := points[tries[0]].Saga
			for i := tries[ends]; i < tries[len(tries)-ends]; i++ {
				dull[i] = points[i].Saga == saga // points of other sagas are not retries
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

// signature identifies what a run does after the point at which it has settled: the records there, every operation that
// follows, and the records at the end. Two runs with equal signatures have the same future, so a second fault has the same
// effect on both.
//
// A signature is not a proof. The state leaves out times and the engine's own items; what the engine will do is inferred from
// the operations that follow. So two runs could differ in something that shows only under a second fault.
// TestNothingIsLostByLeavingOut tests that no violation is missed.
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
