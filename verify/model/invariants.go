package model

import "slices"

// Violation is one broken invariant. Invariant is a name from the list Invariants().
type Violation struct{ Invariant, Detail string }

// Invariant describes one, for the documents.
type Invariant struct{ Name, Means string }

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
	{recordReadable, "Every record is JSON of its form."},
	{unseenWrite, "A transaction finds every item as the transactions before it left it."},
	{versionGrows, "Every write of a trip, a step or an intent raises its version by one, so that two writers cannot both win."},
	{belongsToTrip, "Every reservation, payment, event, execution and intent of the bank belongs to a trip that was asked for and stands."},
	{effectAfter, "A step, and a trip's end, is written only when the trip's execution has been written, and its cancellation only when that of the second saga has."},
	{stepTransition, "A step moves from nothing to DONE, REFUSED or UNDONE (a payment: to STARTED, REFUSED or UNDONE), from STARTED to DONE, UNDONE or a REFUSED that is open, from that to a REFUSED that is closed, from DONE to UNDONE, and no other way."},
	{stepFrozen, "A step's fingerprint, amount and what was reserved never change once written."},
	{reasonTold, "A refused step, and a trip that failed or needs attention, has a reason with a name and a message."},
	{reservedAsAsked, "A reservation holds the seats, or the rooms of all nights, that the trip asked for."},

	{counterMoves, "A counter of seats or rooms moves in the transaction, and by the amount, in which a reservation becomes DONE, a DONE one ends, or the capacity changes."},
	{everyNight, "A stay takes or frees all its nights in one transaction, or none."},
	{counterBounds, "What is available is never below 0 and never above the capacity."},
	{heldIsReserved, "Capacity less what is available is what the DONE reservations hold, for every flight and night at every moment."},

	{paymentAsPriced, "A reservation costs a price that was offered, and a payment is over what the two reservations cost."},
	{paymentKeyOwn, "No two payments have one intent at the bank, and an intent has the key and the trip of its payment."},
	{doneIsCaptured, "A payment that is DONE was captured by the bank, with its amount."},
	{undoneIsClosed, "A payment is undone, or refused for good, only when the bank can no longer capture it."},
	{capturedIsKnown, "Money that the bank has captured and not refunded stands in a payment that is STARTED, DONE or REFUSED and open."},

	{intentTransition, "An intent of the bank begins OPEN and moves to CAPTURED, DECLINED or CANCELLED, from DECLINED to the same, from CAPTURED to REFUNDED (a refusal to refund leaves it CAPTURED), and no other way."},
	{intentFirst, "The bank moves money only by an intent, and over an amount, that a payment STARTED before."},
	{captureIsPrice, "What the bank captures is what the trip's reservations cost."},
	{entryBalances, "An entry of the bank's ledger has equal debits and credits, more than 0."},
	{entryWithIntent, "A charge is entered just when its intent becomes CAPTURED, a refund just when it becomes REFUNDED, each over the intent's amount."},
	{oneCharge, "An intent has at most one charge and one refund, never rewritten, never deleted."},
	{refundOfCharge, "A refund is the charge, or a part of it, turned round: the same accounts and currency."},
	{refundBounded, "What is refunded of an intent is at most what was charged, and once for a reference."},
	{chargedOnce, "Of the intents of one trip at most one is ever charged."},
	{unrecordedStill, "An intent that no payment names is never confirmed, declined or cancelled."},

	{tripTransition, "A trip begins PENDING and moves to NEEDS_ATTENTION any number of times, then to CONFIRMED or FAILED for ever. With a request to cancel it moves to CANCELLED instead of FAILED, and from CONFIRMED, or instead of it, to CANCELLING, NEEDS_ATTENTION and CANCELLED."},
	{tripFrozen, "A trip asks for what its client asked for, and that never changes; its card may go with its end."},
	{tripListed, "A trip is listed under its status."},
	{confirmedWhen, "A trip becomes CONFIRMED only while flight, hotel and payment are DONE and the money is captured."},
	{confirmedStays, "After a trip is CONFIRMED none of its steps is undone and nothing is refunded, unless its cancellation was accepted."},
	{totalCaptured, "The total of a CONFIRMED trip is what was captured."},
	{failedWhen, "A trip becomes FAILED or CANCELLED only while nothing is held: no seat, no room, no payment under way, money in = money out, but for the fee."},
	{failedStays, "After a trip is FAILED or CANCELLED nothing is held for it again."},

	{eventOnce, "An event is written once, never rewritten, never deleted."},
	{eventWithChange, "An event is written in the transaction that makes it true."},
	{changeWithEvent, "A change that is to be announced never comes without its event."},
	{eventOrder, "TripRequested is a trip's first event; nothing comes after TripFailed or TripCancelled, and after TripConfirmed only its cancellation."},
	{eventTruth, "An event names its type, trip, reason and amount as the records have them."},
	{eventIDUnique, "No two events have one id, for receivers drop what they have seen."},

	{answerFits, "What a task answers, heard or not, is what its record says at that moment; so is what the bank answers."},
	{paidWhileHeld, "A payment is begun only while flight and hotel are reserved, over what the two cost."},
	{idsDerived, "Ids and payment keys follow from the trip's id alone; the ids of charge and refund are the bank's."},
	{unknownRecord, "Nothing is written that no invariant knows."},

	{acknowledgedLost, "A trip that was acknowledged is never lost."},
	{tripEnded, "At rest every trip is CONFIRMED, FAILED or CANCELLED."},
	{executionEnded, "At rest every trip's execution has ended."},
	{executionFits, "At rest the execution has SUCCEEDED just when the trip is CONFIRMED, and FAILED just when it is FAILED. A trip that is cancelled after it was confirmed has a second one that has SUCCEEDED."},
	{outcomeKept, "A trip ends as its schedule of faults allows."},
	{noticeLeft, "At rest no notice of an execution's end is left over."},
	{eventsComplete, "At rest the events are exactly those that the records require."},
	{ledgerAddsUp, "At rest the bank's charges less its refunds are what the CONFIRMED trips paid and the fees of the CANCELLED ones, in every currency."},
	{booksFitTrip, "At rest the provider's own books show what the trip's status says: of a CONFIRMED trip its total and no refund, of a FAILED one nothing kept, of a CANCELLED one the fee, and nothing that could still be charged."},
	{acceptedCancel, "A cancellation that was accepted is never lost, and at rest just the trips with one are CANCELLED."},
	{feeAsFixed, "Fee and refund of a cancellation are what was paid, by the percentage that the request has fixed."},
	{cancelInTime, "A cancellation is accepted only before the flight departs."},

	{stoppedMarked, "A trip whose execution stopped without its end NEEDS_ATTENTION."},
	{stoppedNames, "The reason of a stopped trip names how and at which state its execution stopped."},
	{stoppedExecution, "A stopped execution is FAILED, ABORTED or TIMED_OUT."},
}

// Invariants lists everything that is judged.
func Invariants() []Invariant { return slices.Clone(invariants) }
