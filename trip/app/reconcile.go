package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// Patience is how long a trip may be pending before Reconcile acts on it. For a trip that is CANCELLING, the time starts with
// that status.
type Patience struct {
	Grace   time.Duration // before its saga is started again, since the first start may still be running; 0 includes every trip, even one created after now
	Overdue time.Duration // before the trip is marked NEEDS_ATTENTION; 0 means never
	Within  time.Duration // older PENDING trips are skipped, since they are marked by now; 0 skips no trip
}

// ReconcileReport counts what Reconcile did.
type ReconcileReport struct {
	Pending int  `json:"pending"` // trips older than the grace period that have no end yet
	Started int  `json:"started"` // of these, trips whose saga certainly runs now, or has ended
	Failed  int  `json:"failed"`  // of these, trips whose saga could not be started
	Overdue int  `json:"overdue"` // of those started, trips that were pending for too long
	Marked  int  `json:"marked"`  // of those overdue, trips marked now; the others ended meanwhile, or could not be marked
	CutOff  bool `json:"cut_off"` // ctx ended before all trips were seen
}

// Reconcile visits every trip that has been PENDING or CANCELLING for longer than the grace period, and starts its saga: the
// process that stored the trip may have ended before it started the saga, and a second start changes nothing. The same applies
// to a cancellation that was requested before the trip was confirmed.
//
// It also marks overdue trips, but only after a successful start, since a marked trip is not started again. An error of
// one trip does not stop the others; the errors are joined. If ctx ends first, the report says so. That is an error only
// if nothing was started at all. The next run continues: trips that were started end or become overdue, and are not
// visited again. Errors: Unavailable, and those of starting and marking.
func (s *Service) Reconcile(ctx context.Context, p Patience) (ReconcileReport, error) {
	r := reconciliation{Service: s, patience: p, now: s.Now()}
	q := domain.TripQuery{Status: domain.Pending, Limit: domain.MaxPage}
	if p.Grace > 0 {
		q.Created = r.now.Add(-p.Grace)
	}
	if p.Within > 0 {
		q.Since = r.now.Add(-p.Within)
	}
	visit := func(t *domain.Trip) error { return r.visit(ctx, t) }
	// The few trips that are being cancelled come first, so that many pending ones do not use up the time.
	err := s.eachTrip(ctx, domain.TripQuery{Status: domain.Cancelling, Limit: domain.MaxPage}, visit)
	if err == nil {
		err = s.eachTrip(ctx, q, visit)
	}
	if ctx.Err() != nil {
		r.report.CutOff = true
		err = r.stuck()
	}
	return r.report, errors.Join(append(r.failures, err)...)
}

// reconciliation is one run.
type reconciliation struct {
	*Service
	patience Patience
	now      time.Time
	report   ReconcileReport
	failures []error
}

// stuck is the error of a run that started no saga in its time.
func (r *reconciliation) stuck() error {
	if r.report.Pending == 0 || r.report.Started > 0 {
		return nil
	}
	return fault.New(fault.Unavailable, fault.NameUnavailable, "the time ran out before one saga was started")
}

// visit returns an error only to end the run.
func (r *reconciliation) visit(ctx context.Context, t *domain.Trip) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.patience.Grace > 0 && r.age(t) < r.patience.Grace {
		return nil
	}
	r.report.Pending++
	err := r.start(ctx, t)
	if fault.Is(err, fault.NameIdempotencyMismatch) {
		err = nil // an execution of this name exists with another input: there is nothing to start, and the trip is marked if it does not end
	}
	if err == nil {
		r.report.Started++
		err = r.mark(ctx, t)
	} else if ctx.Err() == nil {
		r.report.Failed++
	}
	if err != nil && ctx.Err() == nil {
		r.failures = append(r.failures, fmt.Errorf("trip %s: %w", t.ID(), err))
	}
	return ctx.Err()
}

// age returns how long the trip has been in its status. A request to cancel a PENDING trip updates the trip but does not reset
// its age.
func (r *reconciliation) age(t *domain.Trip) time.Duration {
	if t.Status() == domain.Cancelling {
		return r.now.Sub(t.Updated())
	}
	return r.now.Sub(t.Created())
}

// mark reads the trip again, so that a trip that has ended since it was listed is not marked.
func (r *reconciliation) mark(ctx context.Context, t *domain.Trip) error {
	age, saga := r.age(t), t.Saga()
	if r.patience.Overdue == 0 || age < r.patience.Overdue {
		return nil
	}
	r.report.Overdue++
	reason := domain.Reason{
		Name:    domain.ReasonOverdue,
		Message: fmt.Sprintf("the saga has no end after %s, allowed are %s", age.Truncate(time.Second), r.patience.Overdue),
	}
	marked := false
	_, err := r.changeTrip(ctx, t.ID(), func(t *domain.Trip) ([]domain.Event, error) {
		events := t.MarkNeedsAttention(saga, reason, r.now)
		marked = len(events) > 0
		return events, nil
	})
	if err == nil && marked {
		r.report.Marked++
	}
	return err
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

// ExecutionChange is a status change of a saga's execution, as the state machine reports it.
type ExecutionChange struct {
	Saga   string // the state machine's name
	TripID string // the execution's name
	Status string // RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED
	Error  string // the name of the error, for the last three statuses
	State  string // the state that failed; "" if unknown
}

// MarkNeedsAttention marks a trip whose saga stopped while the trip was pending or being cancelled. Nothing changes if the saga
// recorded the trip's end before it stopped, or if the report is late or not about the current saga. Errors: Invalid, NotFound,
// Unavailable.
func (s *Service) MarkNeedsAttention(ctx context.Context, c ExecutionChange) error {
	switch c.Status {
	case "FAILED", "TIMED_OUT", "ABORTED":
	default:
		return nil
	}
	if err := (TripRef{c.TripID}).check(); err != nil {
		return err
	}
	_, err := s.changeTrip(ctx, c.TripID, func(t *domain.Trip) ([]domain.Event, error) {
		return t.MarkNeedsAttention(c.Saga, c.reason(), s.Now()), nil
	})
	return err
}

func (c ExecutionChange) reason() domain.Reason {
	r := domain.Reason{Name: c.Error, Message: "the saga ended " + c.Status}
	if r.Name == "" {
		r.Name = c.Status
	}
	if c.State != "" {
		r.Message = fmt.Sprintf("the saga ended %s at %s", c.Status, c.State)
	}
	return r
}
