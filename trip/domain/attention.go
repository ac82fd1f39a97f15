package domain

import (
	"strconv"
	"time"

	"tripsaga/shared/ident"
)

// ReasonOverdue is the reason's name while a trip's saga may be running still, only for too long.
const ReasonOverdue = "Overdue"

// MarkNeedsAttention notes that the trip's saga stopped without an end, or is overdue. A trip that has ended stays as it
// is: news of a stop may come late, when a redrive has ended the trip. One that is marked is marked again, and announced
// again, when the reason is another: the saga that was overdue has stopped, or one that was redriven has failed elsewhere.
// Being overdue is no news of a trip that is marked.
func (t *Trip) MarkNeedsAttention(reason Reason, now time.Time) []Event {
	again := t.status == NeedsAttention && reason != t.reason && reason.Name != ReasonOverdue
	if t.status != Pending && !again {
		return nil
	}
	t.change(NeedsAttention, reason, now)
	e := newEvent(TripNeedsAttention, t.id, now)
	e.Reason = reason
	if again {
		e.Again = t.version
		e.ID = ident.Derive("event", t.id, string(TripNeedsAttention), strconv.FormatInt(e.Again, 10))
	}
	return []Event{e}
}
