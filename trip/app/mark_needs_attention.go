package app

import (
	"context"
	"fmt"

	"tripsaga/trip/domain"
)

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
