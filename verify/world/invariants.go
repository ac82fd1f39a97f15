package world

import "tripsaga/verify/model"

// What the world sees and the records do not tell.
const (
	runEnds         = "run-ends"
	oneWins         = "one-wins"
	stopsForLasting = "stops-only-for-lasting-faults"
	endsInTime      = "ends-in-time"
	journalFirst    = "journal-first"
	sameInput       = "same-input"
	clientAnswered  = "client-answered"
	noPanic         = "no-panic"
	canBePlayed     = "can-be-played"
	toldLasts       = "told-is-durable"
	toldTrue        = "told-is-true"
	answersFit      = "answer-fits-record" // the model's: it is judged for the bank, too
	contextEnds     = "context-ends"
	timeKept        = "time-kept"
	noneForgotten   = "none-forgotten"
	strayRefused    = "stray-refused"
)

// Invariants are those that the world holds a run to, beside the model's.
func Invariants() []model.Invariant {
	return []model.Invariant{
		{Name: runEnds, Means: "A run comes to rest, and a program that was killed starts again."},
		{Name: oneWins, Means: "Of two trips that want the last seat one gets it, unless a fault outlasts its retries."},
		{Name: stopsForLasting, Means: "A saga stops without an end only for a fault that outlasts its retries."},
		{Name: endsInTime, Means: "Without such a fault everything has ended within an hour."},
		{Name: journalFirst, Means: "A task is delivered only when the reply that led to it is in the journal."},
		{Name: sameInput, Means: "A step that was done is never done again with another input."},
		{Name: clientAnswered, Means: "A client that repeats its call under its Idempotency-Key gets an answer."},
		{Name: noPanic, Means: "Nothing panics: no task, not the engine, not a use case."},
		{Name: canBePlayed, Means: "A schedule can be played to its end."},
		{Name: toldLasts, Means: "What anybody is told, a client, the bank, who listens to ends, who reads, is true after a crash at that moment."},
		{Name: toldTrue, Means: "What anybody reads is what the records say, all of it, and what must be refused is."},
		{Name: contextEnds, Means: "The context of a delivery has ended when its state is tried again."},
		{Name: timeKept, Means: "A restart half-way through a wait keeps what was left of it."},
		{Name: noneForgotten, Means: "The reconciler marks every trip that is overdue."},
		{Name: strayRefused, Means: "A payment or a confirmation that comes out of the blue, on the way to FAILED, is refused."},
	}
}
