package main

import (
	"fmt"
	"time"

	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// cancelCmd cancels a trip.
type cancelCmd struct {
	remote
	ID       string        `arg:"" help:"Id of the trip."`
	Reason   string        `help:"Why, in 1 to 200 characters." placeholder:"TEXT"`
	Key      string        `help:"Idempotency-Key. A trip is cancelled once with and without it; under the key of the accepted request another reason is refused." name:"idempotency-key" placeholder:"KEY"`
	Quote    bool          `help:"Only show what a cancellation would cost now."`
	Follow   bool          `help:"Follow the cancellation to its end."`
	Interval time.Duration `help:"Time between two looks at the saga." default:"200ms"`
}

// Help says when a cancellation is done.
func (*cancelCmd) Help() string {
	return "It shows the fee and the refund, and requests the cancellation. An accepted cancellation always ends CANCELLED. A trip that " +
		"is still being booked is compensated, or confirmed first if it is too late for that, and then cancelled. Twice is once."
}

func (x *cancelCmd) Run(p *program) error {
	if err := checkInterval(x.Interval); err != nil {
		return err
	}
	if x.Quote && (x.Follow || x.Reason != "" || x.Key != "") {
		return usage(fmt.Errorf("--quote cancels nothing: leave out --follow, --reason and --idempotency-key"))
	}
	c, err := x.client()
	if err != nil {
		return err
	}
	quote, err := c.CancellationQuote(p.ctx, x.ID)
	if err != nil {
		return err
	}
	if x.Quote {
		return x.quote(p, quote)
	}
	if !x.JSON && quote.Cancellable {
		fmt.Fprintf(p.stdout, "trip %s is %s; %s\n", quote.TripID, quote.Status, costText(quote))
	}
	trip, err := c.CancelTrip(p.ctx, x.ID, x.Key, x.Reason)
	if err != nil {
		return unsure(err, "the cancellation may have been accepted; repeat it, or see: tripsaga trip "+x.ID)
	}
	if x.Follow {
		return p.follow(c, trip.ID, x.Interval, x.JSON, true, domain.Cancelled)
	}
	return x.accepted(p, trip)
}

func (x *cancelCmd) accepted(p *program, trip wire.Trip) error {
	if x.JSON {
		return p.printJSON(trip)
	}
	text := "accepted; follow it with: tripsaga trip " + trip.ID + " --follow"
	if trip.Status == domain.Cancelled {
		text = "trip " + trip.ID + " was CANCELLED already"
	}
	_, err := fmt.Fprintln(p.stdout, text)
	return err
}

// quote prints what a cancellation costs now. One that would be refused is a failure.
func (x *cancelCmd) quote(p *program, q wire.Quote) (err error) {
	if x.JSON {
		err = p.printJSON(q)
	} else {
		err = p.printQuote(q)
	}
	if err != nil || q.Cancellable {
		return err
	}
	return &exitError{exitFailure, fmt.Errorf("trip %s cannot be cancelled: %s", q.TripID, printable(q.Why))}
}

func (p *program) printQuote(q wire.Quote) error {
	g := p.grid("trip", q.TripID, string(q.Status))
	if !q.Departs.IsZero() {
		g.row("departs", q.Departs.UTC().Format(time.RFC3339))
	}
	switch {
	case q.Cancellable:
		g.row("cancelled now", costText(q))
	case q.Refund.Currency != "":
		g.row("accepted", costText(q))
	}
	for _, t := range q.Policy.Tiers {
		g.row("policy", fmt.Sprintf("%d hours before the departure or earlier", t.Hours), fmt.Sprintf("fee %d %%", t.FeePercent))
	}
	return g.end()
}

// costText is the fee and the refund of a quote, in amounts if the trip is paid.
func costText(q wire.Quote) string {
	switch {
	case q.Total.Currency != "":
		return fmt.Sprintf("paid %s, fee %d %%: %s, refund %s", q.Total.Grouped(), q.FeePercent, q.Fee.Grouped(), q.Refund.Grouped())
	case q.FeePercent == 0:
		return "free"
	}
	return fmt.Sprintf("free unless it is confirmed first, then a fee of %d %%", q.FeePercent)
}
