package bank

import (
	"context"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// Cancel refunds what was captured under key and refuses all later charges of it. refundID is "" when nothing was
// captured; a repeated call gives the same answer. Errors: Unavailable; Conflict, final, of the first refund of
// [RefundStuck].
func (b *Bank) Cancel(ctx context.Context, key string) (refundID string, err error) {
	ctx = table.Durable(ctx)
	const attempts = 3 // a key moves at most twice; the last look finds what it has become
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
		if err = b.table.Transact(ctx, ops...); err != nil && !lostRace(err) {
			return "", unavailable(err)
		}
	}
	return "", fault.New(fault.Unavailable, fault.NameUnavailable, "payment %s keeps changing", key)
}

// refuse refuses a refund, once: the next one finds the account in order again.
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

// cancel are the operations that end an open key or refund a captured one.
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
