package barrier_test

import (
	"context"
	"errors"
	"fmt"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/table/embedded"
)

// Seat is the result of the step, which is stored in the step's record.
type Seat struct {
	Number int64 `json:"number"`
}

// A step takes a seat from a counter. Its duplicate returns the same result and takes no second seat. After the
// compensation the step is refused, also if it arrives late.
func ExampleDo() {
	t, err := embedded.Open("", embedded.Options{}) // in memory
	if err != nil {
		panic(err)
	}
	defer t.Close()
	ctx := context.Background()
	stock := table.Key{PK: "SHOW#1", SK: "FREE"}
	err = t.Transact(ctx, table.Put(table.Item{Key: stock, Ints: map[string]int64{"seats": 2}}, table.None))
	if err != nil {
		panic(err)
	}
	free := func() int64 {
		item, _, _ := t.Get(ctx, stock)
		return item.Ints["seats"]
	}

	step := barrier.Step{Key: table.Key{PK: "ORDER#7", SK: "SEAT"}, Fingerprint: "one seat of show 1"}
	reserve := func() (Seat, error) {
		return barrier.Do(ctx, t, step, func(context.Context) (barrier.Effect[Seat], error) {
			return barrier.Effect[Seat]{
				Result: Seat{Number: 12},
				Ops:    []table.Op{table.Add(stock, "seats", -1, 0)}, // never below 0
				Refuse: func(int) error { return fault.New(fault.Refused, "SoldOut", "show 1 is sold out") },
			}, nil
		})
	}
	cancel := func() (bool, error) {
		return barrier.Undo(ctx, t, step.Key, func(_ context.Context, s Seat) (Seat, []table.Op, bool, error) {
			return s, []table.Op{table.Add(stock, "seats", 1, 0)}, true, nil
		})
	}

	fmt.Println(reserve())
	fmt.Println(reserve())
	fmt.Println("free:", free())
	fmt.Println(cancel())
	fmt.Println(cancel())
	_, err = reserve()
	fmt.Println(fault.NameOf(err), "free:", free())
	// Output:
	// {12} <nil>
	// {12} <nil>
	// free: 1
	// true <nil>
	// false <nil>
	// StepCancelled free: 2
}

// A step charges a card at a provider. It first creates an intent there, which moves nothing, and records the intent's id.
// The reply of the first attempt is lost. The retry finds the record and confirms the same intent again. The card is then
// declined: before that is answered, the intent is cancelled, so that no late call can charge it.
func ExampleCall() {
	t, err := embedded.Open("", embedded.Options{})
	if err != nil {
		panic(err)
	}
	defer t.Close()
	type charge struct {
		Intent string `json:"intent"` // the provider's id
		Amount int64  `json:"amount"`
	}
	answer := errors.New("the reply was lost")
	pay := func() (charge, error) {
		step := barrier.Step{Key: table.Key{PK: "ORDER#7", SK: "CHARGE"}, Fingerprint: "order 7"}
		return barrier.Call(context.Background(), t, step, barrier.Provider[charge]{
			Prepare: func(context.Context) (charge, error) {
				fmt.Println("create")
				return charge{Intent: "pi_1", Amount: 4200}, nil
			},
			Perform: func(_ context.Context, c charge) (charge, error) {
				fmt.Println("confirm", c.Intent)
				return c, answer
			},
			Reverse: func(_ context.Context, c charge) (charge, []table.Op, bool, error) {
				fmt.Println("cancel", c.Intent)
				return c, nil, false, nil
			},
		})
	}
	_, err = pay()
	fmt.Println(fault.KindOf(err))
	answer = fault.New(fault.Refused, "Declined", "the card was declined")
	_, err = pay()
	fmt.Println(err)
	_, err = pay()
	fmt.Println(err)
	// Output:
	// create
	// confirm pi_1
	// unavailable
	// confirm pi_1
	// cancel pi_1
	// the card was declined
	// the card was declined
}
