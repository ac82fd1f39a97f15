package verify

import "tripsaga/verify/judge"

// The invariants of any saga, in addition to those of package world.
const (
	userCheck      = "check"
	userRest       = "rest"
	canBeOpened    = "can-be-opened"
	sagaStarted    = "saga-started"
	sagaEnded      = "saga-ended"
	outcomeKept    = "outcome-kept"
	stopsThere     = "stops-where-a-fault-lasts"
	recordKept     = "record-kept"
	effectReversed = "effect-reversed"
	everyOrNone    = "every-effect-or-none"
	answerFits     = "answer-fits-record"
	providerCalled = "provider-called"
	providerAsked  = "provider-asked"
	recordFirst    = "record-before-provider"
	idKept         = "one-id-at-provider"
	recordShared   = "record-of-one-saga"

	usedRight          = "used-as-documented"
	participantAnswers = "participant-answers"
)

func sagaInvariants() []judge.Invariant {
	return []judge.Invariant{
		{Name: userCheck, Means: "Saga.Check holds at every commit."},
		{Name: userRest, Means: "Saga.Rest holds at the end."},
		{Name: canBeOpened, Means: "The program opens with the tasks that Saga.Open returns."},
		{Name: sagaStarted, Means: "A repeated start gets an answer, and an acknowledged start is never lost."},
		{Name: sagaEnded, Means: "Every saga ends: it succeeds, or fails where the definition says so."},
		{Name: outcomeKept, Means: "A saga ends as its scenario says, unless a fault outlasts its retries."},
		{Name: stopsThere, Means: "A saga stops, so that an operator must redrive it, only at a task where a fault lasts and that no task compensates."},
		{Name: recordKept, Means: "A step's record changes only as the barrier changes it: an answer that was given remains."},
		{Name: effectReversed, Means: "A compensation reverses exactly the effect of its step, once."},
		{Name: everyOrNone, Means: "At the end, a saga that succeeded has all its effects and one that failed has no effect: records, counters, items, and what was done at providers."},
		{Name: recordShared, Means: "A step's record belongs to one execution."},
		{Name: answerFits, Means: "A task succeeds only if its record says so."},
		{Name: providerAsked, Means: "A step at a provider is recorded as done or compensated only by a delivery that has called the provider successfully."},
		{Name: recordFirst, Means: "A provider is called only when a crash would not lose the step's record."},
		{Name: idKept, Means: "All deliveries of a step call the provider with the same id, so that it acts once."},
		{Name: providerCalled, Means: "The books of providers are read and written by Program.Call only."},
		{Name: usedRight, Means: "The test uses the package as documented: a call has a valid name, an act is done once."},
		{Name: participantAnswers, Means: "A participant that is another program answers in time."},
	}
}
