package local

import (
	"context"
	"log/slog"
	"time"

	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// LoadDemoInventoryOnce loads the demo inventory into a store that never had one, and completes a load that was cut off.
func (s *System) LoadDemoInventoryOnce(ctx context.Context) (loaded bool, err error) {
	offers, err := inventory.Demo()
	if err != nil {
		return false, err
	}
	last, err := s.App.Inventory.LastLoad(ctx)
	if err != nil || last.Complete || (last != domain.LoadState{} && last.Fingerprint != offers.Fingerprint) {
		return false, err
	}
	_, err = s.App.LoadInventory(ctx, offers)
	return err == nil, err
}

// overdueAfter is how long a trip may be pending before it is marked NEEDS_ATTENTION.
const overdueAfter = 30 * time.Minute

// Reconcile starts the sagas of trips that were stored longer than grace ago and never started, and marks those that
// are overdue.
func (s *System) Reconcile(ctx context.Context, grace time.Duration, log *slog.Logger) {
	p := app.Patience{Grace: grace, Overdue: s.overdue()}
	if p.Overdue > 0 {
		p.Within = reconciled
	}
	report, err := s.App.Reconcile(ctx, p)
	switch {
	case err != nil && ctx.Err() == nil:
		log.Error("reconciling failed", "error", err, "report", report)
	case report.Pending > 0:
		log.Info("reconciled", "report", report)
	}
}

// reconciled is the age of the trips that are looked at once older ones have been marked; until then all are.
const reconciled = 31 * 24 * time.Hour

// overdue marks no trip before the system has run for as long: its sagas stood still while it did not.
func (s *System) overdue() time.Duration {
	if s.App.Now().Sub(s.opened) < overdueAfter {
		return 0
	}
	return overdueAfter
}

// Sweep removes events that have been kept for long enough.
func (s *System) Sweep(ctx context.Context, log *slog.Logger) {
	for {
		removed, err := s.Store.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			log.Error("sweeping failed", "error", err)
		}
		if err != nil || removed == 0 {
			return
		}
		log.Info("swept", "events", removed)
	}
}
