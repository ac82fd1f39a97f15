package main

import (
	"fmt"
	"net/http"
	"time"
)

// redriveCmd resumes a saga and follows it.
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
	k := call{method: http.MethodPost, path: tripPath(r.ID) + "/redrive",
		unsure: "the redrive may have been accepted; see: tripsaga trip " + r.ID}
	if err := c.do(p.ctx, k, nil); err != nil {
		return err
	}
	if r.NoWait {
		return r.accepted(p)
	}
	f := following{p: p, c: c, id: r.ID, interval: r.Interval, quiet: r.JSON, reached: true}
	details, err := f.run(p.ctx)
	if err != nil {
		return err
	}
	return p.outcomeOf(details, r.JSON)
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
