package domain

import (
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
)

var (
	paid   = money.Amount{Minor: 420000, Currency: "JPY"}
	reason = Reason{Name: fault.NameHotelUnavailable, Message: "full"}
	later  = now.Add(time.Minute)
)

// verbs are what can happen to a trip. Each returns the events, or the error.
var verbs = map[string]func(*Trip) ([]Event, error){
	"confirm":   func(t *Trip) ([]Event, error) { return t.Confirm(paid, later) },
	"fail":      func(t *Trip) ([]Event, error) { return t.Fail(reason, later) },
	"request":   func(t *Trip) ([]Event, error) { return t.RequestCancellation("ill", "", 20, 1, later) },
	"cancel":    func(t *Trip) ([]Event, error) { return t.Cancel(later) },
	"attention": func(t *Trip) ([]Event, error) { return t.MarkNeedsAttention(BookingSaga, news, later), nil },
	"attention of the cancellation": func(t *Trip) ([]Event, error) {
		return t.MarkNeedsAttention(CancellationSaga, news, later), nil
	},
}

var news = Reason{Name: fault.NameUnavailable, Message: "stopped"}

// states are all that a trip can be in: its status, and what else the verbs depend on.
var states = map[string]Snapshot{
	"pending":                       {Status: Pending},
	"pending, requested":            {Status: Pending, Cancellation: requested},
	"attention":                     {Status: NeedsAttention, Reason: reason},
	"attention, requested":          {Status: NeedsAttention, Reason: reason, Cancellation: requested},
	"confirmed":                     {Status: Confirmed, Total: paid},
	"cancelling":                    {Status: Cancelling, Total: paid, Cancellation: requested},
	"attention of the cancellation": {Status: NeedsAttention, Reason: reason, Total: paid, Cancellation: requested},
	"cancelled":                     {Status: Cancelled, Total: paid, Cancellation: requested},
	"cancelled before":              {Status: Cancelled, Reason: reason, Cancellation: requested},
	"failed":                        {Status: Failed, Reason: reason},
}

var requested = Cancellation{Requested: now, Reason: "ill", FeePercent: 20}

func TestEveryVerbInEveryState(t *testing.T) {
	type want struct {
		to    Status
		event EventType // "" when nothing changes
		err   string
	}
	none, conflict := want{}, want{err: fault.NameConflict}
	tests := map[string]map[string]want{
		"pending": {
			"confirm": {Confirmed, TripConfirmed, ""}, "fail": {Failed, TripFailed, ""},
			"request": {Pending, CancellationRequested, ""}, "cancel": conflict,
			"attention": {NeedsAttention, TripNeedsAttention, ""}, "attention of the cancellation": none,
		},
		"pending, requested": {
			"confirm": {Cancelling, TripConfirmed, ""}, "fail": {Cancelled, TripCancelled, ""},
			"request": none, "cancel": conflict,
			"attention": {NeedsAttention, TripNeedsAttention, ""}, "attention of the cancellation": none,
		},
		"attention": {
			"confirm": {Confirmed, TripConfirmed, ""}, "fail": {Failed, TripFailed, ""},
			"request": {NeedsAttention, CancellationRequested, ""}, "cancel": conflict,
			"attention": {NeedsAttention, TripNeedsAttention, ""}, "attention of the cancellation": none,
		},
		"attention, requested": {
			"confirm": {Cancelling, TripConfirmed, ""}, "fail": {Cancelled, TripCancelled, ""},
			"request": none, "cancel": conflict,
			"attention": {NeedsAttention, TripNeedsAttention, ""}, "attention of the cancellation": none,
		},
		"confirmed": {
			"confirm": none, "fail": conflict, "request": {Cancelling, CancellationRequested, ""}, "cancel": conflict,
			"attention": none, "attention of the cancellation": none,
		},
		"cancelling": {
			"confirm": none, "fail": conflict, "request": none, "cancel": {Cancelled, TripCancelled, ""},
			"attention": none, "attention of the cancellation": {NeedsAttention, TripNeedsAttention, ""},
		},
		"attention of the cancellation": {
			"confirm": none, "fail": conflict, "request": none, "cancel": {Cancelled, TripCancelled, ""},
			"attention": none, "attention of the cancellation": {NeedsAttention, TripNeedsAttention, ""},
		},
		"cancelled": {
			"confirm": none, "fail": conflict, "request": none, "cancel": none,
			"attention": none, "attention of the cancellation": none,
		},
		"cancelled before": {
			"confirm": conflict, "fail": none, "request": none, "cancel": none,
			"attention": none, "attention of the cancellation": none,
		},
		"failed": {
			"confirm": conflict, "fail": none, "request": {err: fault.NameNotCancellable}, "cancel": conflict,
			"attention": none, "attention of the cancellation": none,
		},
	}
	for state, s := range states {
		for verb, do := range verbs {
			s.ID, s.Currency, s.Updated, s.Version = "id-1", "JPY", now, 3
			trip := RestoreTrip(s)
			want, ok := tests[state][verb]
			if !ok {
				t.Fatalf("%s: %s is in no table", state, verb)
			}
			events, err := do(trip)
			if want.err == "" && err != nil || want.err != "" && (!fault.Is(err, want.err) || fault.KindOf(err) != fault.Conflict) {
				t.Errorf("%s: %s: error %v, want %q", state, verb, err, want.err)
			}
			if want.event == "" {
				if trip.Snapshot() != s || len(events) != 0 {
					t.Errorf("%s: %s: %+v, events %+v, want no change", state, verb, trip.Snapshot(), events)
				}
				continue
			}
			if trip.Status() != want.to || len(events) != 1 || events[0].Type != want.event ||
				!trip.Updated().Equal(later.Truncate(time.Millisecond)) {
				t.Errorf("%s: %s: %s, updated %v, events %+v, want %s by %s", state, verb, trip.Status(), trip.Updated(), events, want.to, want.event)
			}
		}
	}
}

func TestConfirmKeepsTheTotalAndForgetsTheReason(t *testing.T) {
	trip := RestoreTrip(Snapshot{ID: "id-1", Status: NeedsAttention, Reason: reason, Currency: "JPY"})
	if _, err := trip.Confirm(money.Amount{Minor: 1, Currency: "USD"}, later); fault.KindOf(err) != fault.Conflict {
		t.Errorf("another currency: %v", err)
	}
	events, err := trip.Confirm(paid, later)
	if err != nil || trip.Total() != paid || trip.Reason() != (Reason{}) || events[0].Amount != paid {
		t.Errorf("error %v, total %v, reason %+v, events %+v", err, trip.Total(), trip.Reason(), events)
	}
}

func TestSnapshotKeepsEverything(t *testing.T) {
	trip, _, err := RequestTrip("id-1", request(nil), now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trip.RequestCancellation("ill", "print", 20, 1, now); err != nil {
		t.Fatal(err)
	}
	if _, err := trip.Confirm(paid, later); err != nil {
		t.Fatal(err)
	}
	if again := RestoreTrip(trip.Snapshot()); *again != *trip {
		t.Errorf("got %+v, want %+v", again.Snapshot(), trip.Snapshot())
	}
}

// TestAttentionAgain wants other news of a marked trip to be announced as another event, and old news not at all.
func TestAttentionAgain(t *testing.T) {
	overdue, stopped := Reason{Name: ReasonOverdue, Message: "31m"}, Reason{Name: "ServiceUnavailable", Message: "at CancelHotel"}
	trip := RestoreTrip(Snapshot{ID: "id-1", Status: Pending, Currency: "JPY", Version: 1})
	first := trip.MarkNeedsAttention(BookingSaga, overdue, later)
	if len(first) != 1 || first[0].Again != 0 {
		t.Fatalf("overdue: %+v", first)
	}
	marked := trip.Snapshot()
	marked.Version = 2
	trip = RestoreTrip(marked)
	if events := trip.MarkNeedsAttention(BookingSaga, Reason{Name: ReasonOverdue, Message: "32m"}, later); events != nil {
		t.Errorf("overdue still: %+v", events)
	}
	second := trip.MarkNeedsAttention(BookingSaga, stopped, later)
	if len(second) != 1 || second[0].Again != 2 || second[0].ID == first[0].ID || trip.Reason() != stopped {
		t.Fatalf("stopped: %+v, reason %+v", second, trip.Reason())
	}
	for _, late := range []Reason{stopped, overdue} {
		if events := trip.MarkNeedsAttention(BookingSaga, late, later); events != nil || trip.Reason() != stopped {
			t.Errorf("late news %+v: %+v, reason %+v", late, events, trip.Reason())
		}
	}
}
