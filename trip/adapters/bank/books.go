package bank

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/shared/strictjson"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// The accounts of the ledger: a charge debits the one and credits the other, a refund the reverse.
const (
	Cards    = "cards"    // what the travelers' cards owe
	Merchant = "merchant" // what the merchant is owed
)

// intent is the state of a payment.
type intent struct {
	State     state        `json:"state"`
	Key       string       `json:"key,omitempty"`
	Reference string       `json:"reference,omitempty"`
	Amount    money.Amount `json:"amount,omitzero"`
	Refunded  int64        `json:"refunded,omitempty"` // by references, in minor units; Cancel refunds the rest
	Message   string       `json:"message,omitempty"`  // why it was declined
	Stuck     bool         `json:"stuck,omitempty"`    // the next refund is refused
	Created   time.Time    `json:"created,omitzero"`
}

type state string

const (
	open      state = "OPEN"
	declined  state = "DECLINED" // and can be confirmed again
	captured  state = "CAPTURED" // some of it may be refunded
	cancelled state = "CANCELLED"
	refunded  state = "REFUNDED" // all of it
)

func (in *intent) order() domain.PaymentOrder {
	return domain.PaymentOrder{Reference: in.Reference, Amount: in.Amount}
}

// rest returns the amount that is not refunded by references.
func (in *intent) rest() money.Amount {
	return money.Amount{Minor: in.Amount.Minor - in.Refunded, Currency: in.Amount.Currency}
}

// refund returns the id of the refund by Cancel; "" if there was nothing to refund.
func (in *intent) refund(id string) string {
	if in.State != refunded || in.rest().Minor == 0 {
		return ""
	}
	return ident.Derive("refund", id)
}

// closed reports whether the intent can never be charged again.
func (b *Bank) closed(in *intent) bool {
	return in.State == cancelled || in.State == refunded ||
		in.State != captured && b.now().Sub(in.Created) >= openLife
}

const idPrefix = "in_"

// isKey reports whether the id is an idempotency key. A payment of an older version was known by its key. Cancel of a key
// that was never charged refuses all later charges, as that version's Cancel did.
func isKey(id string) bool {
	_, err := ident.Parse(id)
	return err == nil
}

// item returns the key of one of the bank's items.
func item(id, sk string) table.Key { return table.Key{PK: pkBank + id, SK: sk} }

const (
	pkBank   = "BANK#"
	skIntent = "INTENT"
	skCharge = "CHARGE"
	skRefund = "REFUND"
)

// intent reads the intent. A missing intent is an error, with version 0.
func (b *Bank) intent(ctx context.Context, id string) (in intent, version int64, err error) {
	it, ok, err := b.table.Get(ctx, item(id, skIntent))
	switch {
	case err != nil:
		return in, 0, unavailable(err)
	case !ok:
		return in, 0, wrong("the bank knows no payment %s: compare its books with the trip's payment before you continue", id)
	}
	if err := strictjson.DecodeRecord(it.Data, &in); err != nil {
		return in, 0, fmt.Errorf("bank: the intent of %s: %w", id, err)
	}
	return in, it.Version, nil
}

// lasts waits until the intent that was read is durable. An answer without a write needs this. Other answers do not: their own
// write is durable, and what was read comes before it in the log.
func (b *Bank) lasts(ctx context.Context, id string) error {
	_, _, err := b.table.Get(table.Durable(ctx), item(id, skIntent))
	return unavailable(err)
}

// write writes the intent if the stored version is over; 0 means that it must not exist.
func (b *Bank) write(ctx context.Context, id string, in intent, over int64) error {
	put, err := put(id, in, over)
	if err != nil {
		return err
	}
	return b.table.Transact(ctx, put)
}

func put(id string, in intent, over int64) (table.Op, error) {
	data, err := strictjson.EncodeRecord(&in)
	if err != nil {
		return table.Op{}, fmt.Errorf("bank: the intent of %s: %w", id, err)
	}
	cond := table.Absent
	if over > 0 {
		cond = table.Version(over)
	}
	return table.Put(table.Item{Key: item(id, skIntent), Version: over + 1, Data: data}, cond), nil
}

// move writes the intent and enters the movement of money that changed it, in one transaction.
func (b *Bank) move(ctx context.Context, id string, in intent, over int64, sk string, e domain.Entry) error {
	change, err := put(id, in, over)
	if err != nil {
		return err
	}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("bank: entry %s: %w", e.ID, err)
	}
	enter := table.Put(table.Item{Key: table.Key{PK: change.Key.PK, SK: sk}, Version: 1, Data: data}, table.Absent)
	return busy(id, b.table.Transact(ctx, change, enter))
}

func chargeOf(id string) string { return ident.Derive("charge", id) }

func charge(id string, a money.Amount) domain.Entry {
	return domain.Entry{ID: chargeOf(id), Kind: domain.Charge, Currency: a.Currency,
		Postings: []domain.Posting{{Account: Cards, Debit: a.Minor}, {Account: Merchant, Credit: a.Minor}}}
}

func refund(refundID string, a money.Amount) domain.Entry {
	return domain.Entry{ID: refundID, Kind: domain.Refund, Currency: a.Currency,
		Postings: []domain.Posting{{Account: Merchant, Debit: a.Minor}, {Account: Cards, Credit: a.Minor}}}
}

func decodeEntry(it table.Item) (e domain.Entry, err error) {
	if err := strictjson.DecodeRecord(it.Data, &e); err != nil {
		return e, fmt.Errorf("bank: the entry at %s: %w", it.Key, err)
	}
	return e, nil
}

func (b *Bank) entry(ctx context.Context, id, sk string) (e domain.Entry, ok bool, err error) {
	it, ok, err := b.table.Get(ctx, item(id, sk))
	if err != nil || !ok {
		return e, false, unavailable(err)
	}
	e, err = decodeEntry(it)
	return e, true, err
}

// entries returns the ledger's entries of one intent: the charge, the partial refunds, the refund of the rest.
func (b *Bank) entries(ctx context.Context, id string) ([]domain.Entry, error) {
	var items []table.Item
	for it, err := range table.Items(ctx, b.table, table.Query{PK: item(id, skIntent).PK}) {
		if err != nil {
			return nil, unavailable(err)
		}
		if it.SK != skIntent {
			items = append(items, it)
		}
	}
	slices.SortFunc(items, func(x, y table.Item) int { return strings.Compare(rank(x.SK), rank(y.SK)) })
	var entries []domain.Entry
	for _, it := range items {
		e, err := decodeEntry(it)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// rank sorts the refund by Cancel after the partial ones, since nothing can be refunded after it.
func rank(sk string) string {
	if sk == skRefund {
		return "~"
	}
	return sk
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
