package client

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tripsaga/shared/history"
)

// polled answers reads of a trip with the bodies in order, of which the last stays, and reads of its history with status and
// events.
type polled struct {
	trips            []string
	status           int
	events           string
	reads, histories int
}

func (p *polled) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(status int, text string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(text)), Request: r, Header: http.Header{"Retry-After": {"1"}}}, nil
	}
	if strings.HasSuffix(r.URL.Path, "/history") {
		p.histories++
		return answer(p.status, p.events)
	}
	p.reads++
	return answer(200, p.trips[min(p.reads, len(p.trips))-1])
}

const (
	historyEnded = `{"saga":"booking","events":[{"type":"ExecutionSucceeded","id":1}]}`
	limited      = `{"title":"Too Many Requests","status":429,"name":"Throttled"}`
)

// wait waits for the trip's end with a look every 100 ms, and gives how many looks had events.
func (p *polled) wait(t *testing.T, looks bool) (status string, shown int, took time.Duration) {
	t.Helper()
	c, err := New("http://server", Options{Transport: p})
	if err != nil {
		t.Fatal(err)
	}
	w := Wait{Interval: 100 * time.Millisecond}
	if looks {
		w.Look = func(_ string, events []history.Event) { shown++ }
	}
	start := time.Now()
	trip, err := c.Wait(t.Context(), "t1", w)
	if err != nil {
		t.Errorf("Wait: %v", err)
	}
	return string(trip.Status), shown, time.Since(start)
}

// TestWaitPollsTheTrip and reads its history only for one who looks: at a change of the trip, else once a second.
func TestWaitPollsTheTrip(t *testing.T) {
	pending := slices.Repeat([]string{`{"id":"t1","status":"PENDING"}`}, 45)
	trips := append(pending, `{"id":"t1","status":"PENDING","version":2}`, `{"id":"t1","status":"CONFIRMED"}`)
	for looks, want := range map[bool]int{false: 0, true: 7} { // at 0, 1, 2, 3 and 4 s, at the change, and at the end
		synctest.Test(t, func(t *testing.T) {
			p := &polled{trips: trips, status: 200, events: historyEnded}
			status, shown, took := p.wait(t, looks)
			if status != "CONFIRMED" || p.reads != len(trips) || p.histories != want || shown != want || took != 4600*time.Millisecond {
				t.Errorf("looks %v: %s after %s, %d reads, %d of the history, %d shown; want %d", looks, status, took, p.reads, p.histories, shown, want)
			}
		})
	}
}

// TestWaitWithoutHistories: a limit on histories ends no waiting.
func TestWaitWithoutHistories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &polled{trips: []string{`{"id":"t1","status":"PENDING"}`, `{"id":"t1","status":"FAILED"}`}, status: 429, events: limited}
		if status, shown, _ := p.wait(t, true); status != "FAILED" || shown != 0 || p.histories < 2*MaxTries {
			t.Errorf("%s, %d shown, %d reads of the history", status, shown, p.histories)
		}
	})
}

// TestWaitForATripThatNeedsAttention ends when its saga has stopped, and not while that runs or is unknown.
func TestWaitForATripThatNeedsAttention(t *testing.T) {
	trip := func(saga string) string { return fmt.Sprintf(`{"id":"t1","status":"NEEDS_ATTENTION",%s}`, saga) }
	running, unread := trip(`"saga":{"status":"RUNNING"}`), trip(`"saga_unread":true`)
	for _, end := range []string{trip(`"saga":{"status":"FAILED"}`), trip(`"saga":{"status":"ABORTED"}`), trip(`"version":3`)} {
		synctest.Test(t, func(t *testing.T) {
			p := &polled{trips: []string{running, unread, trip(`"saga":{"status":"SUCCEEDED"}`), end}}
			if status, _, took := p.wait(t, false); status != "NEEDS_ATTENTION" || p.reads != 4 || took != 3*time.Second {
				t.Errorf("%s: %d reads in %s", end, p.reads, took)
			}
		})
	}
}
