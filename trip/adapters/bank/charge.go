package bank

import (
	"context"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/domain"
)

// Charge takes the amount, once for a key; a repeated call gets the first one's answer. Errors: PaymentDeclined of kind
// Refused; StepCancelled of kind Conflict when the key was cancelled; IdempotencyMismatch of kind Conflict when it was
// charged with another amount; InvalidRequest; Unavailable, after which the money may have moved.
func (b *Bank) Charge(ctx context.Context, key string, amount money.Amount, card string) (chargeID string, err error) {
	if amount.Minor <= 0 {
		return "", fault.Invalidf("amount", "%s is no amount to charge, it must be more than 0", amount)
	}
	ctx = table.Durable(ctx)
	switch card {
	case TimeoutBefore:
		return "", timeout()
	case TimeoutAfter, RefundStuck:
		_, _ = b.charge(ctx, key, amount, card) // whatever it says is lost
		return "", timeout()
	}
	return b.charge(ctx, key, amount, card)
}

func timeout() error {
	return fault.New(fault.Unavailable, fault.NameUnavailable, "the bank did not answer in time")
}

// charge tries to be the first to write, since that is the common case.
func (b *Bank) charge(ctx context.Context, key string, amount money.Amount, card string) (chargeID string, err error) {
	in := decide(amount, card)
	ops, err := in.first(key)
	if err != nil {
		return "", err
	}
	err = b.table.Transact(ctx, ops...)
	if lostRace(err) {
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

// decide is what happens to a card.
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

// first are the operations that make in the key's answer; money that is captured is entered with it.
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

// answer is what a charge of the amount hears under this intent.
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
