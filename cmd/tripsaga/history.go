package main

import (
	"fmt"

	"tripsaga/trip/wire"
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
	var body wire.History
	if err := c.get(p.ctx, tripPath(h.ID)+"/history", nil, &body); err != nil {
		return err
	}
	if h.JSON {
		return p.printJSON(body)
	}
	history, err := decodeHistory(body.Events)
	if err != nil {
		return err
	}
	p.printTimeline(history)
	p.printEnd(history)
	return nil
}

// printEnd prints how the saga stands.
func (p *program) printEnd(history []historyEvent) {
	if !ended(history) {
		fmt.Fprintln(p.stdout, "   the saga is running")
		return
	}
	last := history[len(history)-1]
	f := last.end()
	if f == nil {
		fmt.Fprintln(p.stdout, "   the saga "+p.paint(green, "succeeded"))
		return
	}
	fmt.Fprintf(p.stdout, "   the saga ended without success: %s\n", p.paint(red, printable(f.Error)))
}
