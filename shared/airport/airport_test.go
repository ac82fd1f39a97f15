package airport

import (
	"testing"
	"time"
)

func TestZone(t *testing.T) {
	winter := time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
	for code, want := range map[string]string{
		"HND": "2027-01-15T21:00:00+09:00", "JFK": "2027-01-15T07:00:00-05:00", "HNL": "2027-01-15T02:00:00-10:00",
		"CXI": "2027-01-16T02:00:00+14:00", "KTM": "2027-01-15T17:45:00+05:45", "LHR": "2027-01-15T12:00:00Z",
		"XXX": "2027-01-16T02:00:00+14:00", "": "2027-01-16T02:00:00+14:00",
	} {
		if got := winter.In(Zone(code)).Format(time.RFC3339); got != want {
			t.Errorf("noon in Greenwich is %s at %s, want %s", got, code, want)
		}
	}
	if got := time.Date(2027, 7, 15, 12, 0, 0, 0, time.UTC).In(Zone("JFK")).Hour(); got != 8 {
		t.Errorf("summer time in New York: %d h", got)
	}
}

func TestEveryZoneExists(t *testing.T) {
	seen := map[string]bool{}
	for code, name := range names() {
		if len(code) != 3 {
			t.Errorf("%s: the code %q", name, code)
		}
		if !seen[name] {
			if _, err := time.LoadLocation(name); err != nil {
				t.Error(err)
			}
		}
		seen[name] = true
	}
	if len(names()) < 7000 || len(seen) < 300 {
		t.Errorf("%d airports in %d zones", len(names()), len(seen))
	}
}
