package main

import (
	"fmt"

	"tripsaga/shared/history"
)

// historyCmd shows a saga's history: as a timeline, or as Step Functions' events.
type historyCmd struct {
	remote
	ID string `arg:"" help:"Id of the trip."`
}

func (h *historyCmd) Run(p *program) error {
	c, err := h.client()
	if err != nil {
		return err
	}
	body, err := c.History(p.ctx, h.ID)
	if err != nil {
		return err
	}
	if h.JSON {
		return p.printJSON(body)
	}
	events, err := history.Decode(body.Events)
	if err != nil {
		return err
	}
	saga := history.Read(events)
	p.printTimeline(saga)
	p.printEnd(saga)
	return nil
}

// printEnd prints how the saga ended, or that it is running.
func (p *program) printEnd(x history.Execution) {
	switch {
	case !x.Ended:
		fmt.Fprintln(p.stdout, "   the saga is running")
	case x.Failure == nil:
		fmt.Fprintln(p.stdout, "   the saga "+p.paint(green, "succeeded"))
	default:
		fmt.Fprintf(p.stdout, "   the saga ended without success: %s\n", p.paint(red, printable(x.Failure.Error)))
	}
}
