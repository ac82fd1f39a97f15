package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tripsaga/report"
	"tripsaga/shared/history"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/verify/play"
)

// demoCmd runs play.Demo: five bookings, each with its expected end.
type demoCmd struct {
	JSON bool `help:"Print one JSON object." name:"json"`
	htmlFlag
}

func (c *demoCmd) Run(p *program) error {
	if err := c.htmlFlag.check(p); err != nil {
		return err
	}
	began, n := time.Now(), 0
	var demo play.Demo
	if !c.JSON {
		demo.Print = func(b play.Booked) error { n++; p.printBooked(n, b); return nil }
	}
	end, err := demo.Run(p.ctx)
	written := c.htmlFlag.write(p, began, func() *report.Page { return end.Page(err) })
	if err != nil {
		return errors.Join(err, written)
	}
	if c.JSON {
		err = p.printDemoJSON(end)
	} else {
		p.printDemoLedger(end.Ledger)
		fmt.Fprintf(p.stdout, "\n%d bookings; their waits and retries took %s of virtual time, %s of yours.\n",
			len(end.Bookings), end.Took.Round(time.Second), time.Since(began).Round(time.Millisecond))
	}
	if err == nil && len(end.Wrong) > 0 {
		err = fmt.Errorf("the demo did not end as it must:\n  %s", strings.Join(end.Wrong, "\n  "))
	}
	return errors.Join(err, written)
}

func (p *program) printBooked(n int, b play.Booked) {
	mark := "as it must"
	if b.Wrong {
		mark = "NOT as it must"
	}
	fmt.Fprintf(p.stdout, "%d. %s\n", n, b.Script.Title)
	p.printTimeline(domain.BookingSaga, history.Read(b.History))
	fmt.Fprintf(p.stdout, "   saga %s", b.End.Saga)
	if b.End.Error != "" {
		fmt.Fprintf(p.stdout, " (%s)", b.End.Error)
	}
	fmt.Fprintf(p.stdout, ", trip %s: %s\n\n", b.End.Trip, mark)
}

func (p *program) printDemoLedger(l app.Ledger) {
	verdict := "balanced: what is held and paid is the confirmed trip, and nothing else"
	if !l.Balanced {
		verdict = "NOT BALANCED"
	}
	fmt.Fprintf(p.stdout, "Ledger\n   seats held       %8d\n   room nights held %8d\n", l.SeatsHeld, l.RoomsHeld)
	for _, c := range slices.Sorted(maps.Keys(l.Currencies)) {
		sum := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: c} }
		a := l.Currencies[c]
		fmt.Fprintf(p.stdout, "   captured         %12s\n   refunded         %12s\n   confirmed        %12s\n",
			sum(a.Captured), sum(a.Refunded), sum(a.Confirmed))
	}
	fmt.Fprintf(p.stdout, "   %s\n", verdict)
}

func (p *program) printDemoJSON(end play.DemoEnd) error {
	type scenario struct {
		Name            string        `json:"name"`
		TripID          string        `json:"trip_id"`
		ExecutionStatus string        `json:"execution_status"`
		Error           string        `json:"error"`
		TripStatus      domain.Status `json:"trip_status"`
		States          []string      `json:"states"`
	}
	var scenarios []scenario
	for _, b := range end.Bookings {
		scenarios = append(scenarios, scenario{b.Script.Name, b.TripID, b.End.Saga, b.End.Error, b.End.Trip, b.End.States})
	}
	out := json.NewEncoder(p.stdout)
	out.SetIndent("", "  ")
	return out.Encode(struct {
		Scenarios []scenario `json:"scenarios"`
		Ledger    app.Ledger `json:"ledger"`
	}{scenarios, end.Ledger})
}
