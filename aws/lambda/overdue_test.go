package lambda

import (
	"testing"
	"time"

	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// TestAnOverdueSagaThatStops wants the news of the stop, although the trip was marked before as overdue.
func TestAnOverdueSagaThatStops(t *testing.T) {
	w := newWorld(t)
	id := w.book(t)
	w.now = w.now.Add(31 * time.Minute)
	if _, err := w.app.Reconcile(t.Context(), app.Patience{Grace: 2 * time.Minute, Overdue: 30 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	if reason := w.trip(t, id).Reason(); reason.Name != domain.ReasonOverdue {
		t.Fatalf("reason %+v", reason)
	}
	w.now = w.now.Add(11 * time.Hour)
	w.stands("FAILED", "0", "ServiceUnavailable")
	if err := w.hear(t, change(id, "FAILED")); err != nil {
		t.Fatal(err)
	}
	if trip := w.trip(t, id); trip.Status() != domain.NeedsAttention || trip.Reason().Name != "ServiceUnavailable" {
		t.Errorf("%s %+v", trip.Status(), trip.Reason())
	}
}
