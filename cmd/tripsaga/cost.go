package main

import (
	"fmt"
	"strconv"
	"strings"

	"tripsaga/aws/cost"
)

// costCmd estimates a month's bill.
type costCmd struct {
	TripsPerMonth  float64 `required:"" help:"Bookings a month." placeholder:"N"`
	Region         string  `default:"us-east-1" help:"Whose prices."`
	FailedPercent  float64 `default:"5" help:"Part of the bookings that fail and are taken back."`
	Reads          float64 `default:"3" help:"How often a client reads its trip."`
	TaskMS         float64 `default:"50" name:"task-ms" help:"What a call of a function takes, in milliseconds."`
	MonthsKept     float64 `default:"12" help:"For how many months the records are stored."`
	TracedPercent  float64 `default:"100" help:"Part of the traces that X-Ray records."`
	EventsPerBatch float64 `default:"1" help:"Events that the outbox's pipe brings at once, 1 to 10."`
	JSON           bool    `help:"Print one JSON object." name:"json"`
}

func (c *costCmd) Run(p *program) error {
	e, err := cost.For(cost.Scenario{
		Region: c.Region, Trips: c.TripsPerMonth, FailedPercent: c.FailedPercent, ReadsPerTrip: c.Reads, TaskMS: c.TaskMS,
		MonthsKept: c.MonthsKept, TracedPercent: c.TracedPercent, EventsPerBatch: c.EventsPerBatch,
	})
	if err != nil {
		return usage(err)
	}
	if c.JSON {
		return p.printJSON(e)
	}
	fmt.Fprintf(p.stdout, "%s bookings a month in %s, at list prices collected in %s, in US dollars\n\n",
		grouped(e.Scenario.Trips, 0), e.Scenario.Region, e.PricesAsOf)
	if err := p.printBill(e); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\nfollows the bookings  %s  (%.6f each)\nwhatever happens      %s\ntotal                 %s\n\nassumed\n",
		dollars(e.Variable), e.PerTrip, dollars(e.Fixed), dollars(e.Total))
	for _, a := range e.Assumptions {
		fmt.Fprintf(p.stdout, "- %s\n", a)
	}
	return nil
}

// printBill prints the lines, and under those of a service their sum.
func (p *program) printBill(e *cost.Estimate) error {
	g := p.grid("SERVICE", "WHAT", fmt.Sprintf("%14s", "QUANTITY"), "UNIT", fmt.Sprintf("%12s", "USD"))
	for _, service := range e.Services() {
		lines := 0
		for _, l := range e.Lines {
			if l.Service == service {
				g.row(service, l.What, fmt.Sprintf("%14s", quantity(l.Quantity)), l.Unit, dollars(l.USD))
				lines++
			}
		}
		if lines > 1 {
			g.row("", "sum of "+service, "", "", dollars(e.Of(service)))
		}
	}
	return g.end()
}

func dollars(usd float64) string { return fmt.Sprintf("%12s", grouped(usd, 2)) }

// quantity has decimals where it is small.
func quantity(n float64) string {
	if n < 100 {
		return grouped(n, 2)
	}
	return grouped(n, 0)
}

// grouped writes 1234567.8 as 1,234,567.80.
func grouped(n float64, decimals int) string {
	return groupDigits(strconv.FormatFloat(n, 'f', decimals, 64))
}

// groupDigits separates the thousands of a decimal number.
func groupDigits(number string) string {
	whole, fraction, _ := strings.Cut(number, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
