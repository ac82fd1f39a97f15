package model

import (
	"slices"

	"tripsaga/verify/judge"
)

// Violation is one broken invariant. Invariant is a name from the list Invariants().
type Violation = judge.Violation

// Invariant is the name of an invariant and what it requires, for the documentation.
type Invariant = judge.Invariant

const (
	recordReadable  = "record-readable"
	unseenWrite     = "unseen-write"
	versionGrows    = "version-grows"
	belongsToTrip   = "belongs-to-a-trip"
	effectAfter     = "effect-after-start"
	stepTransition  = "step-transition"
	stepFrozen      = "step-frozen"
	reasonTold      = "reason-told"
	reservedAsAsked = "reserved-as-asked"

	counterMoves   = "counter-with-reservation"
	everyNight     = "every-night-or-none"
	counterBounds  = "counter-in-bounds"
	heldIsReserved = "held-is-reserved"

	paymentAsPriced = "payment-as-priced"
	paymentKeyOwn   = "payment-key-own"
	doneIsCaptured  = "done-payment-captured"
	undoneIsClosed  = "undone-payment-closed"
	capturedIsKnown = "captured-is-recorded"

	intentTransition = "intent-transition"
	intentFirst      = "intent-before-money"
	captureIsPrice   = "capture-is-the-price"
	entryBalances    = "entry-balances"
	entryWithIntent  = "entry-with-intent"
	oneCharge        = "one-charge-one-refund"
	refundOfCharge   = "refund-of-the-charge"
	refundBounded    = "refund-at-most-the-charge"
	chargedOnce      = "charged-once"
	unrecordedStill  = "unrecorded-intent-still"

	tripTransition = "trip-transition"
	tripFrozen     = "trip-as-asked"
	tripListed     = "trip-listed-by-status"
	confirmedWhen  = "confirmed-when-all-done"
	confirmedStays = "confirmed-never-undone"
	totalCaptured  = "total-is-captured"
	failedWhen     = "failed-when-nothing-held"
	failedStays    = "failed-stays-empty"

	eventOnce       = "event-written-once"
	eventWithChange = "event-with-its-change"
	changeWithEvent = "change-with-its-event"
	eventOrder      = "event-order"
	eventTruth      = "event-tells-the-truth"
	eventIDUnique   = "event-id-unique"

	answerFits    = "answer-fits-record"
	paidWhileHeld = "paid-while-held"
	idsDerived    = "ids-derived"
	unknownRecord = "unknown-record"

	acknowledgedLost = "acknowledged-lost"
	tripEnded        = "trip-ended"
	executionEnded   = "execution-ended"
	executionFits    = "execution-fits-trip"
	outcomeKept      = "outcome-respected"
	noticeLeft       = "notice-left"
	eventsComplete   = "events-complete"
	ledgerAddsUp     = "ledger-adds-up"
	booksFitTrip     = "books-fit-trip"
	acceptedCancel   = "accepted-cancel-ends-so"
	feeAsFixed       = "fee-as-fixed"
	cancelInTime     = "cancel-before-departure"

	stoppedMarked    = "stopped-needs-attention"
	stoppedNames     = "stopped-names-state"
	stoppedExecution = "stopped-execution-ended"
)

var invariants = []Invariant{
	{Name: recordReadable, Means: "Every record is JSON with the fields of its kind."},
	{Name: unseenWrite, Means: "A transaction finds every item as the transactions before it left it."},
	{Name: versionGrows, Means: "Every write of a trip, a step or an intent raises its version by one, so that two writers cannot both win."},
	{Name: belongsToTrip, Means: "Every reservation, payment, event, execution and intent of the bank belongs to a trip that was requested and exists."},
	{Name: effectAfter, Means: "A step, and a trip's end, is written only when the trip's execution has been written, and its cancellation only when that of the second saga has."},
	{Name: stepTransition, Means: "A step moves from nothing to DONE, REFUSED or UNDONE (a payment: to STARTED, REFUSED or UNDONE), from STARTED to DONE, UNDONE or an open REFUSED, from an open REFUSED to a closed one, from DONE to UNDONE, and no other way."},
	{Name: stepFrozen, Means: "A step's fingerprint, amount and what was reserved never change once written."},
	{Name: reasonTold, Means: "A refused step, and a trip that failed or needs attention, has a reason with a name and a message."},
	{Name: reservedAsAsked, Means: "A reservation holds the seats, or the rooms of all nights, that the trip requested."},

	{Name: counterMoves, Means: "A counter of seats or rooms moves in the transaction, and by the amount, in which a reservation becomes DONE, a DONE one ends, or the capacity changes."},
	{Name: everyNight, Means: "A stay takes or frees all its nights in one transaction, or none."},
	{Name: counterBounds, Means: "What is available is never below 0 and never above the capacity."},
	{Name: heldIsReserved, Means: "For every flight and night at every moment, capacity minus availability is what the DONE reservations hold."},

	{Name: paymentAsPriced, Means: "A reservation costs a price that was offered, and a payment is over what the two reservations cost."},
	{Name: paymentKeyOwn, Means: "No two payments have one intent at the bank, and an intent has the key and the trip of its payment."},
	{Name: doneIsCaptured, Means: "A payment that is DONE was captured by the bank, with its amount."},
	{Name: undoneIsClosed, Means: "A payment is undone, or refused for good, only when the bank can no longer capture it."},
	{Name: capturedIsKnown, Means: "Money that the bank has captured and not refunded is recorded in a payment that is STARTED, DONE, or REFUSED and open."},

	{Name: intentTransition, Means: "An intent of the bank begins OPEN and moves to CAPTURED, DECLINED or CANCELLED, from DECLINED to any of these, from CAPTURED to REFUNDED (a refusal to refund leaves it CAPTURED), and no other way."},
	{Name: intentFirst, Means: "The bank moves money only by an intent, and over an amount, that a payment STARTED before."},
	{Name: captureIsPrice, Means: "What the bank captures is what the trip's reservations cost."},
	{Name: entryBalances, Means: "An entry of the bank's ledger has equal debits and credits, more than 0."},
	{Name: entryWithIntent, Means: "A charge is entered exactly when its intent becomes CAPTURED, a refund exactly when it becomes REFUNDED, each with the intent's amount."},
	{Name: oneCharge, Means: "An intent has at most one charge and one refund, never rewritten, never deleted."},
	{Name: refundOfCharge, Means: "A refund reverses the charge or a part of it, in the same accounts and currency."},
	{Name: refundBounded, Means: "At most the charged amount of an intent is refunded, and once for each reference."},
	{Name: chargedOnce, Means: "At most one of the intents of a trip is ever charged."},
	{Name: unrecordedStill, Means: "An intent that no payment names is never confirmed, declined or cancelled."},

	{Name: tripTransition, Means: "A trip begins PENDING and moves to NEEDS_ATTENTION any number of times, then to CONFIRMED or FAILED for ever. With a request to cancel it moves to CANCELLED instead of FAILED, and from CONFIRMED, or instead of it, to CANCELLING, NEEDS_ATTENTION and CANCELLED."},
	{Name: tripFrozen, Means: "A trip's request is what its client requested and never changes; its card may be removed when it ends."},
	{Name: tripListed, Means: "A trip is listed under its status."},
	{Name: confirmedWhen, Means: "A trip becomes CONFIRMED only while flight, hotel and payment are DONE and the money is captured."},
	{Name: confirmedStays, Means: "After a trip is CONFIRMED none of its steps is undone and nothing is refunded, unless its cancellation was accepted."},
	{Name: totalCaptured, Means: "The total of a CONFIRMED trip is the captured amount."},
	{Name: failedWhen, Means: "A trip becomes FAILED or CANCELLED only while nothing is held: no seat, no room, no payment in progress, and, except for the fee, money in equals money out."},
	{Name: failedStays, Means: "After a trip is FAILED or CANCELLED nothing is held for it again."},

	{Name: eventOnce, Means: "An event is written once, never rewritten, never deleted."},
	{Name: eventWithChange, Means: "An event is written in the transaction that makes it true."},
	{Name: changeWithEvent, Means: "A change that must be announced is never written without its event."},
	{Name: eventOrder, Means: "TripRequested is a trip's first event; nothing comes after TripFailed or TripCancelled, and after TripConfirmed only its cancellation."},
	{Name: eventTruth, Means: "An event has the type, trip, reason and amount of the records."},
	{Name: eventIDUnique, Means: "No two events have the same id, since receivers drop ids that they have seen."},

	{Name: answerFits, Means: "The answer of a task, received or not, matches its record at that moment; so does the answer of the bank."},
	{Name: paidWhileHeld, Means: "A payment begins only while flight and hotel are reserved, with their price."},
	{Name: idsDerived, Means: "Ids and payment keys are derived from the trip's id alone; the ids of charge and refund are the bank's."},
	{Name: unknownRecord, Means: "No record is written that no invariant covers."},

	{Name: acknowledgedLost, Means: "A trip that was acknowledged is never lost."},
	{Name: tripEnded, Means: "At rest every trip is CONFIRMED, FAILED or CANCELLED."},
	{Name: executionEnded, Means: "At rest every trip's execution has ended."},
	{Name: executionFits, Means: "At rest the execution has SUCCEEDED if and only if the trip is CONFIRMED, and FAILED if and only if it is FAILED. A trip that is cancelled after it was confirmed has a second execution, which has SUCCEEDED."},
	{Name: outcomeKept, Means: "A trip ends as its schedule of faults allows."},
	{Name: noticeLeft, Means: "At rest no notice of an execution's end is left over."},
	{Name: eventsComplete, Means: "At rest the events are exactly those that the records require."},
	{Name: ledgerAddsUp, Means: "At rest, in every currency, the bank's charges minus its refunds equal what the CONFIRMED trips paid plus the fees of the CANCELLED ones."},
	{Name: booksFitTrip, Means: "At rest the provider's own books match the trip's status: the total and no refund for a CONFIRMED trip, nothing kept for a FAILED one, the fee for a CANCELLED one, and nothing that could still be charged."},
	{Name: acceptedCancel, Means: "An accepted cancellation is never lost, and at rest exactly the trips with one are CANCELLED."},
	{Name: feeAsFixed, Means: "Fee and refund of a cancellation add up to what was paid, and the fee has the percentage that the request has fixed."},
	{Name: cancelInTime, Means: "A cancellation is accepted only before the flight departs."},

	{Name: stoppedMarked, Means: "A trip whose execution stopped before the trip's end is NEEDS_ATTENTION."},
	{Name: stoppedNames, Means: "The reason of a stopped trip says how and at which state its execution stopped."},
	{Name: stoppedExecution, Means: "A stopped execution is FAILED, ABORTED or TIMED_OUT."},
}

// Invariants lists the invariants that a Judge checks.
func Invariants() []Invariant { return slices.Clone(invariants) }
