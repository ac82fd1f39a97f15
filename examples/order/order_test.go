package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/shared/ident"
	"tripsaga/table/memory"
)

func Example() {
	if err := play(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// order 1: SUCCEEDED  after 1h0m0s; 3 lamps are left
	// order 2: FAILED Rejected after 1h0m0s; 3 lamps are left
	// order 3: FAILED States.Timeout after 72h0m0s; 3 lamps are left
	// order 4: FAILED CardDeclined after 0s; 3 lamps are left
	// order 5: FAILED OutOfStock after 0s; 3 lamps are left
	// order 6: FAILED NoCourier after 0s; 3 lamps are left
}

// sale is one order under faults: a person answers it after an hour, and once more after two.
type sale struct {
	shop  *shop
	order Order
	end   engine.Description
}

const inStock = 5

func sell(t *testing.T, o Order, approved bool, faults sim.Plan) sale {
	t.Helper()
	ctx := t.Context()
	store, clock := memory.New(), sim.NewVirtual(time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC))
	s := sale{shop: newShop(store), order: o}
	if err := store.Transact(ctx, stocked("lamp", inStock)); err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(ctx, engine.Options{Name: "order", Definition: definition, Table: store, Scheduler: clock,
		Tasks: sim.Tasks(s.shop.tasks(), clock, faults.Decide)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(ctx)
	input, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(ctx, o.ID, input); err != nil {
		t.Fatal(err)
	}
	for hours := range 2 {
		clock.AfterFunc(time.Duration(hours+1)*time.Hour, func() {
			if _, err := s.shop.answer(ctx, e, o.ID, approved); err != nil {
				t.Errorf("%v: the answer: %v", faults, err)
			}
		})
	}
	clock.Run()
	if s.end, err = e.Describe(ctx, o.ID); err != nil {
		t.Fatal(err)
	}
	return s
}

// effects lists what is there of the order.
func (s *sale) effects(t *testing.T) (there []string) {
	t.Helper()
	ctx := t.Context()
	left, _, err := s.shop.table.Get(ctx, shelf(s.order.Item))
	_, sent, err2 := s.shop.table.Get(ctx, parcel(s.order.ID))
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for name, is := range map[string]bool{
		"stock":   left.Ints[pieces] == inStock-s.order.Pieces,
		"nothing": left.Ints[pieces] == inStock,
		"courier": s.shop.courier.(*simulated).acts(ctx, ident.Derive(recCourier, s.order.ID)),
		"payment": s.shop.bank.(*simulated).acts(ctx, ident.Derive(recPayment, s.order.ID)),
		"parcel":  sent,
	} {
		if is {
			there = append(there, name)
		}
	}
	slices.Sort(there)
	return there
}

var (
	all  = []string{"courier", "parcel", "payment", "stock"}
	none = []string{"nothing"}
)

// TestEveryFault plays each fault at each delivery of each task, in an order that is approved and in one that is rejected:
// everything is there in the end, or nothing.
func TestEveryFault(t *testing.T) {
	machine, err := asl.Parse(definition)
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for _, approved := range []bool{true, false} {
		for _, task := range machine.Functions() {
			for _, fault := range []string{
				"%s#1=fail:Broken", "%s#1=die", "%s#1=twice", "%s#1=late@30s", "%s#1=late@80h", "%s#1=again@30s", "%s#1=again@80h", "%s#1.reply=lost", "%s#1.reply=fail:Broken",
				"%s#*=fail:Broken", "%s#*=die", "%s#*=late@30s", "%s#*=late@80h", "%s#*.reply=lost",
			} {
				faults, err := sim.ParsePlan(fmt.Sprintf(fault, task))
				if err != nil {
					t.Fatal(err)
				}
				s := sell(t, Order{"17", "lamp", 2, 9800, "visa", "Japan"}, approved, faults)
				played++
				got := s.effects(t)
				switch {
				case s.end.Status == asl.Succeeded && slices.Equal(got, all):
				case s.end.Status == asl.Failed && slices.Equal(got, none):
				case s.end.Status == asl.Failed && lasts(faults) && slices.Contains([]string{"Dispatch", "ReleaseStock", "CancelCourier", "Refund"}, s.end.State):
					// stopped where it must not go on: a person redrives it
				default:
					t.Errorf("approved %v, %v: %s %s at %s with %q", approved, faults, s.end.Status, s.end.Error, s.end.State, got)
				}
			}
		}
	}
	if played != 2*8*14 {
		t.Errorf("%d schedules were played", played)
	}
}

func lasts(faults sim.Plan) bool { return faults[0].Last == sim.Open }
