package trip

import (
	"strings"

	"tripsaga/engine/sim"
	"tripsaga/trip/saga"
	"tripsaga/verify/world"
)

// leaveOut are the rules that leave out pairs. docs/verify.md describes each of them.
var leaveOut = []world.LeaveOut{
	{Name: "apart", Means: "In the scenarios of two trips: pairs of faults of the same trip, which the scenarios of one trip have.", Second: apart},
	{Name: "time-of-two", Means: "In the scenarios of two trips: pairs in which time passes, which the scenarios of one trip have.", Second: timeOfTwo},
	{Name: "strangers", Means: "In the scenario two: a late call of one trip with a fault of the other trip alone, which last-seat has.", Second: strangers},
	{Name: "before-cancel", Means: "In the scenario cancelled: pairs whose first fault is one of the booking.", First: beforeCancel},
}

// beforeCancel leaves the pairs of a single to the scenario booked: in cancelled, the first fault of a pair is one of the
// cancellation.
func beforeCancel(scenario string, first sim.Fault) bool {
	if scenario != "cancelled" {
		return false
	}
	switch actor := strings.TrimSuffix(first.At.Actor, "+"); actor {
	case Canceller, SecondEngine:
		return false
	default:
		return saga.Cancellation().Find(actor).Name == ""
	}
}

// apart leaves a pair to the scenarios of one trip: both faults are of the same trip. In the scenarios of two trips a pair has
// a fault of each, or one that belongs to no trip.
func apart(scenario string, first, second sim.Fault) bool {
	return first.At.Saga != "" && second.At.Saga == first.At.Saga && ofTwo(scenario)
}

// timeOfTwo leaves a pair to the scenarios of one trip: time passes for all trips alike.
func timeOfTwo(scenario string, first, second sim.Fault) bool {
	return ofTwo(scenario) && (world.Passes(first.Kind) || world.Passes(second.Kind))
}

func ofTwo(scenario string) bool { return scenario == "two" || scenario == "last-seat" }

// strangers leaves a pair to last-seat: a call of one trip is paused or repeated late, and the other fault is one of the other
// trip alone. In the scenario two there are seats and rooms for both trips. So the call does not touch anything that the other
// fault changes, and each fault has the same effect as alone.
func strangers(scenario string, first, second sim.Fault) bool {
	return scenario == "two" && (first.Until != sim.Label{} || second.Until != sim.Label{}) && ofOneTrip(first) && ofOneTrip(second)
}

// ofOneTrip reports whether the fault changes only one trip's records.
func ofOneTrip(f sim.Fault) bool {
	switch f.Kind {
	case sim.Fail, sim.Lost, sim.Die, sim.Late, sim.Again, sim.Twice, world.Throttle, world.Gone, world.Altered, world.Down, world.Mute,
		Decline, Stored, world.Leave, Cancel:
		return f.At.Saga != ""
	}
	return false
}
