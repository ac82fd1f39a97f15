package domain

import "time"

// MarkNeedsAttention notes that the trip's saga stopped without an end. Only a pending trip changes: news of a stop may
// come late, when a redrive has ended the trip.
func (t *Trip) MarkNeedsAttention(reason Reason, now time.Time) []Event {
	if t.status != Pending {
		return nil
	}
	t.change(NeedsAttention, reason, now)
	e := newEvent(TripNeedsAttention, t.id, now)
	e.Reason = reason
	return []Event{e}
}
