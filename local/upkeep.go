package local

import (
	"context"
	"log/slog"
	"time"

	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// KeepDemoInventory loads the demo inventory into a store that never had an inventory, and keeps one that has it up to
// date, see inventory.KeepDemo.
func (s *System) KeepDemoInventory(ctx context.Context) (added bool, err error) {
	return inventory.KeepDemo(ctx, s.App.Inventory, domain.DateOf(s.App.Now()))
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
