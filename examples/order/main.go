// Command order sells lamps: a saga other than the trip, built only on the packages. It processes six orders in virtual time
// and prints how each ended. See README.md.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/table/embedded"
)

//go:embed order.asl.json
var definition []byte

// newShop returns a shop on a table, with companies whose books are in the table outside.
func newShop(t, outside table.Table, by calls) *shop {
	return &shop{table: t, bank: newBank(outside, by), courier: newCourier(outside, by)}
}

func (s *shop) tasks() map[string]engine.Task {
	return map[string]engine.Task{
		"ReserveStock": engine.JSON(s.reserveStock), "ReleaseStock": engine.JSON(s.releaseStock),
		"BookCourier": engine.JSON(s.bookCourier), "CancelCourier": engine.JSON(s.cancelCourier),
		"Charge": engine.JSON(s.charge), "Refund": engine.JSON(s.refund),
		"AskForApproval": engine.JSON(s.askForApproval), "Dispatch": engine.JSON(s.dispatch),
	}
}

// main sells the lamps on the shelf.
func main() {
	ctx := context.Background()
	store, err := embedded.Open("", embedded.Options{}) // "" is in memory; name a folder to keep the data
	check(err)
	defer store.Close()
	check(store.Transact(ctx, stocked("lamp", 5)))
	s, clock := newShop(store, store, nil), sim.NewVirtual(time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC))
	e, err := engine.Open(ctx, engine.Options{Name: "order", Definition: definition, Tasks: s.tasks(), Table: store, Scheduler: clock})
	check(err)
	defer e.Close(ctx)

	yes, no := true, false
	for _, c := range []struct {
		order    Order
		approved *bool // nil: no answer
	}{
		{Order{"1", "lamp", 2, 9800, "visa", "Japan"}, &yes},
		{Order{"2", "lamp", 2, 9800, "visa", "Japan"}, &no},
		{Order{"3", "lamp", 2, 9800, "visa", "Japan"}, nil},
		{Order{"4", "lamp", 2, 9800, "declined", "Japan"}, nil},
		{Order{"5", "lamp", 9, 44100, "visa", "Japan"}, nil},
		{Order{"6", "lamp", 1, 4900, "visa", "Atlantis"}, nil},
	} {
		input, err := json.Marshal(c.order)
		check(err)
		begin := clock.Now()
		check(e.Start(ctx, c.order.ID, input))
		if c.approved != nil {
			clock.AfterFunc(time.Hour, func() { check(s.answer(ctx, e, c.order.ID, *c.approved)) })
		}
		clock.Run()
		end, err := e.Describe(ctx, c.order.ID)
		check(err)
		left, _, err := store.Get(ctx, shelf("lamp"))
		check(err)
		fmt.Printf("order %s: %s %s after %s; %d lamps are left\n", c.order.ID, end.Status, end.Error, end.Stopped.Sub(begin).Round(time.Second), left.Ints[pieces])
	}
}

func check(err error) {
	if err != nil {
		log.Fatalln("order:", err)
	}
}
