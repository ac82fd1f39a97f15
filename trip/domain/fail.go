package domain

import (
	"time"

	"tripsaga/shared/fault"
)

// Fail ends the trip badly. A trip that has failed already keeps its first reason. Errors: Conflict when it is
// confirmed.
func (t *Trip) Fail(reason Reason, now time.Time) ([]Event, error) {
	switch t.status {
	case Failed:
		return nil, nil
	case Confirmed:
		return nil, fault.New(fault.Conflict, fault.NameConflict, "trip %s is confirmed and cannot fail", t.id)
	}
	t.change(Failed, reason, now)
	e := newEvent(TripFailed, t.id, now)
	e.Reason = reason
	return []Event{e}, nil
}
