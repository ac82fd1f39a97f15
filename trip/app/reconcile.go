package app

import (
	"context"
	"errors"
	"time"

	"tripsaga/trip/domain"
)

// ReconcileReport counts what Reconcile did.
type ReconcileReport struct {
	Pending int `json:"pending"` // trips older than the grace period that have no end yet
	Started int `json:"started"` // of these, whose saga runs for sure now
	Failed  int `json:"failed"`  // of these, whose saga could not be started
}

// Reconcile starts the saga of every trip that has been pending for longer than grace: the process that stored it may
// have ended before it started the saga. Starting a saga that runs changes nothing. A trip that fails to start does not
// hold up the others; the errors are joined.
func (s *Service) Reconcile(ctx context.Context, grace time.Duration) (ReconcileReport, error) {
	var report ReconcileReport
	var failures []error
	q := domain.TripQuery{Status: domain.Pending, Limit: domain.MaxPage, Created: s.Now().Add(-grace)}
	err := s.eachTrip(ctx, q, func(t *domain.Trip) error {
		report.Pending++
		if err := s.start(ctx, t); err != nil {
			report.Failed++
			failures = append(failures, err)
			return ctx.Err()
		}
		report.Started++
		return nil
	})
	return report, errors.Join(append(failures, err)...)
}

// eachTrip walks all pages of a list.
func (s *Service) eachTrip(ctx context.Context, q domain.TripQuery, visit func(*domain.Trip) error) error {
	for {
		page, err := s.Trips.List(ctx, q)
		if err != nil {
			return err
		}
		for _, t := range page.Items {
			if err := visit(t); err != nil {
				return err
			}
		}
		if page.Cursor == "" {
			return nil
		}
		q.Cursor = page.Cursor
	}
}
