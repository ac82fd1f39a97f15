package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tripsaga/shared/history"
	"tripsaga/trip/client"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
	"tripsaga/trip/wire"
)

// What the verbs share that follow the saga of a trip to its end.

func checkInterval(d time.Duration) error {
	if d < client.MinInterval {
		return usage(fmt.Errorf("--interval %s: allowed is %s or more", d, client.MinInterval))
	}
	return nil
}

// follow shows the sagas of a trip until they have ended, prints the outcome and returns its exit code as an error; good are
// the statuses of a success. On a terminal a picture of the path taken is above the outcome. With asJSON it prints nothing
// but the trip. reached means that the server has answered before.
func (p *program) follow(c *client.Client, id string, interval time.Duration, asJSON, reached bool, good ...domain.Status) error {
	w := client.Wait{Interval: interval, Reached: reached}
	shown := progress{p: p}
	if !asJSON {
		w.Look = shown.look
	}
	trip, err := c.Wait(p.ctx, id, w)
	switch {
	case err != nil && p.ctx.Err() != nil:
		return continues(id, interrupted, "interrupted")
	case errors.Is(err, client.ErrGone):
		return continues(id, exitUnknown, "the server is gone")
	case err != nil:
		return err
	case asJSON:
		err = p.printJSON(trip)
	default:
		if err = p.printPicture(shown.saga, shown.events); err == nil {
			_, err = fmt.Fprintln(p.stdout, p.verdict(trip))
		}
	}
	if err != nil || slices.Contains(good, trip.Status) {
		return err
	}
	return &exitError{code: exitFailure, err: errors.New("")}
}

// continues is the error of a saga that is not followed to its end.
func continues(id string, code int, why string) error {
	return &exitError{code: code, err: fmt.Errorf(
		"%s; the saga goes on. Follow it again with: tripsaga trip %s --follow", why, id)}
}

// progress prints a saga while it runs.
type progress struct {
	p       *program
	saga    string          // the present one
	printed int             // lines of it
	events  []history.Event // of the last look
}

// look prints the attempts that have ended since the last look, in order; on a terminal the next one, too, until its
// line is overwritten.
func (f *progress) look(name string, events []history.Event) {
	if f.saga != "" && f.saga != name {
		fmt.Fprintf(f.p.stdout, "%s of the trip:\n", name)
		f.printed = 0
	}
	f.saga, f.events = name, events
	erase := ""
	if colourful(f.p.stdout) {
		erase = "\r\x1b[2K"
	}
	for _, l := range history.Read(events).Lines[f.printed:] {
		fmt.Fprint(f.p.stdout, erase)
		if l.Running && erase != "" {
			fmt.Fprintf(f.p.stdout, "   %9s  %-20s attempt %-2d ...", clock(l.At), printable(l.State), l.Attempt)
		}
		if l.Running {
			return
		}
		f.p.printLine(f.saga, l)
		f.printed++
	}
}

func (p *program) verdict(trip wire.TripDetails) string {
	switch trip.Status {
	case domain.Confirmed:
		return p.paint(green, "CONFIRMED") + ": paid " + trip.Total.Grouped()
	case domain.Cancelled:
		return p.paint(green, "CANCELLED") + ": " + moneyText(trip)
	case domain.NeedsAttention:
		return p.paint(yellow, "NEEDS_ATTENTION") + ": " + reasonText(trip.Reason) + "\n" + moneyText(trip) +
			"\nresume it with: tripsaga redrive " + trip.ID
	}
	return p.paint(red, printable(string(trip.Status))) + ": " + reasonText(trip.Reason) + "\n" + moneyText(trip)
}

// moneyText describes what happened to the customer's money.
func moneyText(trip wire.TripDetails) string {
	pay := trip.Payment
	amount := pay.Amount.Grouped()
	c := trip.Cancellation
	switch domain.MoneyOf(trip.Status, pay.State, pay.RefundID != "", c.Fee.Minor > 0, refunding(trip.Saga)) {
	case domain.MoneyPartlyRefunded:
		return "refunded " + c.Refund.Grouped() + " of " + trip.Total.Grouped() + "; the fee is " + c.Fee.Grouped()
	case domain.MoneyKept:
		return "nothing is refunded; the fee is " + c.Fee.Grouped()
	case domain.MoneyRefunded:
		return "refunded " + amount
	case domain.MoneyPaid:
		return "paid " + trip.Total.Grouped()
	case domain.MoneyRefunding:
		return "charged " + amount + "; its refund is still outstanding"
	case domain.MoneyCharged:
		return "charged " + amount + "; the trip is not confirmed yet"
	case domain.MoneyPerhapsToRefund:
		return "perhaps charged " + amount + ", as the bank's answer was lost; its refund is still outstanding"
	case domain.MoneyPerhaps:
		return "perhaps charged " + amount + ": the bank has not answered yet"
	}
	return "nothing was charged"
}

// refunding reports whether the saga has begun the refund, or is the cancellation, which will.
func refunding(s *wire.Saga) bool {
	return s != nil && (s.Name == domain.CancellationSaga || slices.ContainsFunc(s.States, func(st wire.StateVisit) bool { return st.Name == saga.Find("ProcessPayment").Compensation }))
}

func reasonText(r domain.Reason) string {
	return printable(strings.TrimSuffix(r.Name+": "+r.Message, ": "))
}
