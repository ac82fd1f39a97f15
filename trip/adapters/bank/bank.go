// Package bank is a payment provider to test against, as real ones offer it: cards are tokens that say what happens to
// them, and every movement of money is an entry in a double-entry ledger. It stands for a party outside: it keeps its
// own items, is durable before it answers, and its replies can get lost.
//
// Its items, under BANK#<key>: INTENT is what became of the key, CHARGE and REFUND are the ledger's entries.
package bank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
)

// The card tokens that the bank knows; any other is declined as an invalid card.
const (
	OK                = "tok_ok"
	Declined          = "tok_declined"
	InsufficientFunds = "tok_insufficient_funds"
	TimeoutBefore     = "tok_timeout_before" // the call fails, no charge is made
	TimeoutAfter      = "tok_timeout_after"  // the charge is made, but every reply is lost
	RefundStuck       = "tok_refund_stuck"   // the same, and the bank refuses the first refund for good
)

// TestCards says, for people, what happens to each of these cards.
var TestCards = []struct{ Token, What string }{
	{OK, "is charged"},
	{Declined, "is declined"},
	{InsufficientFunds, "is declined: insufficient funds"},
	{TimeoutBefore, "the bank does not answer and charges nothing"},
	{TimeoutAfter, "is charged, but the bank's answer is lost, so that it is refunded"},
	{RefundStuck, "is charged, the answer is lost, and the refund is refused: the trip needs attention; a redrive refunds it"},
}

// The accounts of the ledger: a charge debits the one and credits the other, a refund the reverse.
const (
	Cards    = "cards"    // what the travelers' cards owe
	Merchant = "merchant" // what the merchant is owed
)

// Bank moves money between the accounts of its ledger. It is safe for concurrent use.
type Bank struct{ table table.Table }

// New opens a bank whose books are in t.
func New(t table.Table) *Bank { return &Bank{t} }

// intent is what became of a key.
type intent struct {
	State   state        `json:"state"`
	Amount  money.Amount `json:"amount,omitzero"`
	Message string       `json:"message,omitempty"` // why it was declined
	Stuck   bool         `json:"stuck,omitempty"`   // the next refund is refused
}

type state string

const (
	captured  state = "CAPTURED"
	declined  state = "DECLINED"
	cancelled state = "CANCELLED" // before anything was captured
	refunded  state = "REFUNDED"
)

// item is the key of one of the bank's items.
func item(key, sk string) table.Key { return table.Key{PK: pkBank + key, SK: sk} }

const (
	pkBank   = "BANK#"
	skIntent = "INTENT"
	skCharge = "CHARGE"
	skRefund = "REFUND"
)

func (b *Bank) intent(ctx context.Context, key string) (in intent, version int64, err error) {
	it, ok, err := b.table.Get(ctx, item(key, skIntent))
	if err != nil || !ok {
		return in, 0, unavailable(err)
	}
	if err := json.Unmarshal(it.Data, &in); err != nil {
		return in, 0, fmt.Errorf("bank: the intent of %s: %w", key, err)
	}
	return in, it.Version, nil
}

// put writes the intent over the given version of it, 0 being none.
func (in intent) put(key string, over int64) (table.Op, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return table.Op{}, err
	}
	cond := table.Absent
	if over > 0 {
		cond = table.Version(over)
	}
	return table.Put(table.Item{Key: item(key, skIntent), Version: over + 1, Data: data}, cond), nil
}

func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the bank did not answer")
}

func lostRace(err error) bool {
	var conflict *table.Conflict
	return errors.As(err, &conflict)
}
