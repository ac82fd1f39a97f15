package main

import (
	"fmt"
	"strings"
	"time"

	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// cancelCmd cancels a trip.
type cancelCmd struct {
	remote
	ID       string        `arg:"" help:"Id of the trip."`
	Reason   string        `help:"Why, in 1 to 200 characters." placeholder:"TEXT"`
	Key      string        `help:"Idempotency-Key. A trip is cancelled once with and without it; under the key of the accepted request another reason is refused." name:"idempotency-key" placeholder:"KEY"`
	MaxFee   string        `help:"Cancel only if the fee is not higher, such as \"44800 JPY\"." placeholder:"AMOUNT"`
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
	if x.Quote && (x.Follow || x.Reason != "" || x.Key != "" || x.MaxFee != "") {
		return usage(fmt.Errorf("--quote cancels nothing: leave out --follow, --reason, --max-fee and --idempotency-key"))
	}
	request := app.CancelRequest{Key: x.Key, Reason: x.Reason}
	if x.MaxFee != "" {
		number, code, _ := strings.Cut(x.MaxFee, " ")
		currency, err := money.ParseCurrency(code)
		if err == nil {
			request.MaxFee.Fee, err = money.Parse(number, currency)
		}
		if err != nil {
			return usage(fmt.Errorf("--max-fee %q: %w; allowed is a number and a currency, such as \"44800 JPY\"", x.MaxFee, err))
		}
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
		fmt.Fprintf(p.stdout, "trip %s is %s; %s\n", quote.TripID, quote.Status, quoteText(quote))
	}
	trip, err := c.CancelTrip(p.ctx, x.ID, request)
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
	switch trip.Status {
	case domain.Cancelled:
		text = "trip " + trip.ID + " is cancelled already"
	case domain.NeedsAttention: // its saga has stopped
		text = "accepted, but trip " + trip.ID + " needs attention; the cancellation continues with: tripsaga redrive " + trip.ID
	}
	_, err := fmt.Fprintln(p.stdout, text)
	return err
}

// quote prints what a cancellation costs now. One that would be refused is a failure, one that was accepted is not.
func (x *cancelCmd) quote(p *program, q wire.Quote) (err error) {
	if x.JSON {
		err = p.printJSON(q)
	} else {
		err = p.printQuote(q)
	}
	if err != nil || q.Cancellable || q.FeePercent != nil {
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
		g.row("cancelled now", quoteText(q))
	case q.Status == domain.Cancelled:
		g.row("is cancelled already", quoteText(q))
	case q.FeePercent != nil:
		g.row("is being cancelled already", quoteText(q))
	}
	for _, t := range q.Policy.Tiers {
		g.row("policy", fmt.Sprintf("%d hours before the departure or earlier", t.Hours), fmt.Sprintf("fee %d %%", t.FeePercent))
	}
	return g.end()
}

func quoteText(q wire.Quote) string {
	c := wire.Cancellation{Fee: q.Fee, Refund: q.Refund}
	if q.FeePercent != nil {
		c.FeePercent = *q.FeePercent
	}
	return costText(q.Status, q.Total, c)
}

// costText is the fee and the refund of a cancellation, in amounts if the trip is paid.
func costText(status domain.Status, paid money.Amount, c wire.Cancellation) string {
	switch {
	case paid.Currency != "":
		return fmt.Sprintf("paid %s, fee %d %%: %s, refund %s", paid.Grouped(), c.FeePercent, c.Fee.Grouped(), c.Refund.Grouped())
	case status == domain.Cancelled:
		return "free: it was cancelled before its payment was recorded"
	case c.FeePercent == 0:
		return "free"
	}
	return fmt.Sprintf("free unless it is confirmed first, then a fee of %d %%", c.FeePercent)
}
