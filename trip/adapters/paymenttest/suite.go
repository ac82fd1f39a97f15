// Package paymenttest is the conformance suite of [domain.PaymentProvider]: a provider's test is one call of [Run]. Every
// answer that the port allows has a row here. [Unreliable] gives a provider that never fails the failures of a real one.
package paymenttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// Provider is a provider under test, with the controls that the suite needs.
type Provider struct {
	domain.PaymentProvider

	OK, Declined domain.CardToken // a card that is charged, and one that is declined each time

	// Advance moves the provider's clock.
	Advance func(time.Duration)
	// Forget makes the provider forget all idempotency keys, as it may after 24 hours.
	Forget func()
	// Store makes the next Create fail. The provider stores that error under the key and repeats it.
	Store func()
	// Busy makes every call answer that another call for the same key or intent is in progress, until it is called with
	// false. Nothing happens meanwhile.
	Busy func(on bool)
	// Expire makes an intent that is not charged expire.
	Expire func(id string)
}

// Run runs the suite. open returns a provider with empty books that is usable until the test ends.
func Run(t *testing.T, open func(t *testing.T) Provider) {
	for _, group := range [][]row{creating, confirming, cancelling, refunding, concurrent} {
		for _, r := range group {
			t.Run(r.name, func(t *testing.T) { r.run(&fixture{t, open(t), t.Context()}) })
		}
	}
}

// row is one answer of the port and the calls that lead to it.
type row struct {
	name string
	run  func(f *fixture)
}

// fixture is an empty provider with checks that end the test when they fail.
type fixture struct {
	*testing.T
	Provider
	ctx context.Context
}

// price is the amount of every intent of the suite.
var price = money.Amount{Minor: 2500, Currency: "JPY"}

func part(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: price.Currency} }

func order(reference string) domain.PaymentOrder {
	return domain.PaymentOrder{Reference: reference, Amount: price}
}

// unknown looks like an id of an intent, but no provider of the suite has created it.
const unknown = "pi_3unknown000000000000000000"

// create requires that the key gives an intent, and returns its id.
func (f *fixture) create(key string) string {
	f.Helper()
	id, err := f.Create(f.ctx, key, order("trip"))
	if err != nil || id == "" {
		f.Fatalf("Create: %q, %v", id, err)
	}
	return id
}

// confirm requires that the intent is charged, now or already, and returns the charge's id.
func (f *fixture) confirm(id string) string {
	f.Helper()
	charge, err := f.Confirm(f.ctx, id, f.OK)
	if err != nil || charge == "" {
		f.Fatalf("Confirm: %q, %v", charge, err)
	}
	return charge
}

// cancel requires that the intent is fenced, and returns the refund's id.
func (f *fixture) cancel(id string) string {
	f.Helper()
	refund, err := f.Cancel(f.ctx, id)
	if err != nil {
		f.Fatalf("Cancel: %v", err)
	}
	return refund
}

// refund requires that a part is refunded, now or already, and returns the refund's id.
func (f *fixture) refund(id, reference string, minor int64) string {
	f.Helper()
	refund, err := f.Refund(f.ctx, id, reference, part(minor))
	if err != nil || refund == "" {
		f.Fatalf("Refund: %q, %v", refund, err)
	}
	return refund
}

// declines requires that the card is declined, with a message for the customer.
func (f *fixture) declines(id string) {
	f.Helper()
	charge, err := f.Confirm(f.ctx, id, f.Declined)
	f.fails(charge, err, fault.Refused, fault.NamePaymentDeclined)
}

// fails requires the error, and no id with it.
func (f *fixture) fails(id string, err error, kind fault.Kind, name string) {
	f.Helper()
	var known *fault.Error
	if id != "" || !errors.As(err, &known) || known.Kind != kind || known.Name != name || known.Message == "" {
		f.Fatalf("the answer is %q, %v (%v, %s), want a message of kind %v and name %s", id, err, fault.KindOf(err), fault.NameOf(err), kind, name)
	}
}

// wrong requires the final error for an unknown id or a wrong call.
func (f *fixture) wrong(id string, err error) {
	f.Helper()
	f.fails(id, err, fault.Conflict, fault.NameConflict)
}

// books requires what the provider's books show of an intent: its status, what was charged and what was refunded.
func (f *fixture) books(id string, status domain.IntentStatus, charged int64, refunded ...int64) {
	f.Helper()
	in, err := f.Get(f.ctx, id)
	if err != nil {
		f.Fatalf("Get: %v", err)
	}
	if in.ID != id || in.Status != status || in.Order != order("trip") {
		f.Fatalf("the intent is %+v, want %s, %s over %+v", in, id, status, order("trip"))
	}
	var charges, refunds []int64
	for _, e := range in.Entries {
		debit, credit := e.Totals()
		if debit != credit || debit <= 0 || e.ID == "" || e.Currency != price.Currency {
			f.Errorf("an entry is %+v, want an id and equal debits and credits of more than 0", e)
		}
		if e.Kind == domain.Charge {
			charges = append(charges, debit)
		} else {
			refunds = append(refunds, debit)
		}
	}
	var want []int64
	if charged > 0 {
		want = []int64{charged}
	}
	slices.Sort(refunds)
	slices.Sort(refunded)
	if !slices.Equal(charges, want) || !slices.Equal(refunds, refunded) || charged > 0 && in.Entries[0].Kind != domain.Charge {
		f.Fatalf("the books show charges %v and refunds %v, want %v and %v, the charge first", charges, refunds, want, refunded)
	}
}

// same requires that two ids are one.
func (f *fixture) same(a, b string) {
	f.Helper()
	if a != b {
		f.Fatalf("the ids are %s and %s, want one", a, b)
	}
}

// other requires that two ids differ.
func (f *fixture) other(a, b string) {
	f.Helper()
	if a == b {
		f.Fatalf("the id is %s again, want another", a)
	}
}

// patient repeats the call while the provider answers that the outcome is unknown or that it is busy.
func patient(call func() error) (err error) {
	for range 100 {
		if err = call(); fault.KindOf(err) != fault.Unavailable || err == nil {
			return err
		}
	}
	return fmt.Errorf("after 100 calls: %w", err)
}
