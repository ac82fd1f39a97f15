package main

import (
	"errors"
	"fmt"
	"time"

	"tripsaga/trip/client"
)

// eventsCmd shows the domain events.
type eventsCmd struct {
	remote
	Follow bool   `help:"Wait for more events."`
	After  string `help:"Only events after the one at this place, the first column; 0 is the beginning." default:"0" placeholder:"PLACE"`
}

func (c *eventsCmd) Run(p *program) error {
	server, err := c.client()
	if err != nil {
		return err
	}
	last := c.After
	err = server.Events(p.ctx, c.After, c.Follow, func(e client.Event) error {
		last = e.Place
		return c.print(p, e)
	})
	switch {
	case client.NoSuchRoute(err):
		return fmt.Errorf("%s offers no event feed: the events of this deployment are on its event bus", server.Base())
	case p.ctx.Err() != nil:
		return errInterrupted
	case c.Follow && (err == nil || errors.Is(err, client.ErrGone)):
		return &exitError{code: exitUnknown, err: fmt.Errorf("the server has ended the stream; continue with --after %s", last)}
	}
	return err
}

func (c *eventsCmd) print(p *program, e client.Event) error {
	if c.JSON {
		return p.encode(e, "")
	}
	what := reasonText(e.Reason)
	if e.Amount.Currency != "" {
		what = e.Amount.Grouped()
	}
	if e.Fee.Currency != "" {
		what += ", fee " + e.Fee.Grouped()
	}
	_, err := fmt.Fprintf(p.stdout, "%s  %s  %-21s  %s  %s\n", printable(e.Place), e.At.Format(time.RFC3339), printable(string(e.Type)), printable(e.TripID), what)
	return err
}
