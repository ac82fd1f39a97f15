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

// verbs are what can happen to a trip. Each returns the events, or the error's name.
var verbs = map[string]func(*Trip) ([]Event, error){
	"confirm":   func(t *Trip) ([]Event, error) { return t.Confirm(paid, later) },
	"fail":      func(t *Trip) ([]Event, error) { return t.Fail(reason, later) },
	"attention": func(t *Trip) ([]Event, error) { return t.MarkNeedsAttention(reason, later), nil },
}

func TestEveryVerbInEveryStatus(t *testing.T) {
	tests := []struct {
		from  Status
		verb  string
		to    Status
		event EventType // "" when nothing changes
		err   bool
	}{
		{Pending, "confirm", Confirmed, TripConfirmed, false},
		{Pending, "fail", Failed, TripFailed, false},
		{Pending, "attention", NeedsAttention, TripNeedsAttention, false},
		{NeedsAttention, "confirm", Confirmed, TripConfirmed, false},
		{NeedsAttention, "fail", Failed, TripFailed, false},
		{NeedsAttention, "attention", NeedsAttention, "", false},
		{Confirmed, "confirm", Confirmed, "", false},
		{Confirmed, "fail", Confirmed, "", true},
		{Confirmed, "attention", Confirmed, "", false},
		{Failed, "confirm", Failed, "", true},
		{Failed, "fail", Failed, "", false},
		{Failed, "attention", Failed, "", false},
	}
	for _, tt := range tests {
		trip := RestoreTrip(Snapshot{ID: "id-1", Status: tt.from, Reason: reason, Currency: "JPY", Updated: now})
		events, err := verbs[tt.verb](trip)
		if (err != nil) != tt.err || tt.err && fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s %s: error %v", tt.from, tt.verb, err)
		}
		if trip.Status() != tt.to {
			t.Errorf("%s %s: status %s, want %s", tt.from, tt.verb, trip.Status(), tt.to)
		}
		if changed := tt.event != ""; changed != trip.Updated().Equal(later.Truncate(time.Millisecond)) {
			t.Errorf("%s %s: updated %v", tt.from, tt.verb, trip.Updated())
		}
		if tt.event == "" && len(events) != 0 || tt.event != "" && (len(events) != 1 || events[0].Type != tt.event) {
			t.Errorf("%s %s: events %+v, want %q", tt.from, tt.verb, events, tt.event)
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
	if _, err := trip.Fail(reason, later); err != nil {
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
	first := trip.MarkNeedsAttention(overdue, later)
	if len(first) != 1 || first[0].Again != 0 {
		t.Fatalf("overdue: %+v", first)
	}
	marked := trip.Snapshot()
	marked.Version = 2
	trip = RestoreTrip(marked)
	if events := trip.MarkNeedsAttention(Reason{Name: ReasonOverdue, Message: "32m"}, later); events != nil {
		t.Errorf("overdue still: %+v", events)
	}
	second := trip.MarkNeedsAttention(stopped, later)
	if len(second) != 1 || second[0].Again != 2 || second[0].ID == first[0].ID || trip.Reason() != stopped {
		t.Fatalf("stopped: %+v, reason %+v", second, trip.Reason())
	}
	for _, late := range []Reason{stopped, overdue} {
		if events := trip.MarkNeedsAttention(late, later); events != nil || trip.Reason() != stopped {
			t.Errorf("late news %+v: %+v, reason %+v", late, events, trip.Reason())
		}
	}
}
