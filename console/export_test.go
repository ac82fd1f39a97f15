package console

import (
	"context"
	"time"

	"tripsaga/console/page"
	"tripsaga/trip/app"
)

// NewAudits returns audits that are shared by their callers.
func NewAudits(compute func(context.Context) (app.Ledger, error), changed func() <-chan struct{}) func(context.Context) (app.Ledger, error) {
	a := newAudits(compute, changed, time.Now)
	return func(ctx context.Context) (app.Ledger, error) {
		last, err := a.get(ctx)
		if err != nil {
			return app.Ledger{}, err
		}
		return last.Ledger, nil
	}
}

// TripLive returns when the page of a trip changes, nil for a page that does not.
func TripLive(opt Options, r *page.Request) (*page.Live, error) {
	p, err := (&console{Deps: opt.UseCases, sagas: opt.Sagas, now: time.Now}).trip(r)
	return p.Live, err
}
