package main

import (
	"fmt"
	"time"

	"tripsaga/trip/domain"
)

// redriveCmd resumes the present saga of a trip at the state where it failed, and follows it.
type redriveCmd struct {
	remote
	ID       string        `arg:"" help:"Id of the trip."`
	NoWait   bool          `help:"Do not follow the saga."`
	Interval time.Duration `help:"Time between two looks at the saga." default:"200ms"`
}

func (r *redriveCmd) Run(p *program) error {
	if err := checkInterval(r.Interval); err != nil {
		return err
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	if err := c.Redrive(p.ctx, r.ID); err != nil {
		return unsure(err, "the redrive may have been accepted; see: tripsaga trip "+r.ID)
	}
	if r.NoWait {
		return r.accepted(p)
	}
	return p.follow(c, r.ID, r.Interval, r.JSON, true, domain.Confirmed, domain.Cancelled)
}

func (r *redriveCmd) accepted(p *program) error {
	if r.JSON {
		return p.printJSON(struct {
			ID string `json:"id"`
		}{r.ID})
	}
	fmt.Fprintf(p.stdout, "trip %s is redriven; follow it with: tripsaga trip %s --follow\n", r.ID, r.ID)
	return nil
}
