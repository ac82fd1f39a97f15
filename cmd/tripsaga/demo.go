package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// demoCmd books five trips, one after the other, in one throw-away store. Retries and time-outs pass in virtual time.
type demoCmd struct {
	JSON bool `help:"Print one JSON object." name:"json"`
}

// demoScenario is a booking, what goes wrong with it, and how it must end.
type demoScenario struct {
	name, title string
	request     domain.Request
	faults      string // a sim.Plan
	want        demoOutcome
}

// demoOutcome is how a booking ended, in the form that --json prints.
type demoOutcome struct {
	Name            string   `json:"name"`
	TripID          string   `json:"trip_id"`
	ExecutionStatus string   `json:"execution_status"`
	Error           string   `json:"error"`
	TripStatus      string   `json:"trip_status"`
	States          []string `json:"states"`
}

// demo is one run: a system in virtual time, and the faults of the booking under way.
type demo struct {
	p       *program
	cmd     *demoCmd
	virtual *sim.Virtual
	faults  atomic.Pointer[sim.Plan]
	sys     *local.System
	began   time.Time
	wrong   []string
}

func (c *demoCmd) Run(p *program) error {
	d := &demo{p: p, cmd: c, virtual: sim.NewVirtual(demoStart), began: time.Now()}
	if err := d.open(); err != nil {
		return err
	}
	defer d.sys.Close(context.WithoutCancel(p.ctx))
	outcomes, err := d.bookAll()
	if err != nil {
		return err
	}
	ledger, err := d.ledger()
	if err != nil {
		return err
	}
	return d.report(outcomes, ledger)
}

func (d *demo) open() (err error) {
	d.faults.Store(&sim.Plan{})
	seed := rand.New(rand.NewPCG(1, 2))
	d.sys, err = local.Open(d.p.ctx, local.Options{
		Scheduler: d.virtual, Seed: seed.Uint64, Random: rand.NewChaCha8([32]byte{1}),
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			return sim.Tasks(tasks, d.virtual, func(at sim.Label) sim.Fault { return d.faults.Load().Decide(at) })
		},
	})
	if err != nil {
		return err
	}
	_, err = d.sys.KeepDemoInventory(d.p.ctx)
	return err
}

func (d *demo) bookAll() ([]demoOutcome, error) {
	var outcomes []demoOutcome
	for i, s := range demoScenarios {
		o, err := d.book(i+1, s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

func (d *demo) book(n int, s demoScenario) (demoOutcome, error) {
	plan, err := sim.ParsePlan(s.faults)
	if err != nil {
		return demoOutcome{}, err
	}
	d.faults.Store(&plan)
	trip, err := d.sys.App.BookTrip(d.p.ctx, "", s.request)
	if err != nil {
		return demoOutcome{}, err
	}
	d.virtual.Run()
	events, err := d.sys.Engine.History(d.p.ctx, trip.ID())
	if err != nil {
		return demoOutcome{}, err
	}
	history, err := decodeHistory(events)
	if err != nil {
		return demoOutcome{}, err
	}
	o, err := d.outcome(s.name, trip.ID(), history)
	if err != nil {
		return demoOutcome{}, err
	}
	ok := d.check(s, o)
	if !d.cmd.JSON {
		d.print(n, s, o, history, ok)
	}
	return o, nil
}

func (d *demo) outcome(name, id string, history []historyEvent) (demoOutcome, error) {
	end, err := d.sys.Engine.Describe(d.p.ctx, id)
	if err != nil {
		return demoOutcome{}, err
	}
	trip, err := d.sys.App.Trips.Get(d.p.ctx, id)
	if err != nil {
		return demoOutcome{}, err
	}
	return demoOutcome{
		Name: name, TripID: id, ExecutionStatus: string(end.Status), Error: end.Error,
		TripStatus: string(trip.Status()), States: statesEntered(history),
	}, nil
}

// check compares with what the scenario must come to; the reply is for the eye, the exit code follows from d.wrong.
func (d *demo) check(s demoScenario, got demoOutcome) bool {
	want := s.want
	want.Name, want.TripID = got.Name, got.TripID
	ok := got.ExecutionStatus == want.ExecutionStatus && got.Error == want.Error &&
		got.TripStatus == want.TripStatus && inOrder(want.States, got.States)
	if !ok {
		d.wrong = append(d.wrong, fmt.Sprintf("%s: want %+v, got %+v", s.name, want, got))
	}
	return ok
}

// inOrder tells whether all of want are in got, in this order, from the first to the last; steps that the demo does not
// know may stand between.
func inOrder(want, got []string) bool {
	if len(got) == 0 || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
		return false
	}
	for _, state := range want {
		i := slices.Index(got, state)
		if i < 0 {
			return false
		}
		got = got[i+1:]
	}
	return true
}

// ledger is what the store holds after all bookings.
func (d *demo) ledger() (app.Ledger, error) {
	l, err := d.sys.App.Audit(d.p.ctx)
	if err != nil {
		return l, err
	}
	booked := demoScenarios[0].request
	if l.SeatsHeld != int64(booked.Flight.Seats) || l.RoomsHeld != int64(booked.Hotel.Rooms*demoNights) {
		d.wrong = append(d.wrong, fmt.Sprintf("ledger: %d seats and %d room nights held, want those of the one confirmed trip", l.SeatsHeld, l.RoomsHeld))
	}
	if !l.Balanced {
		d.wrong = append(d.wrong, fmt.Sprintf("ledger: not balanced: %+v", l))
	}
	return l, nil
}

func (d *demo) report(outcomes []demoOutcome, ledger app.Ledger) error {
	if d.cmd.JSON {
		out := json.NewEncoder(d.p.stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(struct {
			Scenarios []demoOutcome `json:"scenarios"`
			Ledger    app.Ledger    `json:"ledger"`
		}{outcomes, ledger}); err != nil {
			return err
		}
	} else {
		d.printLedger(ledger)
	}
	if len(d.wrong) > 0 {
		return fmt.Errorf("the demo did not end as it must:\n  %s", strings.Join(d.wrong, "\n  "))
	}
	return nil
}

func (d *demo) print(n int, s demoScenario, o demoOutcome, history []historyEvent, ok bool) {
	mark := "as it must"
	if !ok {
		mark = "NOT as it must"
	}
	fmt.Fprintf(d.p.stdout, "%d. %s\n", n, s.title)
	d.p.printTimeline(history)
	fmt.Fprintf(d.p.stdout, "   saga %s", o.ExecutionStatus)
	if o.Error != "" {
		fmt.Fprintf(d.p.stdout, " (%s)", o.Error)
	}
	fmt.Fprintf(d.p.stdout, ", trip %s: %s\n\n", o.TripStatus, mark)
}

func (d *demo) printLedger(l app.Ledger) {
	verdict := "balanced: what is held and paid is the confirmed trip, and nothing else"
	if !l.Balanced {
		verdict = "NOT BALANCED"
	}
	fmt.Fprintf(d.p.stdout, "Ledger\n   seats held       %8d\n   room nights held %8d\n", l.SeatsHeld, l.RoomsHeld)
	for _, c := range slices.Sorted(maps.Keys(l.Currencies)) {
		sum := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: c} }
		a := l.Currencies[c]
		fmt.Fprintf(d.p.stdout, "   captured         %12s\n   refunded         %12s\n   confirmed        %12s\n",
			sum(a.Captured), sum(a.Refunded), sum(a.Confirmed))
	}
	fmt.Fprintf(d.p.stdout, "   %s\n\n%d bookings; their waits and retries took %s of virtual time, %s of yours.\n", verdict,
		len(demoScenarios), d.virtual.Now().Sub(demoStart).Round(time.Second), time.Since(d.began).Round(time.Millisecond))
}
