package paymenttest

import (
	"context"
	"strconv"
	"sync"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// Unreliable gives a provider the failures of a real one: it forgets idempotency keys, repeats stored errors, and answers that
// a call is in progress. The wrapped provider only has to remember the keys of its orders. The zero value with a
// PaymentProvider fails nothing. It is safe for concurrent use.
type Unreliable struct {
	domain.PaymentProvider

	mu     sync.Mutex
	epoch  int             // how often the keys were forgotten
	fails  bool            // the next Create
	stored map[string]bool // keys with a stored error
	busy   bool
}

// Forget makes the provider forget all keys and the errors that are stored under them.
func (u *Unreliable) Forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.epoch++
	clear(u.stored)
}

// Store makes the next Create fail. The same error is then repeated under its key.
func (u *Unreliable) Store() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fails = true
}

// Busy makes every call fail because another one is in progress, until it is called with false.
func (u *Unreliable) Busy(on bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.busy = on
}

func (u *Unreliable) inProgress() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.busy {
		return fault.New(fault.Unavailable, fault.NameUnavailable, "another call of the payment is in progress")
	}
	return nil
}

// Create implements domain.PaymentProvider.
func (u *Unreliable) Create(ctx context.Context, key string, o domain.PaymentOrder) (string, error) {
	if err := u.inProgress(); err != nil {
		return "", err
	}
	inner, err := u.answer(key)
	if err != nil {
		return "", err
	}
	return u.PaymentProvider.Create(ctx, inner, o)
}

// answer returns the error that is stored under the key, or the key by which the provider inside knows it.
func (u *Unreliable) answer(key string) (inner string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.stored[key]:
		return "", fault.Wrap(fault.Unavailable, fault.NameUnavailable, domain.ErrStored, "the provider has failed")
	case u.fails:
		u.fails = false
		if u.stored == nil {
			u.stored = map[string]bool{}
		}
		u.stored[key] = true
		return "", fault.New(fault.Unavailable, fault.NameUnavailable, "the provider has failed")
	case u.epoch > 0 && key != "":
		return key + "#" + strconv.Itoa(u.epoch), nil
	}
	return key, nil
}

// Confirm implements domain.PaymentProvider.
func (u *Unreliable) Confirm(ctx context.Context, id string, card domain.CardToken) (string, error) {
	if err := u.inProgress(); err != nil {
		return "", err
	}
	return u.PaymentProvider.Confirm(ctx, id, card)
}

// Cancel implements domain.PaymentProvider.
func (u *Unreliable) Cancel(ctx context.Context, id string) (string, error) {
	if err := u.inProgress(); err != nil {
		return "", err
	}
	return u.PaymentProvider.Cancel(ctx, id)
}

// Refund implements domain.PaymentProvider.
func (u *Unreliable) Refund(ctx context.Context, id, reference string, part money.Amount) (string, error) {
	if err := u.inProgress(); err != nil {
		return "", err
	}
	return u.PaymentProvider.Refund(ctx, id, reference, part)
}
