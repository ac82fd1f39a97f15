package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// checkCmd books trips through the API of any deployment and verifies what they leave.
type checkCmd struct {
	HappyPath    checkHappyPathCmd    `cmd:"" help:"Book one trip, which must be confirmed."`
	Compensation checkCompensationCmd `cmd:"" help:"Book three trips that fail at flight, hotel and payment, and must be taken back."`
}

type checkHappyPathCmd struct{ checking }

type checkCompensationCmd struct {
	checking
	Only string `help:"Only this failure: flight, hotel or payment." enum:"all,flight,hotel,payment" default:"all" placeholder:"STEP"`
}

func (c *checkHappyPathCmd) Run(p *program) error { return c.run(p, []scenario{happyPath}) }

func (c *checkCompensationCmd) Run(p *program) error {
	if c.Only == "all" {
		return c.run(p, compensations)
	}
	for _, s := range compensations {
		if s.name == c.Only {
			return c.run(p, []scenario{s})
		}
	}
	return fmt.Errorf("no scenario %s", c.Only)
}

// checking is what the checks share.
type checking struct {
	remote
	Timeout  time.Duration `help:"For how long to wait for a trip's end." default:"2m"`
	Interval time.Duration `help:"Time between two looks at the saga." default:"200ms"`
	Settle   time.Duration `help:"For how long lists, history and ledger may lag behind a trip's end: until it has passed they are read again." default:"10s"`
	Strict   bool          `help:"Fail, too, when something could not be compared: the ledger cannot be read, or others book meanwhile."`
}

// settlePause is how many intervals lie between two looks at a whole deployment, whose audit is no light call.
const settlePause = 5

func (c *checking) valid() error {
	if c.Timeout <= 0 {
		return fmt.Errorf("--timeout %s: allowed is more than 0", c.Timeout)
	}
	if c.Settle < 0 {
		return fmt.Errorf("--settle %s: allowed is 0 or more", c.Settle)
	}
	return checkInterval(c.Interval)
}

func (c *checking) run(p *program, scenarios []scenario) error {
	if err := c.valid(); err != nil {
		return usage(err)
	}
	server, err := c.client()
	if err != nil {
		return err
	}
	d := &deployment{p: p, c: server, ours: map[string]bool{}}
	o, err := d.choose(p.ctx)
	if err != nil {
		return err
	}
	report := checkReport{Scenarios: []scenarioReport{}}
	err = c.runAll(p, d, o, scenarios, &report)
	return errors.Join(err, report.end(p, c, err))
}

// runAll stops at the first scenario whose outcome cannot be known; what was verified before is in the report.
func (c *checking) runAll(p *program, d *deployment, o offer, scenarios []scenario, report *checkReport) error {
	before, err := d.look(p.ctx, o, nil)
	if err != nil {
		return err
	}
	for _, s := range scenarios {
		t := &trial{scenario: s, offer: o, request: s.request(o), before: before, key: "check-" + rand.Text()}
		if err := t.book(d); err != nil {
			return err
		}
		c.announce(p, t)
		checks, err := c.follow(p, d, t)
		if err != nil {
			return unknownOutcome(t.id, err)
		}
		if err := report.add(p, c, t, checks); err != nil {
			return err
		}
		before = t.after
	}
	return nil
}

func (c *checking) announce(p *program, t *trial) {
	out := p.stdout
	if c.JSON {
		out = p.stderr
	}
	fmt.Fprintf(out, "%s: trip %s\n", t.scenario.title, t.id)
}

// follow sees the trip to its end and verifies what it leaves.
func (c *checking) follow(p *program, d *deployment, t *trial) ([]verification, error) {
	if err := t.repeat(d); err != nil {
		return nil, err
	}
	if err := c.await(p, d, t); err != nil {
		return nil, err
	}
	return c.settled(p.ctx, d, t)
}

// await follows the saga to its end.
func (c *checking) await(p *program, d *deployment, t *trial) error {
	ctx, cancel := context.WithTimeout(p.ctx, c.Timeout)
	defer cancel()
	f := following{p: p, c: d.c, id: t.id, interval: c.Interval, quiet: true, reached: true}
	_, err := f.run(ctx)
	if err != nil && p.ctx.Err() == nil && ctx.Err() != nil {
		return &exitError{code: exitUnknown, err: fmt.Errorf(
			"trip %s has not ended within %s, so that its outcome is unknown. Follow it with: tripsaga trip %s --follow",
			t.id, c.Timeout, t.id)}
	}
	return err
}

// unknownOutcome gives the exit code to a server that is out of reach after it has taken a booking.
func unknownOutcome(id string, err error) error {
	if errors.Is(err, context.Canceled) || !lost(err) && !fromGateway(err) {
		return err
	}
	return &exitError{code: exitUnknown, err: fmt.Errorf("trip %s could not be verified: %w", id, err)}
}

// settled verifies until everything holds, or until what may lag behind has had its time.
func (c *checking) settled(ctx context.Context, d *deployment, t *trial) ([]verification, error) {
	for end := time.Now().Add(c.Settle); ; {
		if err := d.observe(ctx, t); err != nil {
			return nil, err
		}
		checks := t.verify()
		if count(checks).failed == 0 || !time.Now().Before(end) {
			return checks, nil
		}
		if !sleep(ctx, settlePause*c.Interval) {
			return nil, errInterrupted
		}
	}
}
