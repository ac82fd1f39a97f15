package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tripsaga/shared/history"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
	"tripsaga/trip/wire"
)

// following shows a saga while it runs.
type following struct {
	p        *program
	c        *client
	id       string
	interval time.Duration
	quiet    bool // nothing but the outcome
	printed  int  // lines
	reached  bool // the server has answered before
}

// patience is for how long a server that was reached and is gone is asked again: long enough for a restart.
const patience = 15 * time.Second

// minInterval keeps following from being a load on the server.
const minInterval = 10 * time.Millisecond

func checkInterval(d time.Duration) error {
	if d < minInterval {
		return usage(fmt.Errorf("--interval %s: allowed is %s or more", d, minInterval))
	}
	return nil
}

// settleTries bounds how often a saga that has ended is asked for its trip, which learns of it a moment later.
const settleTries = 50

func tripPath(id string) string { return "/trips/" + url.PathEscape(id) }

// run follows until the saga has ended, and gives the trip.
func (f *following) run(ctx context.Context) (wire.TripDetails, error) {
	trip, err := f.toEnd(ctx)
	switch {
	case ctx.Err() != nil:
		return trip, f.goesOn(interrupted, "interrupted")
	case f.reached && lost(err):
		return trip, f.goesOn(exitUnknown, "the server is gone")
	}
	return trip, err
}

func (f *following) goesOn(code int, why string) error {
	return &exitError{code: code, err: fmt.Errorf(
		"%s; the saga goes on. Follow it again with: tripsaga trip %s --follow", why, f.id)}
}

// patiently looks until the server answers, for as long as the patience lasts when it was reached before.
func (f *following) patiently(ctx context.Context, look func() error) error {
	for end := time.Now().Add(patience); ; {
		err := look()
		if !lost(err) {
			f.reached = true
			return err
		}
		if !f.reached || time.Now().After(end) || !sleep(ctx, max(f.interval, brokenWait)) {
			return err
		}
	}
}

func (f *following) history(ctx context.Context) (x history.Execution, err error) {
	err = f.patiently(ctx, func() error {
		x, err = f.c.history(ctx, f.id)
		return err
	})
	return x, err
}

func (f *following) trip(ctx context.Context) (trip wire.TripDetails, err error) {
	err = f.patiently(ctx, func() error {
		trip = wire.TripDetails{}
		return f.c.get(ctx, tripPath(f.id), nil, &trip)
	})
	return trip, err
}

func (f *following) toEnd(ctx context.Context) (trip wire.TripDetails, err error) {
	for {
		x, err := f.history(ctx)
		if err != nil && !notFound(err) { // not found: its saga is about to start
			return trip, err
		}
		f.show(x)
		if x.Ended {
			return f.settled(ctx)
		}
		if err := f.exists(ctx, err); err != nil {
			return trip, err
		}
		if !sleep(ctx, f.interval) {
			return trip, ctx.Err()
		}
	}
}

// exists tells a trip whose saga has not started from one that is not there.
func (f *following) exists(ctx context.Context, missing error) error {
	if missing == nil {
		return nil
	}
	_, err := f.trip(ctx)
	return err
}

// show prints the attempts that have ended since the last look, in order; on a terminal the next one, too, until its
// line is overwritten.
func (f *following) show(x history.Execution) {
	if f.quiet {
		return
	}
	erase := ""
	if colourful(f.p.stdout) {
		erase = "\r\x1b[2K"
	}
	for _, l := range x.Lines[f.printed:] {
		fmt.Fprint(f.p.stdout, erase)
		if l.Running && erase != "" {
			fmt.Fprintf(f.p.stdout, "   %9s  %-20s attempt %-2d ...", clock(l.At), printable(l.State), l.Attempt)
		}
		if l.Running {
			return
		}
		f.p.printLine(l)
		f.printed++
	}
}

func (f *following) settled(ctx context.Context) (trip wire.TripDetails, err error) {
	for range settleTries {
		if trip, err = f.trip(ctx); err != nil || trip.Status != domain.Pending {
			break
		}
		if !sleep(ctx, f.interval) {
			return trip, ctx.Err()
		}
	}
	return trip, err
}

func notFound(err error) bool { return statusIs(err, http.StatusNotFound) }

// statusIs tells whether the server has told a problem of this status.
func statusIs(err error, status int) bool {
	var p *serverProblem
	return errors.As(err, &p) && p.Status == status
}

func (c *client) history(ctx context.Context, id string) (history.Execution, error) {
	var body wire.History
	if err := c.get(ctx, tripPath(id)+"/history", nil, &body); err != nil {
		return history.Execution{}, err
	}
	events, err := history.Decode(body.Events)
	return history.Read(events), err
}

// outcome prints how a followed booking ended; the error carries the exit code of one that is not confirmed.
func (p *program) outcomeOf(trip wire.TripDetails, asJSON bool) error {
	if asJSON {
		if err := p.printJSON(trip); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(p.stdout, p.verdict(trip))
	}
	if trip.Status == domain.Confirmed {
		return nil
	}
	return &exitError{code: exitFailure, err: errors.New("")}
}

func (p *program) verdict(trip wire.TripDetails) string {
	switch trip.Status {
	case domain.Confirmed:
		return p.paint(green, "CONFIRMED") + ": paid " + amountText(trip.Total)
	case domain.NeedsAttention:
		return p.paint(yellow, "NEEDS_ATTENTION") + ": " + reasonText(trip.Reason) + "\n" + moneyText(trip) +
			"\nresume it with: tripsaga redrive " + trip.ID
	}
	return p.paint(red, printable(string(trip.Status))) + ": " + reasonText(trip.Reason) + "\n" + moneyText(trip)
}

// moneyText says what happened to the customer's money.
func moneyText(trip wire.TripDetails) string {
	pay := trip.Payment
	switch {
	case pay.State == domain.StepUndone && pay.RefundID != "":
		return "refunded " + amountText(pay.Amount)
	case pay.State == domain.StepDone && trip.Status == domain.Confirmed:
		return "paid " + amountText(trip.Total)
	case pay.State == domain.StepDone && refunding(trip.Saga):
		return "charged " + amountText(pay.Amount) + "; its refund is still outstanding"
	case pay.State == domain.StepDone:
		return "charged " + amountText(pay.Amount) + "; the trip is not confirmed yet"
	case pay.State == domain.StepStarted && refunding(trip.Saga):
		return "perhaps charged " + amountText(pay.Amount) + ", as the bank's answer was lost; its refund is still outstanding"
	case pay.State == domain.StepStarted:
		return "perhaps charged " + amountText(pay.Amount) + ": the bank has not answered yet"
	}
	return "nothing was charged"
}

// refunding tells that the saga has begun to give the money back.
func refunding(s *wire.Saga) bool {
	return s != nil && slices.ContainsFunc(s.States, func(st wire.StateVisit) bool { return st.Name == saga.Find("ProcessPayment").Compensation })
}

func reasonText(r domain.Reason) string {
	return printable(strings.TrimSuffix(r.Name+": "+r.Message, ": "))
}
