package app_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

var patience = app.Patience{Grace: 2 * time.Minute, Overdue: 30 * time.Minute}

func (w *world) status(t *testing.T, id string) (domain.Status, domain.Reason) {
	t.Helper()
	trip, err := w.Trips.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return trip.Status(), trip.Reason()
}

func (w *world) reconcile(t *testing.T, want app.ReconcileReport) {
	t.Helper()
	if got, err := w.Reconcile(t.Context(), patience); err != nil || got != want {
		t.Errorf("report %+v, %v; want %+v", got, err, want)
	}
}

func TestAnOverdueTripIsStartedAndMarked(t *testing.T) {
	w := newWorld(t, nil)
	id := w.book(t, nil)
	delete(w.starts, id)
	w.time = w.time.Add(30*time.Minute - time.Millisecond)
	w.reconcile(t, app.ReconcileReport{Pending: 1, Started: 1})
	if status, _ := w.status(t, id); status != domain.Pending || w.starts[id] == nil {
		t.Errorf("before it is overdue: %s, started with %s", status, w.starts[id])
	}
	w.time = w.time.Add(time.Millisecond)
	w.reconcile(t, app.ReconcileReport{Pending: 1, Started: 1, Overdue: 1, Marked: 1})
	status, reason := w.status(t, id)
	want := domain.Reason{Name: "Overdue", Message: "the saga has no end after 30m0s, allowed are 30m0s"}
	if status != domain.NeedsAttention || reason != want {
		t.Errorf("%s, %+v; want %s, %+v", status, reason, domain.NeedsAttention, want)
	}
	w.reconcile(t, app.ReconcileReport{})
}

// TestAnOverdueTripStillEnds is how the mark goes away: whatever ends the trip replaces it.
func TestAnOverdueTripStillEnds(t *testing.T) {
	w := newWorld(t, nil)
	good, bad := w.book(t, nil), w.book(t, nil)
	w.time = w.time.Add(time.Hour)
	w.reconcile(t, app.ReconcileReport{Pending: 2, Started: 2, Overdue: 2, Marked: 2})
	w.run(t, good, w.reserveFlight, w.reserveHotel, w.pay, w.confirm)
	w.run(t, bad, w.fail)
	if status, reason := w.status(t, good); status != domain.Confirmed || reason != (domain.Reason{}) {
		t.Errorf("confirmed: %s, %+v", status, reason)
	}
	if status, reason := w.status(t, bad); status != domain.Failed || reason.Name == "Overdue" {
		t.Errorf("failed: %s, %+v", status, reason)
	}
}

// TestATripWhoseSagaWasStartedOtherwise is not started, fails no run, and is marked when it is overdue.
func TestATripWhoseSagaWasStartedOtherwise(t *testing.T) {
	w := newWorld(t, nil)
	id := w.book(t, nil)
	w.Starter = startedOtherwise{}
	w.time = w.time.Add(10 * time.Minute)
	w.reconcile(t, app.ReconcileReport{Pending: 1, Started: 1})
	w.time = w.time.Add(time.Hour)
	w.reconcile(t, app.ReconcileReport{Pending: 1, Started: 1, Overdue: 1, Marked: 1})
	if status, reason := w.status(t, id); status != domain.NeedsAttention || reason.Name != domain.ReasonOverdue {
		t.Errorf("%s, %+v", status, reason)
	}
}

type startedOtherwise struct{}

func (startedOtherwise) Start(context.Context, string, string, json.RawMessage) error {
	return fault.New(fault.Conflict, fault.NameIdempotencyMismatch, "started with other input")
}

func TestATripWhoseSagaDoesNotStartIsNotMarked(t *testing.T) {
	w := newWorld(t, nil)
	id := w.book(t, nil)
	w.time = w.time.Add(time.Hour)
	w.broken = true
	report, err := w.Reconcile(t.Context(), patience)
	if err == nil || report != (app.ReconcileReport{Pending: 1, Failed: 1}) {
		t.Errorf("report %+v, %v", report, err)
	}
	if status, _ := w.status(t, id); status != domain.Pending {
		t.Errorf("the trip is %s: nobody would start it any more", status)
	}
}

// TestATripThatEndsWhileItIsReconciledIsLeftAlone ends the trip between the list and the mark.
func TestATripThatEndsWhileItIsReconciledIsLeftAlone(t *testing.T) {
	w := newWorld(t, nil)
	id := w.book(t, nil)
	w.time = w.time.Add(time.Hour)
	w.Starter = startFunc(func(ctx context.Context, id string) error {
		w.run(t, id, w.fail)
		return nil
	})
	w.reconcile(t, app.ReconcileReport{Pending: 1, Started: 1, Overdue: 1})
	if status, _ := w.status(t, id); status != domain.Failed {
		t.Errorf("the trip is %s", status)
	}
}

// TestReconcileEndsWithItsTime cuts the run off while the second of three trips is started.
func TestReconcileEndsWithItsTime(t *testing.T) {
	w := newWorld(t, nil)
	for range 3 {
		w.book(t, nil)
	}
	w.time = w.time.Add(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	started := 0
	w.Starter = startFunc(func(ctx context.Context, _ string) error {
		if started++; started == 2 {
			cancel()
		}
		return ctx.Err()
	})
	got, err := w.Reconcile(ctx, patience)
	if want := (app.ReconcileReport{Pending: 2, Started: 1, Overdue: 1, Marked: 1, CutOff: true}); err != nil || got != want {
		t.Errorf("report %+v, %v; want %+v", got, err, want)
	}
	w.Starter = w
	w.reconcile(t, app.ReconcileReport{Pending: 2, Started: 2, Overdue: 2, Marked: 2})
}

func TestATripThatCannotBeMarkedIsReported(t *testing.T) {
	w := newWorld(t, nil)
	lost, good := w.book(t, nil), w.book(t, nil)
	w.time = w.time.Add(time.Hour)
	w.Starter = startFunc(func(_ context.Context, id string) error { return w.removeTrip(id, lost) })
	got, err := w.Reconcile(t.Context(), patience)
	if want := (app.ReconcileReport{Pending: 2, Started: 2, Overdue: 2, Marked: 1}); err == nil || got != want {
		t.Errorf("report %+v, %v; want %+v", got, err, want)
	}
	if status, _ := w.status(t, good); status != domain.NeedsAttention {
		t.Errorf("the other trip is %s", status)
	}
}

// removeTrip removes the trip's item when it is the one that is lost.
func (w *world) removeTrip(id, lost string) error {
	if id != lost {
		return nil
	}
	return w.table.Transact(context.Background(), table.Delete(table.Key{PK: "TRIP#" + id, SK: "TRIP"}, table.None))
}

type startFunc func(ctx context.Context, tripID string) error

func (f startFunc) Start(ctx context.Context, _, tripID string, _ json.RawMessage) error {
	return f(ctx, tripID)
}

// TestTripsOfLongAgoAreNotLookedAt bounds what a run reads.
func TestTripsOfLongAgoAreNotLookedAt(t *testing.T) {
	w := newWorld(t, nil)
	w.book(t, nil)
	w.time = w.time.Add(40 * 24 * time.Hour)
	w.book(t, nil)
	w.time = w.time.Add(time.Hour)
	for within, want := range map[time.Duration]int{0: 2, 31 * 24 * time.Hour: 1, 41 * 24 * time.Hour: 2} {
		report, err := w.Reconcile(t.Context(), app.Patience{Grace: time.Minute, Within: within})
		if err != nil || report.Pending != want {
			t.Errorf("within %s: %+v, %v; want %d pending", within, report, err, want)
		}
	}
}

// hung is a starter that does not answer in the time that the run has.
type hung struct{ end func() }

func (h hung) Start(ctx context.Context, _, _ string, _ json.RawMessage) error {
	h.end()
	<-ctx.Done()
	return ctx.Err()
}

// TestARunThatGetsNowhereFails wants an alarm, and not a report that looks as any other.
func TestARunThatGetsNowhereFails(t *testing.T) {
	w := newWorld(t, nil)
	w.book(t, nil)
	w.time = w.time.Add(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.Starter = hung{cancel}
	report, err := w.Reconcile(ctx, patience)
	if !fault.Is(err, fault.NameUnavailable) || !report.CutOff {
		t.Errorf("%+v, %v", report, err)
	}
}
