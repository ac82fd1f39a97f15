package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"tripsaga/shared/money"
	"tripsaga/trip/app"
)

// ledgerCmd shows what is held and paid. A ledger that does not balance is a failure.
type ledgerCmd struct{ remote }

// Help says when the figures can be relied on.
func (*ledgerCmd) Help() string {
	return "The account is exact while no saga is under way: a payment is captured a moment before its trip is confirmed."
}

func (l *ledgerCmd) Run(p *program) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	ledger, err := c.Ledger(p.ctx)
	if err != nil {
		return err
	}
	if l.JSON {
		err = p.printJSON(ledger)
	} else {
		err = p.printAccounts(ledger)
	}
	if err != nil || ledger.Balanced {
		return err
	}
	return &exitError{exitFailure, errors.New("the ledger does not balance; it is exact only while no saga is under way")}
}

func (p *program) printAccounts(ledger app.Ledger) error {
	for _, status := range slices.Sorted(maps.Keys(ledger.Trips)) {
		fmt.Fprintf(p.stdout, "trips %s  %d\n", printable(string(status)), ledger.Trips[status])
	}
	fmt.Fprintf(p.stdout, "seats held  %d\nroom nights held  %d\n", ledger.SeatsHeld, ledger.RoomsHeld)
	if len(ledger.Currencies) > 0 {
		fmt.Fprintln(p.stdout)
		g := p.grid("CURRENCY", "CAPTURED", "REFUNDED", "CONFIRMED", "FEES")
		for _, c := range slices.Sorted(maps.Keys(ledger.Currencies)) {
			a := ledger.Currencies[c]
			in := func(minor int64) string { return money.Amount{Minor: minor, Currency: c}.Grouped() }
			g.row(c, in(a.Captured), in(a.Refunded), in(a.Confirmed), in(a.Fees))
		}
		if err := g.end(); err != nil {
			return err
		}
	}
	for _, problem := range ledger.Problems {
		fmt.Fprintln(p.stdout, "problem:", printable(problem))
	}
	verdict := p.paint(green, "balanced") + ": what is held is the confirmed trips', what is kept is what they paid and the fees of cancelled ones"
	if !ledger.Balanced {
		verdict = p.paint(red, "NOT BALANCED")
	}
	_, err := fmt.Fprintln(p.stdout, verdict)
	return err
}
