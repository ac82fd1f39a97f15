package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"tripsaga/trip/client"
	"tripsaga/verify/check"
)

// checkCmd books trips through the API of any deployment and verifies what they leave.
type checkCmd struct {
	HappyPath    checkHappyPathCmd    `cmd:"" help:"Book one trip, which must be confirmed."`
	Compensation checkCompensationCmd `cmd:"" help:"Book three trips that fail at flight, hotel and payment, and must be compensated."`
	Cancellation checkCancellationCmd `cmd:"" help:"Book one trip and cancel it: what was paid must be refunded, less the fee."`
}

type checkHappyPathCmd struct{ checking }

type checkCancellationCmd struct{ checking }

type checkCompensationCmd struct {
	checking
	Only string `help:"Only this failure: flight, hotel or payment." enum:"all,flight,hotel,payment" default:"all" placeholder:"STEP"`
}

// checking is what the checks share.
type checking struct {
	remote
	Timeout  time.Duration `help:"For how long to wait for a trip's end." default:"2m"`
	Interval time.Duration `help:"Time between two looks at the saga." default:"200ms"`
	Settle   time.Duration `help:"For how long lists, history and ledger may lag behind a trip's end: until it has passed they are read again." default:"10s"`
	Strict   bool          `help:"Fail, too, when something could not be compared: the ledger cannot be read, or others book meanwhile."`
}

func (c *checkHappyPathCmd) Run(p *program) error {
	return c.run(p, func(name string) bool { return name == happyPath })
}

func (c *checkCompensationCmd) Run(p *program) error {
	return c.run(p, func(name string) bool {
		return name != happyPath && name != cancellation && (c.Only == "all" || c.Only == name)
	})
}

func (c *checkCancellationCmd) Run(p *program) error {
	return c.run(p, func(name string) bool { return name == cancellation })
}

const (
	happyPath    = "happy-path"
	cancellation = "cancellation"
)

func (c *checking) valid() error {
	if c.Timeout <= 0 {
		return fmt.Errorf("--timeout %s: allowed is more than 0", c.Timeout)
	}
	if c.Settle < 0 {
		return fmt.Errorf("--settle %s: allowed is 0 or more", c.Settle)
	}
	return checkInterval(c.Interval)
}

// run books the scenarios whose names are wanted.
func (c *checking) run(p *program, wanted func(name string) bool) error {
	if err := c.valid(); err != nil {
		return usage(err)
	}
	server, err := c.client()
	if err != nil {
		return err
	}
	trips, checks := p.stdout, p.printChecks
	if c.JSON {
		trips, checks = p.stderr, nil
	}
	scenarios := slices.DeleteFunc(check.Scenarios(), func(s check.Scenario) bool { return !wanted(s.Name) })
	report, err := check.Run(p.ctx, check.Options{
		Client: server, Scenarios: scenarios, Timeout: c.Timeout, Interval: c.Interval, Settle: c.Settle, Strict: c.Strict,
		Booked:   func(s check.Scenario, id string) { fmt.Fprintf(trips, "%s: trip %s\n", s.Title, id) },
		Verified: checks,
	})
	if report == nil {
		return err
	}
	return errors.Join(c.explain(err), c.end(p, report, err != nil))
}

// explain says what to do about a run that stopped.
func (c *checking) explain(err error) error {
	var unbooked *check.NotBookedError
	var s *check.StoppedError
	switch {
	case errors.As(err, &unbooked):
		unbooked.Err = unsureBooking(unbooked.Err, unbooked.Key)
		return unbooked
	case !errors.As(err, &s):
		return err
	case errors.Is(s.Err, check.ErrNotEnded):
		return &exitError{code: exitUnknown, err: fmt.Errorf(
			"trip %s has not ended within %s, so that its outcome is unknown. Follow it with: tripsaga trip %s --follow",
			s.TripID, c.Timeout, s.TripID)}
	case s.Waiting && errors.Is(s.Err, context.Canceled):
		return continues(s.TripID, interrupted, "interrupted")
	case errors.Is(s.Err, client.ErrGone):
		return continues(s.TripID, exitUnknown, "the server is gone")
	}
	if s.Key != "" {
		s.Err = unsureBooking(s.Err, s.Key)
	}
	if errors.Is(s.Err, context.Canceled) || !client.NoAnswer(s.Err) && !client.FromGateway(s.Err) {
		return s.Err
	}
	return &exitError{code: exitUnknown, err: s}
}

// end prints the whole report and returns an error when it does not hold. A run that stopped has an error already.
func (c *checking) end(p *program, r *check.Report, stopped bool) error {
	if c.JSON {
		if err := p.printJSON(r); err != nil {
			return err
		}
	} else if len(r.Scenarios) > 0 {
		fmt.Fprintln(p.stdout, r.Tally())
	}
	if stopped || r.Holds {
		return nil
	}
	return &exitError{code: exitFailure, err: errors.New(r.Tally().String())}
}

// printChecks prints a table of one scenario's checks, and why some were not compared.
func (p *program) printChecks(r check.ScenarioReport) error {
	g := p.grid("  CHECK", "EXPECTED", "GOT")
	var why []string
	for _, c := range r.Checks {
		g.marked(p.mark(c), "  "+c.Name, c.Want, c.Got)
		if c.NotCompared != "" && !slices.Contains(why, c.NotCompared) {
			why = append(why, c.NotCompared)
		}
	}
	if err := g.end(); err != nil {
		return err
	}
	for _, reason := range why {
		fmt.Fprintln(p.stdout, p.paint(yellow, "  not compared: "+printable(reason)))
	}
	_, err := io.WriteString(p.stdout, "\n")
	return err
}

func (p *program) mark(c check.Check) string {
	switch {
	case c.NotCompared != "":
		return p.paint(yellow, "not compared")
	case c.OK:
		return p.paint(green, "ok")
	}
	return p.paint(red, "FAIL")
}
