package load

import (
	"testing"

	"tripsaga/trip/client"
	"tripsaga/trip/domain"
)

// bookings is every booking that was accepted, by the id of its trip: whether its card was declined.
type bookings struct{ declined map[string]bool }

// add takes in what came of a load, none of which may have been answered otherwise than it must.
func (b *bookings) add(t *testing.T, load *tally) {
	t.Helper()
	const shown = 5
	for _, err := range load.wrong[:min(shown, len(load.wrong))] {
		t.Error(err)
	}
	if n := len(load.wrong); n > shown {
		t.Errorf("and %d more such answers", n-shown)
	}
	if b.declined == nil {
		b.declined = map[string]bool{}
	}
	for _, a := range load.accepted {
		if _, twice := b.declined[a.trip]; twice {
			t.Errorf("two bookings got the trip %s", a.trip)
		}
		b.declined[a.trip] = declines(a.number)
	}
}

// checkTrips reads all trips: every booking that was accepted is there and has ended, and there is no other.
func (s *server) checkTrips(t *testing.T, b *bookings) {
	t.Helper()
	seen := map[string]domain.Status{}
	for page, err := range s.api(t).Trips(t.Context(), "", client.MaxPage) {
		if err != nil {
			t.Fatal(err)
		}
		for _, trip := range page.Trips {
			seen[trip.ID] = trip.Status
		}
	}
	b.compare(t, seen)
}

func (b *bookings) compare(t *testing.T, seen map[string]domain.Status) {
	t.Helper()
	missing, failed := 0, 0
	for trip, declined := range b.declined {
		switch status := seen[trip]; {
		case status == "":
			missing++
		case status == domain.Failed:
			if !declined {
				failed++
			}
		case status != domain.Confirmed || declined:
			t.Errorf("trip %s is %s; its card was declined: %v", trip, status, declined)
		}
	}
	if missing > 0 {
		t.Errorf("%d bookings of %d that were accepted are not there", missing, len(b.declined))
	}
	if more := len(seen) + missing - len(b.declined); more > 0 {
		t.Errorf("%d trips are stored that nobody was told of", more)
	}
	t.Logf("%d bookings were accepted, all ended; %d failed for another reason than their card", len(b.declined), failed)
}

// checkLedger wants the server's own audit to agree.
func (s *server) checkLedger(t *testing.T, b *bookings) {
	t.Helper()
	ledger, err := s.api(t).Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !ledger.Balanced || len(ledger.Problems) > 0 {
		t.Errorf("the ledger does not balance: %q", ledger.Problems)
	}
	if ended := ledger.Trips[domain.Confirmed] + ledger.Trips[domain.Failed]; ended != len(b.declined) {
		t.Errorf("the ledger has %v, want %d trips that have ended", ledger.Trips, len(b.declined))
	}
}
