package paymenttest

import (
	"errors"
	"sync"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

var creating = []row{
	{"create/moves nothing", func(f *fixture) { f.books(f.create("key"), domain.IntentOpen, 0) }},
	{"create/again, the key is remembered", func(f *fixture) {
		id := f.create("key")
		f.Advance(23 * time.Hour)
		f.same(id, f.create("key"))
	}},
	{"create/again, after the charge", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.same(id, f.create("key"))
	}},
	{"create/another key, another intent", func(f *fixture) { f.other(f.create("key"), f.create("key 2")) }},
	{"create/the key was forgotten: another intent, the first is as it was", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.Forget()
		second := f.create("key")
		f.other(id, second)
		f.same(second, f.create("key"))
		f.books(id, domain.IntentCaptured, price.Minor)
		f.books(second, domain.IntentOpen, 0)
	}},
	{"create/the key was used for another order", func(f *fixture) {
		f.create("key")
		for _, o := range []domain.PaymentOrder{{Reference: "another trip", Amount: price}, {Reference: "trip", Amount: part(2501)},
			{Reference: "trip", Amount: money.Amount{Minor: price.Minor, Currency: "EUR"}}} {
			id, err := f.Create(f.ctx, "key", o)
			f.fails(id, err, fault.Conflict, fault.NameIdempotencyMismatch)
		}
	}},
	{"create/our mistake", func(f *fixture) {
		for _, amount := range []money.Amount{part(0), part(-1)} {
			id, err := f.Create(f.ctx, "key", domain.PaymentOrder{Reference: "trip", Amount: amount})
			f.wrong(id, err)
		}
		id, err := f.Create(f.ctx, "", order("trip"))
		f.wrong(id, err)
	}},
	{"create/in progress", func(f *fixture) {
		f.Busy(true)
		id, err := f.Create(f.ctx, "key", order("trip"))
		f.fails(id, err, fault.Unavailable, fault.NameUnavailable)
		f.Busy(false)
		f.books(f.create("key"), domain.IntentOpen, 0)
	}},
	{"create/a stored error is repeated, under its key alone, until the key is forgotten", func(f *fixture) {
		f.Store()
		id, err := f.Create(f.ctx, "key", order("trip"))
		f.fails(id, err, fault.Unavailable, fault.NameUnavailable)
		if errors.Is(err, domain.ErrStored) {
			f.Errorf("the first answer is already a repetition: %v", err)
		}
		for range 2 {
			id, err = f.Create(f.ctx, "key", order("trip"))
			f.fails(id, err, fault.Unavailable, fault.NameUnavailable)
			if !errors.Is(err, domain.ErrStored) {
				f.Errorf("the answer is %v, want ErrStored", err)
			}
		}
		f.books(f.create("key 2"), domain.IntentOpen, 0)
		f.Forget()
		f.books(f.create("key"), domain.IntentOpen, 0)
	}},
}

var confirming = []row{
	{"confirm/charges", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.books(id, domain.IntentCaptured, price.Minor)
	}},
	{"confirm/already", func(f *fixture) {
		id := f.create("key")
		charge := f.confirm(id)
		f.same(charge, f.confirm(id))
		f.books(id, domain.IntentCaptured, price.Minor)
	}},
	{"confirm/already, also with a card that is declined", func(f *fixture) {
		id := f.create("key")
		charge := f.confirm(id)
		again, err := f.Confirm(f.ctx, id, f.Declined)
		if err != nil {
			f.Fatal(err)
		}
		f.same(charge, again)
	}},
	{"confirm/already, long after", func(f *fixture) {
		id := f.create("key")
		charge := f.confirm(id)
		f.Advance(15 * 24 * time.Hour)
		f.same(charge, f.confirm(id))
		f.books(id, domain.IntentCaptured, price.Minor)
	}},
	{"confirm/unknown id", func(f *fixture) {
		charge, err := f.Confirm(f.ctx, unknown, f.OK)
		f.wrong(charge, err)
	}},
	{"confirm/declined", func(f *fixture) {
		id := f.create("key")
		f.declines(id)
		f.declines(id)
		f.books(id, domain.IntentOpen, 0)
	}},
	{"confirm/declined, then charged", func(f *fixture) {
		id := f.create("key")
		f.declines(id)
		f.confirm(id)
		f.books(id, domain.IntentCaptured, price.Minor)
	}},
	{"confirm/cancelled", func(f *fixture) {
		id := f.create("key")
		f.cancel(id)
		charge, err := f.Confirm(f.ctx, id, f.OK)
		f.fails(charge, err, fault.Conflict, fault.NameStepCancelled)
		f.books(id, domain.IntentCancelled, 0)
	}},
	{"confirm/declined, then cancelled", func(f *fixture) {
		id := f.create("key")
		f.declines(id)
		f.cancel(id)
		charge, err := f.Confirm(f.ctx, id, f.OK)
		f.fails(charge, err, fault.Conflict, fault.NameStepCancelled)
		f.books(id, domain.IntentCancelled, 0)
	}},
	{"confirm/charged, then cancelled: a late duplicate charges nothing", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.cancel(id)
		charge, err := f.Confirm(f.ctx, id, f.OK)
		f.fails(charge, err, fault.Conflict, fault.NameStepCancelled)
		f.books(id, domain.IntentCaptured, price.Minor, price.Minor)
	}},
	{"confirm/charged, then refunded in part: already", func(f *fixture) {
		id := f.create("key")
		charge := f.confirm(id)
		f.refund(id, "reference", 1000)
		f.same(charge, f.confirm(id))
		f.books(id, domain.IntentCaptured, price.Minor, 1000)
	}},
	{"confirm/expired", func(f *fixture) {
		id := f.create("key")
		f.Expire(id)
		charge, err := f.Confirm(f.ctx, id, f.OK)
		f.fails(charge, err, fault.Conflict, fault.NameStepCancelled)
		f.books(id, domain.IntentCancelled, 0)
	}},
	{"confirm/declined, then expired", func(f *fixture) {
		id := f.create("key")
		f.declines(id)
		f.Expire(id)
		charge, err := f.Confirm(f.ctx, id, f.OK)
		f.fails(charge, err, fault.Conflict, fault.NameStepCancelled)
	}},
	{"confirm/in progress", func(f *fixture) {
		id := f.create("key")
		f.Busy(true)
		charge, err := f.Confirm(f.ctx, id, f.OK)
		f.fails(charge, err, fault.Unavailable, fault.NameUnavailable)
		f.Busy(false)
		f.books(id, domain.IntentOpen, 0)
		f.confirm(id)
	}},
	{"confirm/the key does not matter", func(f *fixture) {
		id := f.create("key")
		f.Forget()
		f.confirm(id)
		f.books(id, domain.IntentCaptured, price.Minor)
	}},
}

var cancelling = []row{
	{"cancel/open", func(f *fixture) {
		id := f.create("key")
		f.same("", f.cancel(id))
		f.same("", f.cancel(id))
		f.books(id, domain.IntentCancelled, 0)
	}},
	{"cancel/the key stays that of the cancelled intent", func(f *fixture) {
		id := f.create("key")
		f.cancel(id)
		f.same(id, f.create("key"))
		f.books(id, domain.IntentCancelled, 0)
	}},
	{"cancel/charged", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		refund := f.cancel(id)
		f.other("", refund)
		f.same(refund, f.cancel(id))
		f.books(id, domain.IntentCaptured, price.Minor, price.Minor)
	}},
	{"cancel/charged, all keys forgotten", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.Advance(15 * 24 * time.Hour)
		refund := f.cancel(id)
		f.Forget()
		f.Advance(2 * 24 * time.Hour)
		f.same(refund, f.cancel(id))
		f.books(id, domain.IntentCaptured, price.Minor, price.Minor)
	}},
	{"cancel/after a partial refund: the rest", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		first := f.refund(id, "reference", 1000)
		rest := f.cancel(id)
		f.other("", rest)
		f.other(first, rest)
		f.same(rest, f.cancel(id))
		f.books(id, domain.IntentCaptured, price.Minor, 1000, 1500)
	}},
	{"cancel/after all was refunded in parts: nothing", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.refund(id, "reference", 1000)
		f.refund(id, "reference 2", 1500)
		f.same("", f.cancel(id))
		f.same("", f.cancel(id))
		f.books(id, domain.IntentCaptured, price.Minor, 1000, 1500)
	}},
	{"cancel/expired", func(f *fixture) {
		id := f.create("key")
		f.Expire(id)
		f.same("", f.cancel(id))
		f.books(id, domain.IntentCancelled, 0)
	}},
	{"cancel/unknown id: never \"nothing was charged\"", func(f *fixture) {
		refund, err := f.Cancel(f.ctx, unknown)
		f.wrong(refund, err)
	}},
	{"cancel/in progress", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.Busy(true)
		refund, err := f.Cancel(f.ctx, id)
		f.fails(refund, err, fault.Unavailable, fault.NameUnavailable)
		f.Busy(false)
		f.books(id, domain.IntentCaptured, price.Minor)
		f.cancel(id)
	}},
	{"get/unknown id", func(f *fixture) {
		in, err := f.Get(f.ctx, unknown)
		f.wrong(in.ID, err)
	}},
}

var refunding = []row{
	{"refund/a part", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.refund(id, "reference", 1000)
		f.books(id, domain.IntentCaptured, price.Minor, 1000)
	}},
	{"refund/once for a reference, long after too", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		first := f.refund(id, "reference", 1000)
		f.same(first, f.refund(id, "reference", 1000))
		f.Forget()
		f.Advance(2 * 24 * time.Hour)
		f.same(first, f.refund(id, "reference", 1000))
		f.books(id, domain.IntentCaptured, price.Minor, 1000)
	}},
	{"refund/two references", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.other(f.refund(id, "reference", 1000), f.refund(id, "reference 2", 500))
		f.books(id, domain.IntentCaptured, price.Minor, 500, 1000)
	}},
	{"refund/one reference, two intents", func(f *fixture) {
		a, b := f.create("key"), f.create("key 2")
		f.confirm(a)
		f.confirm(b)
		f.other(f.refund(a, "reference", 1000), f.refund(b, "reference", 1000))
		f.books(a, domain.IntentCaptured, price.Minor, 1000)
		f.books(b, domain.IntentCaptured, price.Minor, 1000)
	}},
	{"refund/the reference was used for another amount", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.refund(id, "reference", 1000)
		refund, err := f.Refund(f.ctx, id, "reference", part(1001))
		f.fails(refund, err, fault.Conflict, fault.NameIdempotencyMismatch)
		f.books(id, domain.IntentCaptured, price.Minor, 1000)
	}},
	{"refund/more than the charge", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		refund, err := f.Refund(f.ctx, id, "reference", part(2501))
		f.wrong(refund, err)
		f.refund(id, "reference 2", 2000)
		refund, err = f.Refund(f.ctx, id, "reference 3", part(501))
		f.wrong(refund, err)
		f.books(id, domain.IntentCaptured, price.Minor, 2000)
	}},
	{"refund/after a full refund: an old reference is done, a new one is refused", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		first := f.refund(id, "reference", 1000)
		f.cancel(id)
		f.same(first, f.refund(id, "reference", 1000))
		refund, err := f.Refund(f.ctx, id, "reference 2", part(1))
		f.wrong(refund, err)
		f.books(id, domain.IntentCaptured, price.Minor, 1000, 1500)
	}},
	{"refund/nothing was charged", func(f *fixture) {
		id := f.create("key")
		for _, make := range []func(){func() {}, func() { f.declines(id) }, func() { f.cancel(id) }} {
			make()
			refund, err := f.Refund(f.ctx, id, "reference", part(1000))
			f.wrong(refund, err)
		}
		f.books(id, domain.IntentCancelled, 0)
	}},
	{"refund/our mistake", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		for _, amount := range []money.Amount{part(0), part(-1), {Minor: 10, Currency: "EUR"}} {
			refund, err := f.Refund(f.ctx, id, "reference", amount)
			f.wrong(refund, err)
		}
		refund, err := f.Refund(f.ctx, id, "", part(10))
		f.wrong(refund, err)
		f.books(id, domain.IntentCaptured, price.Minor)
	}},
	{"refund/unknown id", func(f *fixture) {
		refund, err := f.Refund(f.ctx, unknown, "reference", part(1000))
		f.wrong(refund, err)
	}},
	{"refund/in progress", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.Busy(true)
		refund, err := f.Refund(f.ctx, id, "reference", part(1000))
		f.fails(refund, err, fault.Unavailable, fault.NameUnavailable)
		f.Busy(false)
		f.refund(id, "reference", 1000)
		f.books(id, domain.IntentCaptured, price.Minor, 1000)
	}},
}

var concurrent = []row{
	{"concurrent/creates under one key give one intent", func(f *fixture) {
		ids := make([]string, callers)
		f.together(func(n int) (err error) {
			ids[n], err = f.Create(f.ctx, "key", order("trip"))
			return err
		})
		for _, id := range ids {
			f.same(ids[0], id)
		}
	}},
	{"concurrent/confirms charge once", func(f *fixture) {
		id := f.create("key")
		f.together(func(int) error { _, err := f.Confirm(f.ctx, id, f.OK); return err })
		f.books(id, domain.IntentCaptured, price.Minor)
	}},
	{"concurrent/cancels refund once", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.together(func(int) error { _, err := f.Cancel(f.ctx, id); return err })
		f.books(id, domain.IntentCaptured, price.Minor, price.Minor)
	}},
	{"concurrent/refunds of one reference refund once", func(f *fixture) {
		id := f.create("key")
		f.confirm(id)
		f.together(func(int) error { _, err := f.Refund(f.ctx, id, "reference", part(1000)); return err })
		f.books(id, domain.IntentCaptured, price.Minor, 1000)
	}},
	{"concurrent/a confirm and a cancel leave no money", func(f *fixture) {
		id := f.create("key")
		f.together(func(n int) error {
			if n%2 == 0 {
				_, err := f.Cancel(f.ctx, id)
				return err
			}
			if _, err := f.Confirm(f.ctx, id, f.OK); !fault.Is(err, fault.NameStepCancelled) {
				return err
			}
			return nil
		})
		if in, err := f.Get(f.ctx, id); err != nil || in.Status == domain.IntentCancelled {
			f.books(id, domain.IntentCancelled, 0)
			return
		}
		f.books(id, domain.IntentCaptured, price.Minor, price.Minor)
	}},
}

const callers = 8

// together makes the call from all callers concurrently, each until the outcome is known.
func (f *fixture) together(call func(n int) error) {
	f.Helper()
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for n := range callers {
		wg.Go(func() { errs[n] = patient(func() error { return call(n) }) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		f.Fatal(err)
	}
}
