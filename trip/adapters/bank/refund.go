package bank

import (
	"context"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/table"
)

// Cancel implements domain.PaymentProvider. It refuses the first refund of [RefundStuck].
func (b *Bank) Cancel(ctx context.Context, id string) (refundID string, err error) {
	ctx = table.Durable(ctx)
	in, version, err := b.intent(table.Deferred(ctx), id)
	switch {
	case version == 0 && isKey(id) && fault.Is(err, fault.NameConflict):
		return "", busy(id, b.write(ctx, id, intent{State: cancelled}, 0))
	case err != nil:
		return "", err
	case in.State == cancelled || in.State == refunded:
		return onSuccess(in.refund(id), b.lasts(ctx, id))
	case in.State != captured:
		in.State = cancelled
		return "", busy(id, b.write(ctx, id, in, version))
	case in.Stuck:
		return "", b.refuse(ctx, id, in, version)
	}
	in.State = refunded
	return onSuccess(in.refund(id), b.move(ctx, id, in, version, skRefund, refund(in.refund(id), in.rest())))
}

// Refund implements domain.PaymentProvider. The reference is in the key of the entry, so a second entry cannot be written.
func (b *Bank) Refund(ctx context.Context, id, reference string, part money.Amount) (refundID string, err error) {
	if reference == "" || part.Minor <= 0 {
		return "", wrong("a refund needs a reference and an amount above 0, not %q and %s", reference, part)
	}
	ctx = table.Durable(ctx)
	in, version, err := b.intent(table.Deferred(ctx), id)
	if err != nil {
		return "", err
	}
	refundID = ident.Derive("refund", id, reference)
	known, ok, err := b.entry(ctx, id, skRefund+"#"+reference)
	switch amount, _ := known.Totals(); {
	case err != nil:
		return "", err
	case ok && (amount != part.Minor || known.Currency != part.Currency):
		return "", fault.New(fault.Conflict, fault.NameIdempotencyMismatch, "the reference belongs to a refund of %d %s, not of %s", amount, known.Currency, part)
	case ok:
		return refundID, nil
	case in.State != captured:
		return "", wrong("payment %s is %s, there is nothing to refund", id, in.State)
	case part.Currency != in.Amount.Currency || part.Minor > in.rest().Minor:
		return "", wrong("%s cannot be refunded of payment %s, %s are left of it", part, id, in.rest())
	case in.Stuck:
		return "", b.refuse(ctx, id, in, version)
	}
	in.Refunded += part.Minor
	if in.rest().Minor == 0 {
		in.State = refunded
	}
	return onSuccess(refundID, b.move(ctx, id, in, version, skRefund+"#"+reference, refund(refundID, part)))
}

// refuse refuses a refund, once. The next one succeeds.
func (b *Bank) refuse(ctx context.Context, id string, in intent, version int64) error {
	in.Stuck = false
	if err := busy(id, b.write(ctx, id, in, version)); err != nil {
		return err
	}
	return wrong("the bank refuses the refund of payment %s: the account is locked; redrive the trip to try again", id)
}
