package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/shared/strictjson"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// Payments implements app.Payments over a provider. The payment is the step's record: first the provider's intent with its
// fixed amount, then the charge. Creating the intent moves no money, so it comes before the record, which then holds the id for
// all further calls. An intent whose id is in no record is never confirmed (docs/adr/0037).
type Payments struct {
	table    table.Table
	provider domain.PaymentProvider
	now      func() time.Time
}

// NewPayments returns payments that are recorded in t and made by the provider.
func NewPayments(t table.Table, provider domain.PaymentProvider, now func() time.Time) *Payments {
	return &Payments{t, provider, now}
}

// Charge implements app.Payments.
func (p *Payments) Charge(ctx context.Context, tripID string) (domain.Payment, error) {
	var trip payer
	step := barrier.Step{Key: tripKey(tripID, skPayment), Fingerprint: ident.Fingerprint(tripID)}
	return barrier.Call(ctx, p.table, step, barrier.Provider[domain.Payment]{
		Prepare: func(ctx context.Context) (intent domain.Payment, err error) {
			if trip, err = p.payer(ctx, tripID, step.Key); err != nil {
				return intent, err
			}
			return p.prepare(ctx, tripID, step.Key, &trip)
		},
		Perform: func(ctx context.Context, intent domain.Payment) (_ domain.Payment, err error) {
			if trip.Card == "" { // the intent is that of an earlier delivery
				if trip, err = p.payer(ctx, tripID, step.Key); err != nil {
					return intent, err
				}
			}
			intent.ChargeID, err = p.provider.Confirm(ctx, intent.Intent(), trip.Card)
			return intent, err
		},
		Reverse: p.cancel(tripID),
	})
}

// prepare adds up the prices of the trip's reservations, as recorded, and creates an intent over the sum. It decodes only
// the fields that it needs.
func (p *Payments) prepare(ctx context.Context, tripID string, payment table.Key, trip *payer) (intent domain.Payment, err error) {
	if trip.cancelled() {
		return intent, fault.New(fault.Refused, fault.NameTripCancelled, "the trip was cancelled before it was paid")
	}
	flight, err := p.held(ctx, beside(payment, skFlight))
	if err != nil {
		return intent, err
	}
	hotel, err := p.held(ctx, beside(payment, skHotel))
	if err != nil {
		return intent, err
	}
	if intent.Amount, err = flight.Add(hotel); err != nil {
		return intent, err
	}
	intent.Key, intent.IntentID, err = p.create(ctx, domain.PaymentOrder{Reference: tripID, Amount: intent.Amount})
	return intent, err
}

// create creates an intent. A provider that has stored an error under a key repeats it for as long as it remembers the
// key, so the next attempts are made under other keys. So are those after an intent over another amount: a crash has lost the
// record of that intent and of a reservation, which was made again at another price. It is never confirmed.
func (p *Payments) create(ctx context.Context, o domain.PaymentOrder) (key, id string, err error) {
	for _, salt := range [][]string{nil, {"2"}, {"3"}} {
		key = ident.DeriveNear("payment", o.Reference, salt...)
		if id, err = p.provider.Create(ctx, key, o); !errors.Is(err, domain.ErrStored) && !fault.Is(err, fault.NameIdempotencyMismatch) {
			return key, id, err
		}
	}
	return "", "", fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the provider creates no intent")
}

// payer is the part of a trip that a payment needs.
type payer struct {
	Card         domain.CardToken `json:"card"`
	Cancellation json.RawMessage  `json:"cancellation"`
}

// cancelled reports whether the client has requested the cancellation of the trip.
func (t *payer) cancelled() bool { return len(t.Cancellation) > 0 && string(t.Cancellation) != "null" }

func (p *Payments) payer(ctx context.Context, tripID string, payment table.Key) (trip payer, err error) {
	item, ok, err := p.table.Get(ctx, beside(payment, skTrip))
	if err != nil {
		return trip, err
	}
	if !ok {
		return trip, noTrip(tripID)
	}
	if err := strictjson.DecodeRecord(item.Data, &trip); err != nil {
		return trip, fmt.Errorf("store: the trip at %s: %w", item.Key, err)
	}
	return trip, nil
}

// held returns the price of a reservation. A payment that finds no reservation is late: the trip was cancelled before it.
func (p *Payments) held(ctx context.Context, key table.Key) (money.Amount, error) {
	price, done, err := barrier.Result[priced](ctx, p.table, key)
	if err == nil && !done {
		err = fault.New(fault.Conflict, fault.NameStepCancelled, "nothing is reserved at %s", key)
	}
	return price.Amount, err
}

// priced is the part of a step's result that a payment, or what follows it, needs.
type priced struct {
	Amount money.Amount `json:"amount"`
}

// Refund implements app.Payments. It refunds the recorded amount of the payment.
func (p *Payments) Refund(ctx context.Context, tripID string) (taken bool, err error) {
	return barrier.Undo(ctx, p.table, tripKey(tripID, skPayment), p.cancel(tripID))
}

// GiveBack implements app.Payments. A full refund is a Cancel, which is also a fence. A part is refunded once for a
// reference that the provider keeps in its books, since it would forget an idempotency key.
func (p *Payments) GiveBack(ctx context.Context, tripID string, amount money.Amount) (taken bool, err error) {
	return barrier.Undo(ctx, p.table, tripKey(tripID, skPayment), func(ctx context.Context,
		paid domain.Payment) (domain.Payment, []table.Op, bool, error) {
		switch {
		case paid.ChargeID == "":
			return paid, nil, false, fault.New(fault.Conflict, fault.NameConflict, "trip %s has no payment that was charged", tripID)
		case amount.Minor == 0:
			return paid, nil, false, nil
		case amount == paid.Amount:
			return p.cancel(tripID)(ctx, paid)
		}
		id, err := p.provider.Refund(ctx, paid.Intent(), ident.Derive("refund", tripID), amount)
		return p.refunded(tripID, paid, id, amount, err)
	})
}

// cancel returns the reversal of a payment in full, charged or not.
func (p *Payments) cancel(tripID string) barrier.Reverse[domain.Payment] {
	return func(ctx context.Context, paid domain.Payment) (domain.Payment, []table.Op, bool, error) {
		id, err := p.provider.Cancel(ctx, paid.Intent())
		return p.refunded(tripID, paid, id, paid.Amount, err)
	}
}

// refunded completes a reversal: it records the refund in the payment and announces it. An empty id means that nothing was
// refunded.
func (p *Payments) refunded(tripID string, paid domain.Payment, id string, amount money.Amount, err error) (domain.Payment,
	[]table.Op, bool, error) {
	if err != nil || id == "" {
		return paid, nil, false, err
	}
	paid.RefundID, paid.Refunded = id, amount
	announced := domain.Compensated(domain.PaymentRefunded, tripID, amount, p.now())
	event, err := outbox(tripKey(tripID, skPayment).PK, &announced)
	return paid, []table.Op{event}, true, err
}

// Paid implements app.Payments.
func (p *Payments) Paid(ctx context.Context, tripID string) (money.Amount, error) {
	payment, done, err := barrier.Result[priced](ctx, p.table, tripKey(tripID, skPayment))
	if err == nil && !done {
		err = fault.New(fault.NotFound, fault.NameNotFound, "trip %s has no payment", tripID)
	}
	return payment.Amount, err
}

// Unit implements app.Payments.
func (p *Payments) Unit(c money.Currency) int64 { return p.provider.Unit(c) }

// Intent implements app.Payments.
func (p *Payments) Intent(ctx context.Context, id string) (domain.PaymentIntent, error) {
	return p.provider.Get(ctx, id)
}

// EachEntry implements app.Payments.
func (p *Payments) EachEntry(ctx context.Context, visit func(domain.Entry)) (bool, error) {
	if all, ok := p.provider.(interface {
		EachEntry(context.Context, func(domain.Entry)) (bool, error)
	}); ok {
		return all.EachEntry(ctx, visit)
	}
	return false, nil
}
