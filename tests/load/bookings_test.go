package load

import (
	"encoding/json"
	"net/url"
	"testing"
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
	seen := map[string]string{}
	const first = "/trips?limit=200"
	for path := first; ; {
		var page struct {
			Trips []struct {
				ID     string
				Status string
			}
			Next string `json:"next_cursor"`
		}
		s.read(t, path, &page)
		for _, trip := range page.Trips {
			seen[trip.ID] = trip.Status
		}
		if page.Next == "" {
			break
		}
		path = first + "&cursor=" + url.QueryEscape(page.Next)
	}
	b.compare(t, seen)
}

func (b *bookings) compare(t *testing.T, seen map[string]string) {
	t.Helper()
	missing, failed := 0, 0
	for trip, declined := range b.declined {
		switch status := seen[trip]; {
		case status == "":
			missing++
		case status == "FAILED":
			if !declined {
				failed++
			}
		case status != "CONFIRMED" || declined:
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
	var ledger struct {
		Trips    map[string]int
		Balanced bool
		Problems []string
	}
	s.read(t, "/ledger", &ledger)
	if !ledger.Balanced || len(ledger.Problems) > 0 {
		t.Errorf("the ledger does not balance: %q", ledger.Problems)
	}
	if ended := ledger.Trips["CONFIRMED"] + ledger.Trips["FAILED"]; ended != len(b.declined) {
		t.Errorf("the ledger has %v, want %d trips that have ended", ledger.Trips, len(b.declined))
	}
}

func (s *server) read(t *testing.T, target string, into any) {
	t.Helper()
	body, _, err := s.get(target)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("GET %s: %v", target, err)
	}
}
