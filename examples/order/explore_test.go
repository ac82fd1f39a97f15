package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/verify"
)

// Example processes six orders without faults: only the orders themselves can fail.
func Example() {
	main()
	// Output:
	// order 1: SUCCEEDED  after 1h0m0s; 3 lamps are left
	// order 2: FAILED Rejected after 1h0m0s; 3 lamps are left
	// order 3: FAILED States.Timeout after 72h0m0s; 3 lamps are left
	// order 4: FAILED CardDeclined after 0s; 3 lamps are left
	// order 5: FAILED OutOfStock after 0s; 3 lamps are left
	// order 6: FAILED NoCourier after 0s; 3 lamps are left
}

// person returns an act that answers the question whether an order may leave.
func person(name, order string, approved bool) verify.Act {
	return verify.Act{Name: name, After: 20 * time.Minute, Do: func(ctx context.Context, p *verify.Program) error {
		return p.App.(*shop).answer(ctx, p.Engine, order, approved)
	}}
}

const inStock = 5

// atRest checks what only the shop knows: exactly the sold orders are paid for, have a courier and a parcel, and are missing
// from the shelf.
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
		did := func(company, record string) bool {
			return bytes.Equal(r.Did(company, companyID(record, o.ID)), e.Input)
		}
		paid, booked := did(theBank, recPayment), did(theCourier, recCourier)
		if _, sent := r.Items.Get(parcel(o.ID)); paid != sold || booked != sold || sent != sold {
			return fmt.Errorf("order %s is %s; paid for: %t, with a courier: %t, sent: %t", o.ID, e.Status, paid, booked, sent)
		}
	}
	if item, _ := r.Items.Get(shelf("lamp")); item.Ints[pieces] != left {
		return fmt.Errorf("%d pieces are on the shelf; expected: %d", item.Ints[pieces], left)
	}
	return nil
}

// TestEveryFaultAtEveryStep explores the order.
func TestEveryFaultAtEveryStep(t *testing.T) {
	good := Order{"1", "lamp", 3, 9800, "visa", "Japan"} // of 5: a second one would not fit
	poor, far, many, small := good, good, good, good
	poor.Card, far.Country, many.Pieces = "declined", "Atlantis", inStock+1
	small.ID, small.Pieces = "2", 2
	one := func(name, fails string, o Order, acts ...verify.Act) verify.Scenario {
		return verify.Scenario{Name: name, Inputs: []any{o}, IDs: []string{o.ID}, Fails: fails, Acts: acts}
	}
	approve := person("Approve", good.ID, true)
	verify.Run(t, verify.Saga{
		Definition: definition,
		Open: func(p *verify.Program) map[string]engine.Task {
			s := newShop(p.Table, p.Outside, p.Call)
			p.App = s
			return s.tasks()
		},
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
		Depth: 1, Triples: 100, Coverage: "testdata/coverage.txt",
	})
}
