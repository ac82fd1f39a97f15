// Package bank is a payment provider for tests, as real providers offer one. The card token decides what happens to a
// charge, and every movement of money is an entry in a double-entry ledger. It represents an external party: it has its
// own items, is durable before it replies, and its replies can be lost.
//
// Its items, under BANK#<key>: INTENT is the state of the key, CHARGE and REFUND are the ledger's entries.
package bank

import (
	"context"
	"encoding/json"
	"fmt"

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

// The accounts of the ledger: a charge debits the one and credits the other, a refund the reverse.
const (
	Cards    = "cards"    // what the travelers' cards owe
	Merchant = "merchant" // what the merchant is owed
)

// Bank moves money between the accounts of its ledger. It is safe for concurrent use.
type Bank struct{ table table.Table }

// New opens a bank whose books are in t.
func New(t table.Table) *Bank { return &Bank{t} }

// intent is the state of a key.
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

// item returns the key of one of the bank's items.
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

// put returns the operation that writes the intent over the given version of it. 0 means that it must not exist.
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

// Charge charges the amount, once for a key. A repeated call returns the first result. Errors: PaymentDeclined of kind
// Refused; StepCancelled of kind Conflict if the key was cancelled; IdempotencyMismatch of kind Conflict if it was charged
// with another amount; InvalidRequest; Unavailable, after which the money may have moved.
func (b *Bank) Charge(ctx context.Context, key string, amount money.Amount, card string) (chargeID string, err error) {
	if amount.Minor <= 0 {
		return "", fault.Invalidf("amount", "%s is no amount to charge, it must be more than 0", amount)
	}
	ctx = table.Durable(ctx)
	switch card {
	case TimeoutBefore:
		return "", timeout()
	case TimeoutAfter, RefundStuck:
		_, _ = b.charge(ctx, key, amount, card) // the reply is lost
		return "", timeout()
	}
	return b.charge(ctx, key, amount, card)
}

func timeout() error {
	return fault.New(fault.Unavailable, fault.NameUnavailable, "the bank did not answer in time")
}

// charge writes first and reads only after a conflict, since a first call is the common case.
func (b *Bank) charge(ctx context.Context, key string, amount money.Amount, card string) (chargeID string, err error) {
	in := decide(amount, card)
	ops, err := in.first(key)
	if err != nil {
		return "", err
	}
	err = b.table.Transact(ctx, ops...)
	if table.IsConflict(err) {
		in, _, err = b.intent(ctx, key)
	}
	if err != nil {
		return "", unavailable(err)
	}
	if err := in.answer(amount); err != nil {
		return "", err
	}
	return ident.Derive("charge", key), nil
}

// decide returns what happens to a card.
func decide(amount money.Amount, card string) intent {
	switch card {
	case OK, TimeoutAfter, RefundStuck:
		return intent{State: captured, Amount: amount, Stuck: card == RefundStuck}
	case Declined:
		return intent{State: declined, Amount: amount, Message: "the card was declined"}
	case InsufficientFunds:
		return intent{State: declined, Amount: amount, Message: "the card was declined: insufficient funds"}
	}
	return intent{State: declined, Amount: amount, Message: "the card was declined: no such card"}
}

// first returns the operations that record in as the key's answer. A capture is entered in the ledger with it.
func (in intent) first(key string) ([]table.Op, error) {
	put, err := in.put(key, 0)
	if err != nil || in.State != captured {
		return []table.Op{put}, err
	}
	entry, err := enter(key, skCharge, domain.Entry{
		ID: ident.Derive("charge", key), Kind: domain.Charge, Currency: in.Amount.Currency,
		Postings: []domain.Posting{{Account: Cards, Debit: in.Amount.Minor}, {Account: Merchant, Credit: in.Amount.Minor}},
	})
	return []table.Op{put, entry}, err
}

// answer returns the error of a charge of the amount under this intent, nil if it is captured.
func (in intent) answer(amount money.Amount) error {
	switch {
	case in.State == cancelled || in.State == refunded:
		return fault.New(fault.Conflict, fault.NameStepCancelled, "the payment was cancelled")
	case in.Amount != amount:
		return fault.New(fault.Conflict, fault.NameIdempotencyMismatch,
			"the payment is over %s, not %s", in.Amount, amount)
	case in.State == declined:
		return fault.New(fault.Refused, fault.NamePaymentDeclined, "%s", in.Message)
	}
	return nil
}

// Cancel refunds what was captured under key and refuses all later charges of it. refundID is "" if nothing was captured.
// A repeated call returns the same result. Errors: Unavailable; Conflict, final, for the first refund of [RefundStuck].
func (b *Bank) Cancel(ctx context.Context, key string) (refundID string, err error) {
	ctx = table.Durable(ctx)
	const attempts = 3 // a key changes its state at most twice, so the third attempt finds its final state
	for range attempts {
		in, version, err := b.intent(ctx, key)
		if err != nil {
			return "", err
		}
		switch in.State {
		case refunded:
			return ident.Derive("refund", key), nil
		case declined, cancelled:
			return "", nil
		}
		if in.Stuck {
			return "", b.refuse(ctx, key, in, version)
		}
		ops, err := in.cancel(key, version)
		if err != nil {
			return "", err
		}
		if err = b.table.Transact(ctx, ops...); err != nil && !table.IsConflict(err) {
			return "", unavailable(err)
		}
	}
	return "", fault.New(fault.Unavailable, fault.NameUnavailable, "payment %s keeps changing", key)
}

// refuse refuses a refund, once. The next one succeeds.
func (b *Bank) refuse(ctx context.Context, key string, in intent, version int64) error {
	in.Stuck = false
	put, err := in.put(key, version)
	if err == nil {
		err = unavailable(b.table.Transact(ctx, put))
	}
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, fault.NameConflict, "the bank refuses the refund of payment %s: the account is locked; redrive the trip to try again", key)
}

// cancel returns the operations that cancel an open key or refund a captured one.
func (in intent) cancel(key string, version int64) ([]table.Op, error) {
	if in.State != captured {
		put, err := intent{State: cancelled}.put(key, version)
		return []table.Op{put}, err
	}
	back := in.Amount
	in.State = refunded
	put, err := in.put(key, version)
	if err != nil {
		return nil, err
	}
	entry, err := enter(key, skRefund, domain.Entry{
		ID: ident.Derive("refund", key), Kind: domain.Refund, Currency: back.Currency,
		Postings: []domain.Posting{{Account: Merchant, Debit: back.Minor}, {Account: Cards, Credit: back.Minor}},
	})
	return []table.Op{put, entry}, err
}

// enter returns the operation that writes an entry, once.
func enter(key, sk string, e domain.Entry) (table.Op, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return table.Op{}, fmt.Errorf("bank: entry %s: %w", e.ID, err)
	}
	return table.Put(table.Item{Key: item(key, sk), Version: 1, Data: data}, table.Absent), nil
}

// EachEntry calls visit for every entry of the ledger. ok is false if the table has no scan. Errors: Unavailable.
func (b *Bank) EachEntry(ctx context.Context, visit func(domain.Entry)) (ok bool, err error) {
	items, ok := table.Scan(ctx, b.table, pkBank)
	if !ok {
		return false, nil
	}
	for it, err := range items {
		if err != nil {
			return true, unavailable(err)
		}
		if it.SK == skIntent {
			continue
		}
		e, err := decodeEntry(it)
		if err != nil {
			return true, err
		}
		visit(e)
	}
	return true, nil
}

func decodeEntry(it table.Item) (e domain.Entry, err error) {
	if err := json.Unmarshal(it.Data, &e); err != nil {
		return e, fmt.Errorf("bank: the entry at %s: %w", it.Key, err)
	}
	return e, nil
}

// Entries returns the ledger's entries of one key: none, a charge, or a charge and its refund. Errors: Unavailable.
func (b *Bank) Entries(ctx context.Context, key string) ([]domain.Entry, error) {
	var entries []domain.Entry
	for it, err := range table.Items(ctx, b.table, table.Query{PK: item(key, skIntent).PK}) {
		if err != nil {
			return nil, unavailable(err)
		}
		if it.SK == skIntent {
			continue
		}
		e, err := decodeEntry(it)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}
