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
		{Name: noPanic, Means: "No task panics."},
	}
}
