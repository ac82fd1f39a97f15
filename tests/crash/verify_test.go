package crash

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/shared/history"
	"tripsaga/trip/client"
	"tripsaga/trip/domain"
)

// verify serves the folder once more, repeats what is unclear, lets every saga end, and holds all that was ever told
// against what is there.
func verify(t *testing.T, dir string, d *told, f *feed) map[domain.Status]int {
	t.Helper()
	s := start(t, serve(t, dir))
	repeatUnclear(t, s, d)
	everySagaEnds(t, s)
	trips := list(t, s)
	d.holds(t, s, trips)
	balances(t, s, trips)
	f.catchUp(t, s)
	f.rereads(t, s)
	f.tells(t, trips)
	s.stop(t)
	count := map[domain.Status]int{}
	for _, status := range trips {
		count[status]++
	}
	return count
}

// repeatUnclear repeats the bookings that were not answered: each must be accepted now, and again as the same trip.
func repeatUnclear(t *testing.T, s *server, d *told) {
	t.Helper()
	l := &load{t: t, server: s, told: d, accepted: newSignal()}
	for {
		b, ok := d.takeUnclear()
		if !ok {
			return
		}
		for range 2 {
			if status, _ := l.book(b); status != http.StatusAccepted {
				t.Fatalf("a repeated booking was answered with %d", status)
			}
		}
	}
}

// everySagaEnds waits until none is open.
func everySagaEnds(t *testing.T, s *server) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		open := gauge(t, s, "tripsaga_executions_open")
		if open == "0" {
			return
		}
		if time.Since(begun) > hang {
			t.Fatalf("%s sagas are open after %v", open, hang)
		}
	}
}

func gauge(t *testing.T, s *server, name string) string {
	t.Helper()
	answer, err := s.http.Get(s.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return value
		}
	}
	t.Fatalf("no metric %s", name)
	return ""
}

// list walks GET /trips: each trip once, ended, the newest first.
func list(t *testing.T, s *server) map[string]domain.Status {
	t.Helper()
	trips := map[string]domain.Status{}
	var created []time.Time
	for page, err := range s.api(t).Trips(t.Context(), "", client.MaxPage) {
		if err != nil {
			t.Fatal(err)
		}
		for _, trip := range page.Trips {
			if _, twice := trips[trip.ID]; twice {
				t.Errorf("trip %s is in the list twice", trip.ID)
			}
			if !ended(trip.Status) {
				t.Errorf("trip %s is %s (%+v)", trip.ID, trip.Status, trip.Reason)
			}
			trips[trip.ID] = trip.Status
			created = append(created, trip.Created)
		}
	}
	if !slices.IsSortedFunc(created, func(a, b time.Time) int { return b.Compare(a) }) {
		t.Error("the list does not go from the newest to the oldest")
	}
	return trips
}

// holds wants every acknowledged trip in the list, as it was read, and its saga to have come to the same end.
func (d *told) holds(t *testing.T, s *server, trips map[string]domain.Status) {
	t.Helper()
	for id, trip := range d.trips {
		status, there := trips[id]
		if !there {
			t.Errorf("trip %s was acknowledged and is lost", id)
			continue
		}
		if trip.end != "" && trip.end != status {
			t.Errorf("trip %s was read as %s and is %s", id, trip.end, status)
		}
	}
	want := map[domain.Status]string{domain.Confirmed: history.ExecutionSucceeded, domain.Failed: history.ExecutionFailed}
	api := s.api(t)
	for id, status := range trips {
		saga, err := api.History(t.Context(), id, domain.BookingSaga)
		if err != nil {
			t.Fatal(err)
		}
		events, err := history.Decode(saga.Events)
		if err != nil || len(events) == 0 || events[len(events)-1].Type != want[status] {
			t.Errorf("trip %s is %s, its saga %+v, %v", id, status, events, err)
		}
	}
}

// balances wants the audit to find nothing and to have seen the same trips.
func balances(t *testing.T, s *server, trips map[string]domain.Status) {
	t.Helper()
	ledger, err := s.api(t).Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !ledger.Balanced {
		t.Errorf("the ledger does not balance: %+v", ledger)
	}
	if n := ledger.Trips[domain.Confirmed] + ledger.Trips[domain.Failed]; n != len(trips) {
		t.Errorf("the ledger has %d trips that have ended, the list %d", n, len(trips))
	}
}
