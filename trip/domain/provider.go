package domain

import (
	"context"
	"errors"

	"tripsaga/shared/money"
)

// PaymentProvider is the party that moves the money. It keeps its own books, and any call or reply of it can be lost,
// late or repeated.
//
// A payment is an intent first. Create moves no money, and is the only call that depends on an idempotency key, which providers
// forget after about 24 hours. All other calls name the intent by the provider's own id: Confirm charges it once, and Cancel is
// a fence after which no Confirm can charge it. So the caller stores the id durably between Create and Confirm. An intent whose
// id was never stored is never confirmed, and costs nothing.
//
// Errors of all methods: Unavailable when the outcome is unknown, when the provider is busy with the same intent, or
// cannot be reached; Conflict of the name Conflict, final, when the provider does not know the id or refuses the call as
// wrong. Its message says what a person has to check.
type PaymentProvider interface {
	// Create creates an intent, or returns that of an earlier call with this key if the provider still remembers the key.
	// Further errors: IdempotencyMismatch of kind Conflict for a key that was used for another order; one that wraps
	// [ErrStored].
	Create(ctx context.Context, key string, o PaymentOrder) (id string, err error)
	// Confirm charges the intent. If the intent is charged already, it succeeds and moves no money. Further errors:
	// PaymentDeclined of kind Refused, after which the intent can still be confirmed again; StepCancelled of kind Conflict if
	// the intent was cancelled or has expired.
	Confirm(ctx context.Context, id string, card CardToken) (chargeID string, err error)
	// Cancel ensures that the intent is never charged, and refunds what was charged and not refunded yet. refundID is "" if
	// there was nothing to refund. A repeated call returns the same id.
	Cancel(ctx context.Context, id string) (refundID string, err error)
	// Refund refunds a part of the charge, once for each reference: the provider's books show which references were refunded,
	// for as long as they show the intent.
	Refund(ctx context.Context, id, reference string, part money.Amount) (refundID string, err error)
	// Get reads the intent in the provider's books.
	Get(ctx context.Context, id string) (PaymentIntent, error)
	// Unit returns the smallest step, in minor units, in which the provider moves money of a currency: 1 for most.
	Unit(c money.Currency) int64
}

// PaymentOrder is the order for which an intent is created.
type PaymentOrder struct {
	Reference string // our reference: the trip's id
	Amount    money.Amount
}

// PaymentIntent is an intent as the provider's books have it.
type PaymentIntent struct {
	ID      string
	Status  IntentStatus
	Order   PaymentOrder
	Entries []Entry // a charge and its refunds, in order; empty before it is captured
}

// IntentStatus is the state of an intent at the provider.
type IntentStatus string

// The states of an intent.
const (
	IntentOpen      IntentStatus = "OPEN"      // nothing was charged, it can be confirmed
	IntentCaptured  IntentStatus = "CAPTURED"  // charged; perhaps refunded in part or in full, see Entries
	IntentCancelled IntentStatus = "CANCELLED" // nothing was charged, and never will be
)

// ErrStored means that the provider has repeated an error that it stored under the idempotency key, and will repeat it for as
// long as it remembers the key. It is not an answer to this call.
var ErrStored = errors.New("the provider repeats an error that it stored under the idempotency key")
