package app

import (
	"context"

	"tripsaga/trip/domain"
)

// Observer is told what happened to trips, for metrics and logs.
type Observer interface {
	// Happened is called after the commit that made an event true, at most once an event: never when the process ends
	// between the two, or when the outcome of the commit was unknown. reason is the name of a failure's reason, of
	// TripFailed and TripNeedsAttention.
	Happened(ctx context.Context, tripID string, what domain.EventType, reason string)
}

// happened tells the observer, if there is one.
func (s *Service) happened(ctx context.Context, tripID string, what domain.EventType, reason string) {
	if s.Observer != nil {
		s.Observer.Happened(ctx, tripID, what, reason)
	}
}

// happenedAll tells of what one write announced.
func (s *Service) happenedAll(ctx context.Context, events []domain.Event) {
	for i := range events {
		s.happened(ctx, events[i].TripID, events[i].Type, events[i].Reason.Name)
	}
}

// cancelled is the output of a compensation, of which the observer hears when it took something back.
func (s *Service) cancelled(ctx context.Context, tripID string, what domain.EventType, taken bool, err error) (Cancelled, error) {
	if taken && err == nil {
		s.happened(ctx, tripID, what, "")
	}
	return Cancelled{TakenBack: taken}, err
}
