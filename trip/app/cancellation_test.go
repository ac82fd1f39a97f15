package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// departs is when the flight of request leaves.
var departs = time.Date(2027, 3, 10, 2, 5, 0, 0, time.UTC)

func (w *world) cancel(t testing.TB, id, key, reason string) (*domain.Trip, error) {
	t.Helper()
	return w.CancelTrip(t.Context(), id, app.CancelRequest{Key: key, Reason: reason})
}

func TestCancelStartsTheSecondSagaOfAConfirmedTrip(t *testing.T) {
	w := newWorld(t, nil)
	pending, confirmed := w.book(t, nil), w.booked(t, nil)
	for id, want := range map[string]domain.Status{pending: domain.Pending, confirmed: domain.Cancelling} {
		for range 2 {
			trip, err := w.cancel(t, id, "key", "  ill ")
			if c, requested := trip.Cancellation(); err != nil || trip.Status() != want || !requested || c.Reason != "ill" {
				t.Errorf("%s: %+v, %v", want, trip, err)
			}
		}
		input := ""
		if want == domain.Cancelling {
			input = `{"trip_id":"` + id + `"}`
		}
		if got := w.starts["cancellation "+id]; string(got) != input {
			t.Errorf("%s: started %s, want %s", want, got, input)
		}
	}
}

// TestACancelIsAcceptedThoughItsSagaCannotBeStarted: the request is durable, so Reconcile starts the saga. Nothing else is
// hidden: an error that is no outage, and a booking, whose client has a key to retry with.
func TestACancelIsAcceptedThoughItsSagaCannotBeStarted(t *testing.T) {
	w := newWorld(t, nil)
	id, other := w.booked(t, nil), w.booked(t, func(r *domain.Request) { r.Flight.Seats = 1 })
	busy := fault.New(fault.Unavailable, fault.NameUnavailable, "too busy")
	w.Starter = startFunc(func(context.Context, string) error { return busy })
	for range 2 {
		if trip, err := w.cancel(t, id, "", ""); err != nil || trip.Status() != domain.Cancelling {
			t.Errorf("%+v, %v", trip, err)
		}
	}
	if trip, _, err := w.BookOnce(t.Context(), "key", request()); !errors.Is(err, busy) {
		t.Errorf("a booking: %+v, %v", trip, err)
	}
	w.Starter, w.broken = w, true
	if _, err := w.cancel(t, other, "", ""); err == nil {
		t.Error("an error that no retry mends is hidden")
	}
	w.broken = false
	if report, err := w.Reconcile(t.Context(), app.Patience{}); err != nil || report.Started != 3 || w.starts["cancellation "+id] == nil {
		t.Errorf("%+v, %v, starts %s", report, err, w.starts)
	}
}

func TestARefusedCancelChangesNothing(t *testing.T) {
	w := newWorld(t, nil)
	failed, asked, booked := w.book(t, nil), w.booked(t, nil), w.booked(t, func(r *domain.Request) { r.Flight.Seats = 1 })
	w.run(t, failed, w.fail)
	if _, err := w.cancel(t, asked, "key", "ill"); err != nil {
		t.Fatal(err)
	}
	const missing = "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a"
	for _, tt := range []struct {
		id, key, reason string
		at              time.Time
		want            string
	}{
		{"x", "", "", w.time, "InvalidRequest trip_id"},
		{booked, "a b", "", w.time, "InvalidRequest Idempotency-Key"},
		{booked, "", strings.Repeat("x", 201), w.time, "InvalidRequest reason"},
		{booked, "", "a\nb", w.time, "InvalidRequest reason"},
		{missing, "", "", w.time, "NotFound"},
		{failed, "", "", w.time, "NotCancellable"},
		{failed, "", "", departs, "NotCancellable"},
		{asked, "key", "bored", w.time, "IdempotencyMismatch"},
		{booked, "", "", departs, "TripDeparted"},
		{booked, "", "", departs.Add(time.Hour), "TripDeparted"},
	} {
		w.time = tt.at
		before := w.events(t, booked)
		_, err := w.cancel(t, tt.id, tt.key, tt.reason)
		name, field, _ := strings.Cut(tt.want, " ")
		var f *fault.Error
		if !errors.As(err, &f) || f.Name != name || f.Field != field {
			t.Errorf("%+v: %v", tt, err)
		}
		if after := w.events(t, booked); after != before {
			t.Errorf("%+v: events %s", tt, after)
		}
	}
	w.time = departs.Add(time.Hour)
	if trip, err := w.cancel(t, asked, "key", "ill"); err != nil || trip.Status() != domain.Cancelling {
		t.Errorf("a repetition after the departure: %v", err)
	}
	w.time = departs.Add(-time.Millisecond)
	if trip, err := w.cancel(t, booked, "", ""); err != nil || trip.Status() != domain.Cancelling {
		t.Errorf("just before the departure: %v", err)
	}
}

// TestTheFeeIsCheckedInTheWriteThatAccepts lets the trip be confirmed, or cancelled by another client, between the read and the write of a request.
func TestTheFeeIsCheckedInTheWriteThatAccepts(t *testing.T) {
	w := newWorld(t, nil)
	jpy := func(n int64) app.CancelRequest {
		return app.CancelRequest{MaxFee: domain.FeeLimit{Fee: money.Amount{Minor: n, Currency: "JPY"}}}
	}
	id := w.booked(t, nil)
	w.time = departs.Add(-168 * time.Hour) // the last moment without a fee
	trips := w.Trips
	w.Trips = saving{trips, func() { w.Trips, w.time = trips, w.time.Add(time.Hour) }}
	before := w.events(t, id)
	if _, err := w.CancelTrip(t.Context(), id, jpy(0)); !fault.Is(err, fault.NameFeeTooHigh) || w.events(t, id) != before {
		t.Errorf("the write was lost to another, and the fee rose before the next: %v, events %s", err, w.events(t, id))
	}
	if _, err := w.CancelTrip(t.Context(), id, jpy(499)); !fault.Is(err, fault.NameFeeTooHigh) || w.events(t, id) != before {
		t.Errorf("499: %v", err)
	}
	for _, limit := range []int64{500, 0} { // the second is a repetition
		if trip, err := w.CancelTrip(t.Context(), id, jpy(limit)); err != nil || trip.Status() != domain.Cancelling {
			t.Errorf("%d: %v", limit, err)
		}
	}
}

// saving loses the first write to another writer.
type saving struct {
	domain.Trips
	first func()
}

func (s saving) Save(context.Context, *domain.Trip, ...domain.Event) error {
	s.first()
	return domain.ErrChanged
}

// A flight that the inventory does not have any more leaves at the end of its day, where days end first.
func TestCancelOfAnUnknownFlight(t *testing.T) {
	w := newWorld(t, nil)
	id := w.book(t, func(r *domain.Request) { r.Flight.Number = "XX1" })
	end := time.Date(2027, 3, 10, 10, 0, 0, 0, time.UTC)
	w.time = end
	if _, err := w.cancel(t, id, "", ""); !fault.Is(err, fault.NameTripDeparted) {
		t.Errorf("at the end of the day: %v", err)
	}
	w.time = end.Add(-time.Second)
	if _, err := w.cancel(t, id, "", ""); err != nil {
		t.Errorf("before the end of the day: %v", err)
	}
}

func TestQuote(t *testing.T) {
	w := newWorld(t, nil)
	failed, pending, booked := w.book(t, nil), w.book(t, nil), w.booked(t, nil)
	w.run(t, failed, w.fail)
	jpy := func(n int64) money.Amount { return money.Amount{Minor: n, Currency: "JPY"} }
	quote := func(id string) app.Quote {
		t.Helper()
		q, err := w.CancellationQuote(t.Context(), id)
		if err != nil || !q.Departs.Equal(departs) || q.Trip.ID() != id || len(q.Policy.Tiers) != 3 {
			t.Fatalf("%+v, %v", q, err)
		}
		return q
	}
	for _, tt := range []struct {
		id          string
		before      time.Duration
		percent     int
		fee, refund money.Amount
		why         string
	}{
		{booked, 1000 * time.Hour, 0, jpy(0), jpy(2500), ""},
		{booked, 100 * time.Hour, 20, jpy(500), jpy(2000), ""},
		{booked, time.Hour, 50, jpy(1250), jpy(1250), ""},
		{booked, 0, 0, money.Amount{}, money.Amount{}, "departed"},
		{pending, 100 * time.Hour, 20, money.Amount{}, money.Amount{}, ""},
		{failed, 100 * time.Hour, 0, money.Amount{}, money.Amount{}, "FAILED"},
	} {
		w.time = departs.Add(-tt.before)
		q := quote(tt.id)
		if q.FeePercent != tt.percent || q.Fee != tt.fee || q.Refund != tt.refund || q.Cancellable != (tt.why == "") || !strings.Contains(q.Why, tt.why) {
			t.Errorf("%+v: %+v", tt, q)
		}
	}
	w.time = departs.Add(-100 * time.Hour)
	if _, err := w.cancel(t, booked, "", ""); err != nil {
		t.Fatal(err)
	}
	w.time = departs
	if q := quote(booked); q.Cancellable || q.FeePercent != 20 || q.Fee != jpy(500) || q.Refund != jpy(2000) || q.Why == "" {
		t.Errorf("once it was requested: %+v", q)
	}
	if _, err := w.CancellationQuote(t.Context(), "x"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no id: %v", err)
	}
}

// TestOnlyACancelledTripIsRefunded calls the tasks of the second saga for trips whose cancellation nobody asked for.
func TestOnlyACancelledTripIsRefunded(t *testing.T) {
	w := newWorld(t, nil)
	pending, booked := w.book(t, nil), w.booked(t, nil)
	if _, err := w.cancel(t, pending, "", ""); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{pending, booked} {
		for _, name := range []string{"give back", "record"} {
			if err := acts[name](t, w, w.Service, id); fault.KindOf(err) != fault.Conflict {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if l := w.audit(t); !l.Balanced || l.Currencies["JPY"].Refunded != 0 {
		t.Errorf("ledger %+v", l)
	}
}

// TestALateConfirmationOfACancelledTrip repeats BookingConfirmed after the payment was given back.
func TestALateConfirmationOfACancelledTrip(t *testing.T) {
	w := newWorld(t, nil)
	id := w.booked(t, nil)
	for _, name := range []string{"cancel", "cancel hotel", "cancel flight", "give back", "record"} {
		if err := acts[name](t, w, w.Service, id); err != nil {
			t.Fatal(name, err)
		}
		if out, err := w.ConfirmTrip(t.Context(), app.TripRef{TripID: id}); err != nil || out.Status == string(domain.Confirmed) {
			t.Errorf("after %s: %+v, %v", name, out, err)
		}
	}
	if n := strings.Count(w.events(t, id), "TripConfirmed"); n != 1 {
		t.Errorf("%d times confirmed", n)
	}
}

func TestReconcileOfCancellations(t *testing.T) {
	w := newWorld(t, nil)
	old, young := w.booked(t, nil), w.booked(t, func(r *domain.Request) { r.Flight.Seats = 1 })
	ask := func(id string) {
		t.Helper()
		if _, err := w.cancel(t, id, "", ""); err != nil {
			t.Fatal(err)
		}
		delete(w.starts, "cancellation "+id)
	}
	patience := app.Patience{Grace: time.Minute, Overdue: time.Hour, Within: 24 * time.Hour}
	w.time = w.time.Add(40 * 24 * time.Hour) // long after the booking
	ask(old)
	w.time = w.time.Add(time.Minute)
	ask(young)
	report, err := w.Reconcile(t.Context(), patience)
	if err != nil || report.Pending != 1 || report.Started != 1 || report.Overdue != 0 || w.starts["cancellation "+old] == nil || w.starts["cancellation "+young] != nil {
		t.Errorf("after a minute: %+v, %v, starts %s", report, err, w.starts)
	}
	w.time = w.time.Add(59 * time.Minute)
	if report, err = w.Reconcile(t.Context(), patience); err != nil || report.Started != 2 || report.Marked != 1 {
		t.Errorf("after an hour: %+v, %v", report, err)
	}
	if trip, err := w.Trips.Get(t.Context(), old); err != nil || trip.Status() != domain.NeedsAttention || trip.Reason().Name != domain.ReasonOverdue {
		t.Errorf("%+v, %v", trip, err)
	}
	if err := w.MarkNeedsAttention(t.Context(), app.ExecutionChange{Saga: domain.BookingSaga, TripID: young, Status: "FAILED", Error: "late"}); err != nil {
		t.Fatal(err)
	}
	if trip, err := w.Trips.Get(t.Context(), young); err != nil || trip.Status() != domain.Cancelling {
		t.Errorf("by news of the booking: %+v, %v", trip, err)
	}
}

// TestCancellationsAreReconciledFirst cuts a run off in which there are pending trips, too.
func TestCancellationsAreReconciledFirst(t *testing.T) {
	w := newWorld(t, nil)
	booked := w.booked(t, nil)
	if _, err := w.cancel(t, booked, "", ""); err != nil {
		t.Fatal(err)
	}
	w.book(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	var first string
	w.Starter = startFunc(func(_ context.Context, id string) error {
		first = id
		stop()
		return nil
	})
	if report, err := w.Reconcile(ctx, app.Patience{}); err != nil || !report.CutOff || first != booked {
		t.Errorf("%+v, %v, started %s", report, err, first)
	}
}

// TestStoredCancellation keeps the request in the trip's record, and nothing there without one.
func TestStoredCancellation(t *testing.T) {
	w := newWorld(t, nil)
	id := w.booked(t, nil)
	record := func() (fields map[string]json.RawMessage) {
		t.Helper()
		item, _, err := w.table.Get(t.Context(), table.Key{PK: "TRIP#" + id, SK: "TRIP"})
		if err := errors.Join(err, json.Unmarshal(item.Data, &fields)); err != nil {
			t.Fatal(err)
		}
		return fields
	}
	if r := record(); r["cancellation"] != nil || r["card"] != nil {
		t.Errorf("%s", r)
	}
	w.time = departs.Add(-100 * time.Hour)
	if _, err := w.cancel(t, id, "", "ill"); err != nil {
		t.Fatal(err)
	}
	want := `{"requested":"2027-03-05T22:05:00Z","reason":"ill","fee_percent":20,"fee":{"minor":500,"currency":"JPY"},"refund":{"minor":2000,"currency":"JPY"}}`
	if r := record(); string(r["cancellation"]) != want || r["card"] != nil {
		t.Errorf("%s, card %s", r["cancellation"], r["card"])
	}
}

// TestACardIsForgottenWhenItWasCharged confirms a trip that is to be cancelled, so that it is never CONFIRMED.
func TestACardIsForgottenWhenItWasCharged(t *testing.T) {
	w := newWorld(t, nil)
	id := w.book(t, nil)
	if _, err := w.cancel(t, id, "", ""); err != nil || !w.knowsCard(t, id) {
		t.Errorf("while it can be charged: %v, card %v", err, w.knowsCard(t, id))
	}
	// The payment began before the request, which is simulated: the pivot would see it.
	trip, err := w.Trips.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	events, err := trip.Confirm(money.Amount{Minor: 2500, Currency: "JPY"}, w.time)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Trips.Save(t.Context(), trip, events...); err != nil || w.knowsCard(t, id) {
		t.Errorf("once it is %s: %v, card %v", trip.Status(), err, w.knowsCard(t, id))
	}
}
