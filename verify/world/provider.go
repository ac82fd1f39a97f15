package world

import (
	"context"
	"fmt"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/domain"
)

// lapses are what the faults of the provider have left in it. They outlast the program's processes.
type lapses struct {
	forgotten int                  // how often it has forgotten all keys
	stored    map[string]time.Time // when it stored an error under a key
	created   int                  // calls that may have created an intent
	passed    string               // the times that have passed since the first of them
}

const keysKept = 24 * time.Hour // by the provider

// know returns the key by which the provider's books know a key: each time that it forgets, all keys are new to it.
func (l *lapses) know(key string) string {
	if l.forgotten == 0 {
		return key
	}
	return fmt.Sprintf("%s#%d", key, l.forgotten)
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

// hash is that of the provider's state that is not in its books.
func (l *lapses) hash() (sum uint64) {
	for key := range l.stored {
		sum += hashText("stored " + key)
	}
	if l.forgotten > 0 || l.passed != "" {
		sum += hashText(fmt.Sprint(l.forgotten, l.passed))
	}
	return sum
}

// bankPort wraps the provider. A call of it is one point: it happens as a whole, or not at all.
type bankPort struct {
	domain.PaymentProvider
	p *process
}

// Create is one point. It has the keys of the key's first intent.
func (b *bankPort) Create(ctx context.Context, key string, o domain.PaymentOrder) (string, error) {
	r := b.p.run
	if fr := r.frame; fr != nil && fr.call != nil && fr.call.cancelled {
		r.violation(pivotSees, "%s creates an intent although the trip was to be cancelled before", fr.label)
	}
	return b.pass(AtCreate, opCreate, bank.IntentID(key, 1), func(f sim.Fault) (string, error) {
		r.lapses.created++
		switch {
		case r.lapses.repeats(key, r.time()):
			return "", fault.Wrap(fault.Unavailable, fault.NameUnavailable, domain.ErrStored, "injected: the bank has failed")
		case f.Kind == Stored:
			r.lapses.store(key, r.time())
			return "", silent
		}
		return b.PaymentProvider.Create(ctx, r.lapses.know(key), o)
	})
}

// Confirm is one point.
func (b *bankPort) Confirm(ctx context.Context, id string, card domain.CardToken) (string, error) {
	return b.pass(AtCharge, opCharge, id, func(f sim.Fault) (string, error) {
		if f.Kind == Decline {
			card = bank.Declined
		}
		b.p.run.heardByBank(b.p.run.frame.label.Saga, id)
		return b.PaymentProvider.Confirm(ctx, id, card)
	})
}

// Cancel is one point.
func (b *bankPort) Cancel(ctx context.Context, id string) (string, error) {
	return b.pass(AtRefund, opCancel, id, func(sim.Fault) (string, error) { return b.PaymentProvider.Cancel(ctx, id) })
}

// Refund is one point.
func (b *bankPort) Refund(ctx context.Context, id, reference string, part money.Amount) (string, error) {
	return b.pass(AtRefund, opRefund, id, func(sim.Fault) (string, error) {
		return b.PaymentProvider.Refund(ctx, id, reference, part)
	})
}

var silent = fault.New(fault.Unavailable, fault.NameUnavailable, "injected: the bank did not answer")

// pass makes the call of the bank about an intent, refuses it, or loses its reply.
func (b *bankPort) pass(where Where, op, intent string, do func(sim.Fault) (string, error)) (string, error) {
	r, fr := b.p.run, b.p.run.frame
	if b.p.dead || fr == nil || fr.call == nil || b.p.run.thread.gone() {
		return "", silent
	}
	l := fr.label
	l.Op = op
	l.I = r.count(l)
	what := l.Saga + "." + op
	f := r.visit(Point{Label: l, Where: where, Deaf: fr.quiet || r.lasting[what] != "", Keys: bankKeys(intent)})
	if b.p.dead {
		return "", silent
	}
	if lasts(f.Kind) {
		r.lasting[what] = f.Kind
	}
	switch r.lasting[what] {
	case Down:
		return "", silent
	case Mute:
		f.Kind = sim.Lost
	}
	switch f.Kind {
	case sim.Fail, Busy:
		return "", silent
	case Forget:
		r.lapses.forget()
	case Crash:
		r.kill(f.Count)
		return "", silent
	case sim.Die, sim.Late:
		if !r.thread.park(f.Until) {
			return "", silent
		}
	}
	fr.bank = true
	id, err := do(f)
	fr.bank = false
	if !b.p.dead {
		r.heardOfBank(op, intent, id, err)
	}
	switch f.Kind {
	case sim.Lost:
		return "", silent
	case Crashed:
		r.kill(f.Count)
	case Gone:
		r.thread.park(sim.Label{})
	}
	return id, err
}

// bankKeys is the partition in which the bank keeps an intent.
func bankKeys(intent string) []table.Key { return []table.Key{{PK: pkBank + intent}} }
