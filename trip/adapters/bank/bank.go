// Package bank is the built-in payment provider, for trials and tests. It behaves like real providers: a payment is an intent
// first, idempotency keys are forgotten after 24 hours, intents expire, and a call that conflicts with a running one is refused
// as in progress. The card token decides what happens to a charge, and every movement of money is an entry in a double-entry
// ledger. The bank represents an external party: it has its own items, is durable before it replies, and its replies can be
// lost.
//
// Its items, under BANK#<intent id>: INTENT is the state, CHARGE the ledger's entry of the charge, REFUND that of the
// refund by Cancel, REFUND#<reference> that of a partial refund.
package bank

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// The card tokens that the bank knows. Any other is declined as an invalid card.
const (
	OK                = "tok_ok"
	Declined          = "tok_declined"
	InsufficientFunds = "tok_insufficient_funds"
	TimeoutBefore     = "tok_timeout_before" // the call fails, no charge is made
	TimeoutAfter      = "tok_timeout_after"  // the charge is made, but every reply is lost
	RefundStuck       = "tok_refund_stuck"   // the same, and the bank refuses the first refund with a final error
)

// TestCards describes, for people, what happens to each of these cards.
var TestCards = []struct{ Token, What string }{
	{OK, "is charged"},
	{Declined, "is declined"},
	{InsufficientFunds, "is declined: insufficient funds"},
	{TimeoutBefore, "the bank does not answer and charges nothing"},
	{TimeoutAfter, "is charged, but the bank's answer is lost, so that it is refunded"},
	{RefundStuck, "is charged, the answer is lost, and the refund is refused: the trip needs attention; a redrive refunds it"},
}

const (
	keysKept = 24 * time.Hour     // how long a key is remembered
	openLife = 7 * 24 * time.Hour // how long an intent that is not charged is valid
)

// Bank moves money between the accounts of its ledger. It is safe for concurrent use.
type Bank struct {
	table table.Table
	now   func() time.Time
}

var _ domain.PaymentProvider = (*Bank)(nil)

// New returns a bank whose books are in t.
func New(t table.Table, now func() time.Time) *Bank { return &Bank{t, now} }

// IntentID returns the id of the n-th intent of a key, from 1: the first one, and one more each time that the key was
// forgotten.
func IntentID(key string, n int) string {
	return idPrefix + ident.DeriveNear("intent", key, strconv.Itoa(n))
}

// Create implements domain.PaymentProvider. The id is derived from the key and counts the times that the key was
// forgotten. So a key needs no item: a forgotten key is one whose newest intent is old.
func (b *Bank) Create(ctx context.Context, key string, o domain.PaymentOrder) (id string, err error) {
	if key == "" || o.Amount.Minor <= 0 {
		return "", wrong("an intent needs a key and an amount above 0, not %q and %s", key, o.Amount)
	}
	ctx = table.Durable(ctx)
	fresh := intent{State: open, Key: key, Reference: o.Reference, Amount: o.Amount, Created: b.now().UTC().Truncate(time.Millisecond)}
	for n := 1; ; n++ {
		id := IntentID(key, n)
		err := b.write(ctx, id, fresh, 0)
		if !table.IsConflict(err) {
			return onSuccess(id, unavailable(err))
		}
		known, _, err := b.intent(ctx, id)
		switch {
		case err != nil:
			return "", err
		case b.now().Sub(known.Created) >= keysKept:
			continue
		case known.order() != o:
			return "", fault.New(fault.Conflict, fault.NameIdempotencyMismatch,
				"the key belongs to an intent over %s for %s", known.Amount, known.Reference)
		}
		return id, nil
	}
}

// Unit implements domain.PaymentProvider.
func (b *Bank) Unit(money.Currency) int64 { return 1 }

// Confirm implements domain.PaymentProvider.
func (b *Bank) Confirm(ctx context.Context, id string, card domain.CardToken) (chargeID string, err error) {
	switch card {
	case TimeoutBefore:
		return "", timeout()
	case TimeoutAfter, RefundStuck:
		_, _ = b.confirm(ctx, id, card) // the reply is lost
		return "", timeout()
	}
	return b.confirm(ctx, id, card)
}

func timeout() error {
	return fault.New(fault.Unavailable, fault.NameUnavailable, "the bank did not answer in time")
}

func (b *Bank) confirm(ctx context.Context, id string, card domain.CardToken) (chargeID string, err error) {
	in, version, err := b.intent(table.Deferred(ctx), id)
	ctx = table.Durable(ctx)
	switch {
	case err != nil:
		return "", err
	case in.State == captured:
		return onSuccess(chargeOf(id), b.lasts(ctx, id))
	case b.closed(&in):
		return "", cmp.Or(b.lasts(ctx, id),
			error(fault.New(fault.Conflict, fault.NameStepCancelled, "the payment was cancelled, or has expired")))
	}
	if why := decline(card); why != "" {
		return "", b.decline(ctx, id, in, version, why)
	}
	in.State, in.Message, in.Stuck = captured, "", card == RefundStuck
	entry := charge(id, in.Amount)
	return onSuccess(entry.ID, b.move(ctx, id, in, version, skCharge, entry))
}

// decline returns why a card is declined; "" if it is not.
func decline(card domain.CardToken) string {
	switch card {
	case OK, TimeoutAfter, RefundStuck:
		return ""
	case Declined:
		return "the card was declined"
	case InsufficientFunds:
		return "the card was declined: insufficient funds"
	}
	return "the card was declined: no such card"
}

// decline records that the card was declined. The intent can still be confirmed.
func (b *Bank) decline(ctx context.Context, id string, in intent, version int64, why string) error {
	in.State, in.Message = declined, why
	if err := busy(id, b.write(ctx, id, in, version)); err != nil {
		return err
	}
	return fault.New(fault.Refused, fault.NamePaymentDeclined, "%s", why)
}

// Get implements domain.PaymentProvider.
func (b *Bank) Get(ctx context.Context, id string) (domain.PaymentIntent, error) {
	in, _, err := b.intent(ctx, id)
	if err != nil {
		return domain.PaymentIntent{}, err
	}
	found := domain.PaymentIntent{ID: id, Status: domain.IntentOpen, Order: in.order()}
	switch {
	case in.State == captured || in.State == refunded:
		found.Status = domain.IntentCaptured
	case b.closed(&in):
		found.Status = domain.IntentCancelled
	}
	found.Entries, err = b.entries(ctx, id)
	return found, err
}

func wrong(format string, args ...any) error {
	return fault.New(fault.Conflict, fault.NameConflict, format, args...)
}

func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the bank did not answer")
}

// busy is [unavailable] for a conditional write: a conflict means that another call has changed the intent.
func busy(id string, err error) error {
	if table.IsConflict(err) {
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "another call of payment %s is in progress", id)
	}
	return unavailable(err)
}

// onSuccess returns the id only without an error.
func onSuccess(id string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return id, nil
}
