package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

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

// person answers the question whether order 1 may leave, once somebody asks.
func person(name string, approved bool) verify.Act {
	return verify.Act{Name: name, After: 20 * time.Minute, Do: func(ctx context.Context, p *verify.Program) error {
		waited, err := opened(p).answer(ctx, p.Engine, "1", approved)
		if err == nil && !waited {
			err = errors.New("nobody has asked yet")
		}
		return err
	}}
}

// TestEveryFaultAtEveryStep explores the order.
func TestEveryFaultAtEveryStep(t *testing.T) {
	good := Order{"1", "lamp", 2, 9800, "visa", "Japan"}
	poor, far, many := good, good, good
	poor.Card, far.Country, many.Pieces = "declined", "Atlantis", 9
	one := func(name string, o Order, fails string, acts ...verify.Act) verify.Scenario {
		return verify.Scenario{Name: name, Inputs: []any{o}, IDs: []string{o.ID}, Fails: fails, Acts: acts}
	}
	saga := verify.Saga{
		Definition:    definition,
		Open:          func(p *verify.Program) map[string]engine.Task { return opened(p).tasks() },
		Load:          func(ctx context.Context, t table.Table) error { return t.Transact(ctx, stocked("lamp", inStock)) },
		Amounts:       []string{"pieces", "cents"},
		Refusals:      map[string]error{"charge": errCardDeclined, "book": errNoCourier},
		Compensations: map[string]string{"ReserveStock": "ReleaseStock", "BookCourier": "CancelCourier", "Charge": "Refund"},
		Scenarios: []verify.Scenario{
			one("approved", good, "", person("Approve", true)), one("rejected", good, "Rejected", person("Reject", false)),
			one("nobody", good, "States.Timeout"), one("declined", poor, "CardDeclined"), one("too-far", far, "NoCourier"), one("too-many", many, "OutOfStock"),
		},
		Rest: func(r verify.Rest) error {
			for _, c := range []struct{ name, record string }{{"BANK", recPayment}, {"COURIER", recCourier}} {
				entry, ok := r.Outside.Get((&simulated{name: c.name}).entry(ident.Derive(c.record, "1"), 0).Key)
				if acts := ok && entry.Version == acted; acts != (r.Executions[0].Status == "SUCCEEDED") {
					return fmt.Errorf("the order is %s, and what the %s does for it is %t", r.Executions[0].Status, c.name, acts)
				}
			}
			return nil
		},
		Depth: 1, OneIn: 3, Triples: 100,
	}
	verify.Run(t, saga)
}
