package local_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"tripsaga/local"
)

// TestOldExecutionsAreSwept and their trips stay: the request that made one is still a replay.
func TestOldExecutionsAreSwept(t *testing.T) {
	sys, v, api := open(t, local.Options{})
	booking := strings.Replace(happy, "CARD", "tok_ok", 1)
	status, trip, _ := call(t, api, "POST", "/trips", "key", booking)
	if status != http.StatusAccepted {
		t.Fatal(status, trip)
	}
	v.Run()
	id := trip["id"].(string)
	const keep = 90 * 24 * time.Hour
	for _, c := range []struct{ days, want int }{{0, http.StatusOK}, {91, http.StatusNotFound}} {
		days, want := c.days, c.want
		v.Advance(time.Duration(days) * 24 * time.Hour)
		sys.Sweep(t.Context(), 0, slog.New(slog.DiscardHandler))
		if status, _, _ := call(t, api, "GET", "/trips/"+id+"/history", "", ""); days == 91 && status != http.StatusOK {
			t.Errorf("with keep 0 the history answers %d", status)
		}
		sys.Sweep(t.Context(), keep, slog.New(slog.DiscardHandler))
		if status, _, _ := call(t, api, "GET", "/trips/"+id+"/history", "", ""); status != want {
			t.Errorf("after %d days the history answers %d, want %d", days, status, want)
		}
	}
	_, got, _ := call(t, api, "GET", "/trips/"+id, "", "")
	_, again, header := call(t, api, "POST", "/trips", "key", booking)
	if got["status"] != "CONFIRMED" || again["id"] != id || header.Get("Idempotent-Replayed") != "true" || sys.OpenExecutions() != 0 {
		t.Errorf("the trip is %v, and booking it again answers %v", got["status"], again)
	}
}
