package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/domain"
	"tripsaga/verify/trip"
)

// providers are the mutants of the protocol with a payment provider. Each is a known mistake that loses money.
var providers = []Mutant{
	{Name: "refund-by-key", Means: "a refund asks for the payment by its key alone", Scenario: "booked", variant: onProvider(
		func(b domain.PaymentProvider, keys map[string]string) domain.PaymentProvider {
			return byKey{b, keys, true}
		})},
	{Name: "charge-by-key", Means: "a charge asks for the payment by its key alone, also a day later", Scenario: "booked", variant: onProvider(
		func(b domain.PaymentProvider, keys map[string]string) domain.PaymentProvider {
			return byKey{b, keys, false}
		})},
	{Name: "stored-error-believed", Means: "an error that the provider has stored is taken for a declined card", Scenario: "booked", variant: onProvider(
		func(b domain.PaymentProvider, _ map[string]string) domain.PaymentProvider {
			return stored{b, fault.New(fault.Refused, fault.NamePaymentDeclined, "declined")}
		})},
	{Name: "stored-error-repeated", Means: "a create that met a stored error is repeated under the same key", Scenario: "booked", variant: onProvider(
		func(b domain.PaymentProvider, _ map[string]string) domain.PaymentProvider {
			return stored{b, fault.New(fault.Unavailable, fault.NameUnavailable, "try again")}
		})},
	{Name: "webhook-trusted", Means: "a webhook marks the payment as done", Scenario: "booked", variant: trusting},
	{Name: "declined-left-open", Means: "the intent of a declined card is not closed", Scenario: "booked", variant: onProvider(
		func(b domain.PaymentProvider, refused map[string]string) domain.PaymentProvider {
			return lenient{b, refused}
		})},
	{Name: "recorded-after-confirm", Means: "the intent is confirmed before its id is recorded", Scenario: "booked", variant: onProvider(
		func(b domain.PaymentProvider, _ map[string]string) domain.PaymentProvider { return rash{b} })},
}

// trusting marks a payment DONE because a webhook reports it.
func trusting() trip.Variant {
	var latest table.Table
	return trip.Variant{
		Table: func(t table.Table) table.Table { latest = t; return t },
		Hint: func(ctx context.Context, tripID string) error {
			item, ok, err := latest.Get(ctx, table.Key{PK: "TRIP#" + tripID, SK: "PAYMENT"})
			if err != nil || !ok || !bytes.Contains(item.Data, []byte(`"state":"STARTED"`)) {
				return err
			}
			before := item.Version
			item.Version++
			item.Data = bytes.Replace(item.Data, []byte(`"state":"STARTED"`), []byte(`"state":"DONE"`), 1)
			return latest.Transact(ctx, table.Put(item, table.Version(before)))
		},
	}
}

// onProvider wraps the provider. The notes by intent survive restarts, as a record would.
func onProvider(wrap func(domain.PaymentProvider, map[string]string) domain.PaymentProvider) func() trip.Variant {
	return func() trip.Variant {
		notes := map[string]string{}
		return trip.Variant{Provider: func(b domain.PaymentProvider) domain.PaymentProvider { return wrap(b, notes) }}
	}
}

// byKey uses a payment's key where the product uses its id: the provider creates another payment if it has forgotten the key.
type byKey struct {
	domain.PaymentProvider
	keys    map[string]string // the key and the order as JSON, by intent
	refunds bool              // only refunds use the key, charges do not
}

func (b byKey) Create(ctx context.Context, key string, o domain.PaymentOrder) (string, error) {
	id, err := b.PaymentProvider.Create(ctx, key, o)
	if err == nil {
		order, _ := json.Marshal(o)
		b.keys[id] = key + " " + string(order)
	}
	return id, err
}

func (b byKey) again(ctx context.Context, id string) (string, error) {
	var o domain.PaymentOrder
	key, order, _ := strings.Cut(b.keys[id], " ")
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return "", err
	}
	return b.PaymentProvider.Create(ctx, key, o)
}

func (b byKey) Confirm(ctx context.Context, id string, card domain.CardToken) (_ string, err error) {
	if !b.refunds {
		if id, err = b.again(ctx, id); err != nil {
			return "", err
		}
	}
	return b.PaymentProvider.Confirm(ctx, id, card)
}

func (b byKey) Cancel(ctx context.Context, id string) (_ string, err error) {
	if b.refunds {
		if id, err = b.again(ctx, id); err != nil {
			return "", err
		}
	}
	return b.PaymentProvider.Cancel(ctx, id)
}

// stored misreads a stored error.
type stored struct {
	domain.PaymentProvider
	as error
}

func (b stored) Create(ctx context.Context, key string, o domain.PaymentOrder) (string, error) {
	id, err := b.PaymentProvider.Create(ctx, key, o)
	if errors.Is(err, domain.ErrStored) {
		err = b.as
	}
	return id, err
}

// lenient treats a declined intent as closed.
type lenient struct {
	domain.PaymentProvider
	refused map[string]string
}

func (b lenient) Confirm(ctx context.Context, id string, card domain.CardToken) (string, error) {
	charge, err := b.PaymentProvider.Confirm(ctx, id, card)
	if fault.Is(err, fault.NamePaymentDeclined) {
		b.refused[id] = id
	}
	return charge, err
}

func (b lenient) Cancel(ctx context.Context, id string) (string, error) {
	if b.refused[id] != "" {
		return "", nil
	}
	return b.PaymentProvider.Cancel(ctx, id)
}

// rash charges an intent as soon as it is created.
type rash struct{ domain.PaymentProvider }

func (b rash) Create(ctx context.Context, key string, o domain.PaymentOrder) (string, error) {
	id, err := b.PaymentProvider.Create(ctx, key, o)
	if err == nil {
		_, err = b.Confirm(ctx, id, bank.OK)
	}
	return id, err
}
