package app

import (
	"context"
	"errors"

	"tripsaga/trip/domain"
)

// changeTrip reads the trip, lets a verb change it and saves it. It begins anew when another writer was faster, which
// cannot happen more often than a trip changes its status.
func (s *Service) changeTrip(ctx context.Context, id string,
	verb func(*domain.Trip) ([]domain.Event, error)) (t *domain.Trip, err error) {
	const attempts = 4
	for range attempts {
		if t, err = s.Trips.Get(ctx, id); err != nil {
			return nil, err
		}
		events, err := verb(t)
		if err != nil || len(events) == 0 {
			return t, err
		}
		err = s.Trips.Save(ctx, t, events...)
		if err == nil {
			s.happenedAll(ctx, events)
		}
		if !errors.Is(err, domain.ErrChanged) {
			return t, err
		}
	}
	return nil, domain.ErrChanged
}
