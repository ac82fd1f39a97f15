package world

import (
	"context"

	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
)

// bankPort stands before the bank. What the bank does inside is its own affair, and happens or does not.
type bankPort struct {
	p    *process
	bank store.Bank
}

var _ store.Bank = (*bankPort)(nil)

// Charge is one point.
func (b *bankPort) Charge(ctx context.Context, key string, amount money.Amount, card string) (id string, err error) {
	err = b.pass(Charge, opCharge, key, func(f sim.Fault) (err error) {
		if f.Kind == Decline {
			card = bank.Declined
		}
		b.p.run.heardByBank(b.p.run.frame.label.Saga, key)
		if id, err = b.bank.Charge(ctx, key, amount, card); !b.p.dead {
			b.p.run.heardOfBank(opCharge, key, id, err)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// Cancel is one point.
func (b *bankPort) Cancel(ctx context.Context, key string) (refund string, err error) {
	err = b.pass(Refund, opCancel, key, func(sim.Fault) (err error) {
		if refund, err = b.bank.Cancel(ctx, key); !b.p.dead {
			b.p.run.heardOfBank(opCancel, key, refund, err)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return refund, nil
}

// Entries is none: only people read them.
func (b *bankPort) Entries(ctx context.Context, key string) ([]domain.Entry, error) {
	return b.bank.Entries(ctx, key)
}

var silent = fault.New(fault.Unavailable, fault.NameUnavailable, "injected: the bank did not answer")

// pass lets the call through to the bank, or not, or loses its answer.
func (b *bankPort) pass(where Where, op, key string, do func(sim.Fault) error) error {
	r, fr := b.p.run, b.p.run.frame
	if b.p.dead || fr == nil || fr.call == nil || b.p.run.thread.gone() {
		return silent
	}
	l := fr.label
	l.Op = op
	l.I = r.count(l)
	what := l.Saga + "." + op
	f := r.visit(Point{Label: l, Where: where, Deaf: fr.quiet || r.lasting[what] != "", Keys: bankKeys(key)})
	if b.p.dead {
		return silent
	}
	if lasts(f.Kind) {
		r.lasting[what] = f.Kind
	}
	switch r.lasting[what] {
	case Down:
		return silent
	case Mute:
		f.Kind = sim.Lost
	}
	switch f.Kind {
	case sim.Fail:
		return silent
	case Crash:
		r.kill(f.Count)
		return silent
	case sim.Die, sim.Late:
		if !r.thread.park(f.Until) {
			return silent
		}
	}
	fr.bank = true
	err := do(f)
	fr.bank = false
	return b.after(f, err)
}

// bankKeys is the partition in which the bank keeps a payment.
func bankKeys(payment string) []table.Key { return []table.Key{{PK: "BANK#" + payment}} }

func (b *bankPort) after(f sim.Fault, err error) error {
	switch f.Kind {
	case sim.Lost:
		return silent
	case Crashed:
		b.p.run.kill(f.Count)
	case Gone:
		b.p.run.thread.park(sim.Label{})
	}
	return err
}
