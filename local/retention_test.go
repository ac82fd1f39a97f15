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

// TestWhatAnOldSagaAnswers: the history of a trip that needs attention stays, and its redrive says what prevents it. A history that
// was removed is not one that has not begun.
func TestWhatAnOldSagaAnswers(t *testing.T) {
	sys, v, api := open(t, local.Options{})
	places := map[string]string{}
	for _, card := range []string{"tok_ok", "tok_declined", "tok_refund_stuck"} {
		_, _, header := call(t, api, "POST", "/trips", "key-"+card, strings.Replace(happy, "CARD", card, 1))
		places[card] = header.Get("Location")
	}
	v.Run()
	v.Advance(91 * 24 * time.Hour)
	wants := func(card, method, path string, status int, name, detail string) {
		t.Helper()
		got, answer, _ := call(t, api, method, places[card]+path, "", "")
		if text, _ := answer["detail"].(string); got != status || answer["name"] != name || !strings.Contains(text, detail) {
			t.Errorf("%s: %s %s: %d %v", card, method, path, got, answer)
		}
	}
	wants("tok_ok", "POST", "/redrive", http.StatusConflict, "NotRedrivable", "its saga is SUCCEEDED, allowed are FAILED")
	for range 2 {
		if _, trip, _ := call(t, api, "GET", places["tok_refund_stuck"], "", ""); trip["status"] != "NEEDS_ATTENTION" {
			t.Fatal(trip)
		}
		if status, answer, _ := call(t, api, "GET", places["tok_refund_stuck"]+"/history", "", ""); status != http.StatusOK {
			t.Errorf("the history of a trip that needs attention: %d %v", status, answer)
		}
		wants("tok_refund_stuck", "POST", "/redrive", http.StatusConflict, "NotRedrivable", "its saga is FAILED, it ended 218")
		wants("tok_refund_stuck", "POST", "/redrive", http.StatusConflict, "NotRedrivable", "allowed are 336h0m0s")
		sys.Sweep(t.Context(), 90*24*time.Hour, slog.New(slog.DiscardHandler))
	}
	for _, card := range []string{"tok_ok", "tok_declined"} {
		wants(card, "GET", "/history", http.StatusNotFound, "HistoryRemoved", "was removed: it is kept for 90 days")
	}
	wants("tok_ok", "POST", "/redrive", http.StatusNotFound, "HistoryRemoved", "the trip itself is kept")
	wants("tok_ok", "GET", "/history?saga=cancellation", http.StatusNotFound, "NotFound", "has not started")
}
