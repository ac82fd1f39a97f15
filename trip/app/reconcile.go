package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// Patience says how long a trip may be pending before something is done about it.
type Patience struct {
	Grace   time.Duration // before its saga is started again: it may just be being started; 0 takes all, also those that the clock has not come to
	Overdue time.Duration // before the trip is marked NEEDS_ATTENTION; 0 is for ever
	Within  time.Duration // older trips are not looked at, since they are marked by now; 0 looks at all
}

// ReconcileReport counts what Reconcile did.
type ReconcileReport struct {
	Pending int  `json:"pending"` // trips older than the grace period that had no end yet
	Started int  `json:"started"` // of these, whose saga runs for sure now, or has ended
	Failed  int  `json:"failed"`  // of these, whose saga could not be started
	Overdue int  `json:"overdue"` // of those started, which were pending for too long
	Marked  int  `json:"marked"`  // of those overdue, which are marked now; the others ended meanwhile, or could not be marked
	CutOff  bool `json:"cut_off"` // ctx ended before all were seen
}

// Reconcile looks at every trip that has been pending for too long. It starts the trip's saga: the process that stored
// the trip may have ended before it did, and starting a saga that runs changes nothing. An overdue trip is marked, too,
// but only once its saga is known to be started, since a trip that is marked is not started any more. A trip that fails
// does not hold up the others; the errors are joined. When ctx ends, the report says so, and that is no error unless
// nothing was started at all: the next run goes on, as trips that were started end, or become overdue, and are then seen
// no more. Errors: Unavailable, those of starting and marking.
func (s *Service) Reconcile(ctx context.Context, p Patience) (ReconcileReport, error) {
	r := reconciliation{Service: s, patience: p, now: s.Now()}
	q := domain.TripQuery{Status: domain.Pending, Limit: domain.MaxPage}
	if p.Grace > 0 {
		q.Created = r.now.Add(-p.Grace)
	}
	if p.Within > 0 {
		q.Since = r.now.Add(-p.Within)
	}
	err := s.eachTrip(ctx, q, func(t *domain.Trip) error { return r.visit(ctx, t) })
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

// stuck is the error of a run that did not get anywhere in its time.
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
	r.report.Pending++
	err := r.start(ctx, t)
	if fault.Is(err, fault.NameIdempotencyMismatch) {
		err = nil // a saga of its name is there, with other input: there is none to start, and it is marked if the trip does not end
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

// mark reads the trip afresh, so that one which has ended since it was listed is left alone.
func (r *reconciliation) mark(ctx context.Context, t *domain.Trip) error {
	age := r.now.Sub(t.Created())
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
		events := t.MarkNeedsAttention(reason, r.now)
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

// ExecutionChange is news of a saga's execution, in the state machine's words.
type ExecutionChange struct {
	TripID string // the execution's name
	Status string // RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED
	Error  string // the error's name, of the last three
	State  string // at which it failed, "" when not known
}

// MarkNeedsAttention marks the trip whose saga stopped while the trip was pending. A saga that recorded its end before
// it stopped, and news that come late, change nothing. Errors: Invalid, NotFound, Unavailable.
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
		return t.MarkNeedsAttention(c.reason(), s.Now()), nil
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
