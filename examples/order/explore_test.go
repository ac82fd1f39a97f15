package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/shared/ident"
	"tripsaga/table"
	"tripsaga/verify"
)

// called is a company each of whose calls is one point at which faults happen.
type called struct {
	company
	p  *verify.Program
	op string
}

func (c called) Perform(ctx context.Context, id string, o Order) error {
	return c.p.Call(c.op, id, func() error { return c.company.Perform(ctx, id, o) })
}

func (c called) Cancel(ctx context.Context, id string) error {
	return c.p.Call("cancel", id, func() error { return c.company.Cancel(ctx, id) })
}

func opened(p *verify.Program) *shop {
	s := newShop(p.Outside)
	s.table = p.Table
	s.bank, s.courier = called{s.bank, p, "charge"}, called{s.courier, p, "book"}
	return s
}

// person answers the question whether an order may leave, once somebody asks.
func person(name, order string, approved bool) verify.Act {
	return verify.Act{Name: name, After: 20 * time.Minute, Do: func(ctx context.Context, p *verify.Program) error {
		waited, err := opened(p).answer(ctx, p.Engine, order, approved)
		if err == nil && !waited {
			err = errors.New("nobody has asked yet")
		}
		return err
	}}
}

// atRest checks what nobody but the shop knows: a sold order, and no other one, is paid for, has its courier and its parcel, and is
// missing on the shelf.
func atRest(r verify.Rest) error {
	left := int64(inStock)
	for _, e := range r.Executions {
		var o Order
		if err := json.Unmarshal(e.Input, &o); err != nil {
			return err
		}
		sold := e.Status == asl.Succeeded
		if sold {
			left -= o.Pieces
		}
		_, sent := r.Items.Get(parcel(o.ID))
		for what, is := range map[string]bool{"paid for": acts(r, "BANK", recPayment, o.ID), "with a courier": acts(r, "COURIER", recCourier, o.ID), "sent": sent} {
			if is != sold {
				return fmt.Errorf("order %s is %s, and %s: %t", o.ID, e.Status, what, is)
			}
		}
	}
	if item, _ := r.Items.Get(shelf("lamp")); item.Ints[pieces] != left {
		return fmt.Errorf("%d pieces are on the shelf; expected: %d", item.Ints[pieces], left)
	}
	return nil
}

// acts reports whether a company acts for an order, by its books.
func acts(r verify.Rest, company, record, order string) bool {
	entry, ok := r.Outside.Get((&simulated{name: company}).entry(ident.Derive(record, order), 0).Key)
	return ok && entry.Version == acted
}

// TestEveryFaultAtEveryStep explores the order.
func TestEveryFaultAtEveryStep(t *testing.T) {
	good := Order{"1", "lamp", 3, 9800, "visa", "Japan"} // of 5: a second one would not fit
	poor, far, many, small := good, good, good, good
	poor.Card, far.Country, many.Pieces = "declined", "Atlantis", 9
	small.ID, small.Pieces = "2", 2
	one := func(name, fails string, o Order, acts ...verify.Act) verify.Scenario {
		return verify.Scenario{Name: name, Inputs: []any{o}, IDs: []string{o.ID}, Fails: fails, Acts: acts}
	}
	approve := person("Approve", good.ID, true)
	verify.Run(t, verify.Saga{
		Definition:    definition,
		Open:          func(p *verify.Program) map[string]engine.Task { return opened(p).tasks() },
		Load:          func(ctx context.Context, t table.Table) error { return t.Transact(ctx, stocked("lamp", inStock)) },
		Amounts:       []string{"pieces", "cents"},
		Refusals:      map[string]error{"charge": errCardDeclined, "book": errNoCourier},
		Compensations: map[string]string{"ReserveStock": "ReleaseStock", "BookCourier": "CancelCourier", "Charge": "Refund"},
		Scenarios: []verify.Scenario{
			one("approved", "", good, approve), one("rejected", "Rejected", good, person("Reject", good.ID, false)),
			one("nobody", "States.Timeout", good), one("declined", "CardDeclined", poor), one("too-far", "NoCourier", far),
			one("too-many", "OutOfStock", many),
			{Name: "two", Inputs: []any{good, small}, IDs: []string{good.ID, small.ID}, Acts: []verify.Act{approve, person("ApproveOther", small.ID, true)}},
		},
		Rest:  atRest,
		Depth: 1, OneIn: 4, Triples: 100, Coverage: "testdata/coverage.txt",
	})
}
