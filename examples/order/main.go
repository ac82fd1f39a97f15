// Command order sells lamps: another saga than a trip, on the packages alone. It plays five orders in virtual time and
// prints how each ended. See README.md.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/table/embedded"
)

//go:embed order.asl.json
var definition []byte

func main() {
	if err := play(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "order:", err)
		os.Exit(1)
	}
}

// newShop is a shop over a table, with companies that keep their books there too, in partitions of their own.
func newShop(t table.Table) *shop {
	refuse := func(when bool, err error) error {
		if when {
			return err
		}
		return nil
	}
	return &shop{
		table:   t,
		bank:    &simulated{t, "BANK", func(o Order) error { return refuse(o.Card == "declined", errCardDeclined) }},
		courier: &simulated{t, "COURIER", func(o Order) error { return refuse(o.Country == "Atlantis", errNoCourier) }},
	}
}

// play sells the lamps on the shelf.
func play(ctx context.Context, out io.Writer) error {
	store, err := embedded.Open("", embedded.Options{}) // "" is in memory; name a folder to keep the data
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Transact(ctx, stocked("lamp", 5)); err != nil {
		return err
	}
	s, clock := newShop(store), sim.NewVirtual(time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC))
	e, err := engine.Open(ctx, engine.Options{Name: "order", Definition: definition, Tasks: s.tasks(), Table: store, Scheduler: clock})
	if err != nil {
		return err
	}
	defer e.Close(ctx)

	yes, no := true, false
	for _, c := range []struct {
		order    Order
		approved *bool // nil: nobody answers
	}{
		{Order{"1", "lamp", 2, 9800, "visa", "Japan"}, &yes},
		{Order{"2", "lamp", 2, 9800, "visa", "Japan"}, &no},
		{Order{"3", "lamp", 2, 9800, "visa", "Japan"}, nil},
		{Order{"4", "lamp", 2, 9800, "declined", "Japan"}, nil},
		{Order{"5", "lamp", 9, 44100, "visa", "Japan"}, nil},
		{Order{"6", "lamp", 1, 4900, "visa", "Atlantis"}, nil},
	} {
		input, err := json.Marshal(c.order)
		if err != nil {
			return err
		}
		begin := clock.Now()
		if err := e.Start(ctx, c.order.ID, input); err != nil {
			return err
		}
		if c.approved != nil {
			clock.AfterFunc(time.Hour, func() { _, err = s.answer(ctx, e, c.order.ID, *c.approved) })
		}
		clock.Run()
		if err != nil {
			return err
		}
		end, err := e.Describe(ctx, c.order.ID)
		if err != nil {
			return err
		}
		left, _, err := store.Get(ctx, shelf("lamp"))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "order %s: %s %s after %s; %d lamps are left\n", c.order.ID, end.Status, end.Error, end.Stopped.Sub(begin).Round(time.Second), left.Ints[pieces])
	}
	return nil
}
