package trip

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/domain"
	"tripsaga/verify/world"
)

// lapses is the state that faults have left in the provider. It survives restarts of the program.
type lapses struct {
	forgotten int                  // how often it has forgotten all keys
	stored    map[string]time.Time // when it stored an error, by key
	created   int                  // calls that may have created an intent
	passed    string               // the times that have passed since the first such call
}

const keysKept = 24 * time.Hour // how long the provider keeps keys

// know returns the form of a key in the provider's books: after each loss of its keys, all keys are new to it.
func (l *lapses) know(key string) string {
	if l.forgotten == 0 {
		return key
	}
	return fmt.Sprintf("%s#%d", key, l.forgotten)
}

// elapse records that time has passed.
func (l *lapses) elapse(d time.Duration) {
	if l.created > 0 {
		l.passed += strings.TrimSuffix(d.String(), "0m0s")
	}
}

func (l *lapses) forget() {
	l.forgotten++
	clear(l.stored)
}

// repeats reports whether an error is stored under the key.
func (l *lapses) repeats(key string, now time.Time) bool {
	at, ok := l.stored[key]
	return ok && now.Sub(at) < keysKept
}

func (l *lapses) store(key string, now time.Time) {
	if l.stored == nil {
		l.stored = map[string]time.Time{}
	}
	l.stored[key] = now
}

// hash returns a hash of the provider's state that is not in its books.
func (l *lapses) hash() (sum uint64) {
	for key := range l.stored {
		sum += hashText("stored " + key)
	}
	if l.forgotten > 0 || l.passed != "" {
		sum += hashText(fmt.Sprint(l.forgotten, l.passed))
	}
	return sum
}

func hashText(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// The calls of the provider, as labels name them.
const (
	opCreate = "create"
	opCharge = "charge"
	opCancel = "cancel"
	opRefund = "refund"
)

// bankPort wraps the provider. Each call is one point, at which it happens as a whole or not at all.
type bankPort struct {
	domain.PaymentProvider
	p *world.Process
	r *cast
}

// Create is one point, with the keys of the first intent for the key.
func (b *bankPort) Create(ctx context.Context, key string, o domain.PaymentOrder) (string, error) {
	r := b.r
	if l, ok := r.Delivery(); ok && r.cancelled[l] {
		r.Violation(pivotSees, "%s creates an intent although the trip was to be cancelled before", l)
	}
	return b.pass(opCreate, bank.IntentID(key, 1), func(f sim.Fault) (string, error) {
		now := b.p.Scheduler().Now()
		r.lapses.created++
		switch {
		case r.lapses.repeats(key, now):
			return "", fault.Wrap(fault.Unavailable, fault.NameUnavailable, domain.ErrStored, "injected: the bank has failed")
		case f.Kind == Stored:
			r.lapses.store(key, now)
			return "", silent
		}
		return b.PaymentProvider.Create(ctx, r.lapses.know(key), o)
	})
}

// Confirm is one point.
func (b *bankPort) Confirm(ctx context.Context, id string, card domain.CardToken) (string, error) {
	return b.pass(opCharge, id, func(f sim.Fault) (string, error) {
		if f.Kind == Decline {
			card = bank.Declined
		}
		l, _ := b.r.Delivery()
		b.r.heardByBank(l.Saga, id)
		return b.PaymentProvider.Confirm(ctx, id, card)
	})
}

// Cancel is one point.
func (b *bankPort) Cancel(ctx context.Context, id string) (string, error) {
	return b.pass(opCancel, id, func(sim.Fault) (string, error) { return b.PaymentProvider.Cancel(ctx, id) })
}

// Refund is one point.
func (b *bankPort) Refund(ctx context.Context, id, reference string, part money.Amount) (string, error) {
	return b.pass(opRefund, id, func(sim.Fault) (string, error) {
		return b.PaymentProvider.Refund(ctx, id, reference, part)
	})
}

var silent = fault.New(fault.Unavailable, fault.NameUnavailable, "injected: the bank did not answer")

// pass makes a call of the bank about an intent, refuses it, or loses its reply.
func (b *bankPort) pass(op, intent string, do func(sim.Fault) (string, error)) (id string, err error) {
	err = b.p.Provider(op, bankKeys(intent), func(f sim.Fault) (err error) {
		switch f.Kind {
		case Busy:
			return silent
		case Forget:
			b.r.lapses.forget()
		}
		if id, err = do(f); !b.p.Dead() {
			b.r.heardOfBank(op, intent, id, err)
		}
		return err
	})
	if errors.Is(err, world.ErrSilent) {
		return "", silent
	}
	return id, err
}

// bankKeys returns the partition in which the bank keeps an intent.
func bankKeys(intent string) []table.Key { return []table.Key{{PK: pkBank + intent}} }
