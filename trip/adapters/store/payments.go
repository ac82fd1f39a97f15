package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// Bank is the provider that moves the money. It keeps its own books, and a call to it can be lost both ways, so that
// both calls are idempotent by key.
type Bank interface {
	// Charge takes the amount. Errors: PaymentDeclined of kind Refused; StepCancelled of kind Conflict when the key
	// was cancelled before; Unavailable, after which the money may have moved.
	Charge(ctx context.Context, key string, amount money.Amount, card string) (chargeID string, err error)
	// Cancel refunds what was charged under key and refuses all later charges; refundID is "" when nothing was
	// charged. Errors: Unavailable.
	Cancel(ctx context.Context, key string) (refundID string, err error)
	// Entries are the entries of the bank's ledger under key. Errors: Unavailable.
	Entries(ctx context.Context, key string) ([]domain.Entry, error)
}

// Payments implements app.Payments over a bank. The payment is the step's record: first the intent, with the amount
// frozen, then the charge.
type Payments struct {
	table table.Table
	bank  Bank
	now   func() time.Time
}

// NewPayments records payments in t and has bank move the money.
func NewPayments(t table.Table, bank Bank, now func() time.Time) *Payments {
	return &Payments{t, bank, now}
}

// Charge implements app.Payments.
func (p *Payments) Charge(ctx context.Context, tripID string) (domain.Payment, error) {
	var card domain.CardToken
	step := barrier.Step{Key: tripKey(tripID, skPayment), Fingerprint: ident.Fingerprint(tripID)}
	return barrier.Call(ctx, p.table, step, barrier.Provider[domain.Payment]{
		Prepare: func(ctx context.Context) (intent domain.Payment, err error) {
			intent, card, err = p.prepare(ctx, tripID)
			return intent, err
		},
		Perform: func(ctx context.Context, intent domain.Payment) (domain.Payment, error) {
			id, err := p.bank.Charge(ctx, intent.Key, intent.Amount, string(card))
			intent.ChargeID = id
			return intent, err
		},
	})
}

// prepare adds up what is held for the trip, as it is recorded. It decodes of each item only what it needs.
func (p *Payments) prepare(ctx context.Context, tripID string) (intent domain.Payment, card domain.CardToken, err error) {
	card, err = p.card(ctx, tripID)
	if err != nil {
		return intent, card, err
	}
	flight, err := p.held(ctx, tripKey(tripID, skFlight))
	if err != nil {
		return intent, card, err
	}
	hotel, err := p.held(ctx, tripKey(tripID, skHotel))
	if err != nil {
		return intent, card, err
	}
	amount, err := flight.Add(hotel)
	return domain.Payment{Key: ident.Derive("payment", tripID), Amount: amount}, card, err
}

func (p *Payments) card(ctx context.Context, tripID string) (domain.CardToken, error) {
	item, ok, err := p.table.Get(ctx, tripKey(tripID, skTrip))
	if err != nil {
		return "", err
	}
	if !ok {
		return "", noTrip(tripID)
	}
	var trip struct {
		Card domain.CardToken `json:"card"`
	}
	if err := json.Unmarshal(item.Data, &trip); err != nil {
		return "", fmt.Errorf("store: the trip at %s: %w", item.Key, err)
	}
	return trip.Card, nil
}

// held is what a reservation that stands costs. A payment that finds none comes after the trip was cancelled.
func (p *Payments) held(ctx context.Context, key table.Key) (money.Amount, error) {
	rec, ok, err := barrier.Load[struct {
		Amount money.Amount `json:"amount"`
	}](ctx, p.table, key)
	if err == nil && (!ok || rec.State != barrier.Done) {
		err = fault.New(fault.Conflict, fault.NameStepCancelled, "nothing is reserved at %s", key)
	}
	return rec.Result.Amount, err
}

// Refund implements app.Payments. The amount of the refund is the payment's own.
func (p *Payments) Refund(ctx context.Context, tripID string) (taken bool, err error) {
	return barrier.Undo(ctx, p.table, tripKey(tripID, skPayment), func(ctx context.Context,
		paid domain.Payment) (domain.Payment, []table.Op, bool, error) {
		id, err := p.bank.Cancel(ctx, paid.Key)
		if err != nil || id == "" {
			return paid, nil, false, err
		}
		paid.RefundID = id
		event, err := outbox(domain.Compensated(domain.PaymentRefunded, tripID, paid.Amount, p.now()))
		return paid, []table.Op{event}, true, err
	})
}

// Get implements app.Payments.
func (p *Payments) Get(ctx context.Context, tripID string) (domain.Payment, error) {
	rec, ok, err := barrier.Load[domain.Payment](ctx, p.table, tripKey(tripID, skPayment))
	if err == nil && (!ok || rec.State != barrier.Done) {
		err = fault.New(fault.NotFound, fault.NameNotFound, "trip %s has no payment", tripID)
	}
	return rec.Result, err
}

// EachEntry implements app.Payments.
func (p *Payments) EachEntry(ctx context.Context, visit func(domain.Entry)) (bool, error) {
	if all, ok := p.bank.(interface {
		EachEntry(context.Context, func(domain.Entry)) (bool, error)
	}); ok {
		return all.EachEntry(ctx, visit)
	}
	return false, nil
}

// Entries implements app.Payments.
func (p *Payments) Entries(ctx context.Context, key string) ([]domain.Entry, error) {
	return p.bank.Entries(ctx, key)
}
