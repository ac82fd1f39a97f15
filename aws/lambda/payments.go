package lambda

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tripsaga/aws/functions"
	"tripsaga/aws/trial"
	"tripsaga/shared/money"
	"tripsaga/trip/adapters/stripe"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
)

// provider returns what moves the money: the built-in bank, or Stripe beside it. With Stripe it reads the key, the only
// call of a function's start. Errors: *configError.
func (s *system) provider(bank domain.PaymentProvider) (domain.PaymentProvider, error) {
	if s.config.payments != functions.Stripe {
		return bank, nil
	}
	atStripe, err := s.stripe()
	if err != nil {
		return nil, &configError{problems: []string{fmt.Sprintf("%s=%s: %v", functions.StripeSecret, s.config.stripeSecret, err)}}
	}
	return providers{stripe: atStripe, bank: bank}, nil
}

// startAllowed bounds the reading of the key: Lambda ends a function that is not ready after ten seconds.
const startAllowed = 8 * time.Second

func (s *system) stripe() (domain.PaymentProvider, error) {
	options := func(key string) stripe.Options {
		return stripe.Options{Key: key, Live: s.config.stripeLive, BaseURL: s.config.stripeURL}
	}
	key := &secret{read: s.config.reader(), now: time.Now, log: s.log, check: func(key string) error {
		_, err := stripe.New(options(key))
		return err
	}}
	ctx, cancel := context.WithTimeout(context.Background(), startAllowed)
	defer cancel()
	if err := key.renew(ctx); err != nil {
		return nil, err
	}
	opt := options(key.current())
	opt.HTTP = keyed{key, http.DefaultTransport}
	return stripe.New(opt)
}

// providers are Stripe and the built-in bank, which has the payments that were made before Stripe, and those of trials,
// for which there is no card. A payment's id says where it is.
type providers struct{ stripe, bank domain.PaymentProvider }

func (p providers) of(id string) domain.PaymentProvider {
	if strings.HasPrefix(id, "pi_") {
		return p.stripe
	}
	return p.bank
}

// Create implements domain.PaymentProvider.
func (p providers) Create(ctx context.Context, key string, o domain.PaymentOrder) (string, error) {
	if d, ok := handlers.DeliveryOf(ctx); ok && trial.Delivers(d.Execution) {
		return p.bank.Create(ctx, key, o)
	}
	return p.stripe.Create(ctx, key, o)
}

// Unit implements domain.PaymentProvider. The bank can move what Stripe can.
func (p providers) Unit(c money.Currency) int64 { return p.stripe.Unit(c) }

// Confirm implements domain.PaymentProvider.
func (p providers) Confirm(ctx context.Context, id string, card domain.CardToken) (string, error) {
	return p.of(id).Confirm(ctx, id, card)
}

// Cancel implements domain.PaymentProvider.
func (p providers) Cancel(ctx context.Context, id string) (string, error) {
	return p.of(id).Cancel(ctx, id)
}

// Refund implements domain.PaymentProvider.
func (p providers) Refund(ctx context.Context, id, reference string, part money.Amount) (string, error) {
	return p.of(id).Refund(ctx, id, reference, part)
}

// Get implements domain.PaymentProvider.
func (p providers) Get(ctx context.Context, id string) (domain.PaymentIntent, error) {
	return p.of(id).Get(ctx, id)
}
