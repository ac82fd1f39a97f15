package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tripsaga/trip/client"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// roundTrip answers calls without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (w roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

// followDown follows a trip whose server is away from the first look until it is back, and gives how long that took.
func followDown(t *testing.T, reached bool, back time.Duration) (took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c, _ := client.New("http://server", client.Options{Explain: explain, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if time.Since(start) < back {
				return nil, errRefused
			}
			text := `{"id":"t1","status":"CONFIRMED"}`
			if strings.HasSuffix(r.URL.Path, "/history") {
				text = `{"events":[{"type":"ExecutionSucceeded","id":1}]}`
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
		})})
		p := &program{stdout: io.Discard, ctx: t.Context()}
		err = p.follow(c, "t1", time.Second, false, reached, domain.Confirmed)
		took = time.Since(start)
	})
	return took, err
}

// patience is for how long a server that is gone is asked again.
const patience = 15 * time.Second

func TestFollowOverARestart(t *testing.T) {
	if took, err := followDown(t, true, patience-2*time.Second); err != nil || took < patience-2*time.Second {
		t.Errorf("%v after %s", err, took)
	}
}

func TestFollowWithoutServer(t *testing.T) {
	took, err := followDown(t, true, time.Hour)
	var e *exitError
	if !errors.As(err, &e) || e.code != exitUnknown || took < patience || took > patience+5*time.Second ||
		!strings.HasSuffix(err.Error(), "the saga goes on. Follow it again with: tripsaga trip t1 --follow") {
		t.Errorf("%v after %s", err, took)
	}
	if took, err := followDown(t, false, time.Hour); !errors.Is(err, client.ErrNoServer) || took != 0 {
		t.Errorf("never reached: %v after %s", err, took)
	}
}

func TestEventsOfAKilledServer(t *testing.T) {
	s := &scripted{answers: map[string][]http.HandlerFunc{"GET /events": {func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, ": connected\n\n")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}}}}
	code, _, stderr := try(t, t.Context(), s, "events", "--follow", "--after", "e-7")
	if want := "tripsaga: the server has ended the stream; continue with --after e-7\n"; code != exitUnknown || stderr != want {
		t.Errorf("exit %d, %q, want %q", code, stderr, want)
	}
}

// TestWhatHappenedToTheMoney is what a customer asks first.
func TestWhatHappenedToTheMoney(t *testing.T) {
	const price = `"amount":{"minor":8000050,"currency":"USD"}`
	for _, c := range []struct{ trip, want string }{
		{`{"status":"FAILED","payment":{}}`, "nothing was charged"},
		{`{"status":"FAILED","payment":{"state":"REFUSED",` + price + `}}`, "nothing was charged"},
		{`{"status":"FAILED","payment":{"state":"UNDONE",` + price + `}}`, "nothing was charged"},
		{`{"status":"FAILED","payment":{"state":"UNDONE","refund_id":"r",` + price + `}}`, "refunded 80,000.50 USD"},
		{`{"status":"CONFIRMED","total":{"minor":5,"currency":"JPY"},"payment":{"state":"DONE"}}`, "paid 5 JPY"},
		{`{"status":"NEEDS_ATTENTION","payment":{"state":"DONE",` + price + `}}`, "charged 80,000.50 USD; the trip is not confirmed yet"},
		{`{"status":"NEEDS_ATTENTION","payment":{"state":"DONE",` + price + `},"saga":{"states":[{"name":"RefundPayment"}]}}`,
			"charged 80,000.50 USD; its refund is still outstanding"},
		{`{"status":"NEEDS_ATTENTION","payment":{"state":"STARTED",` + price + `},"saga":{"states":[{"name":"RefundPayment"}]}}`,
			"perhaps charged 80,000.50 USD, as the bank's answer was lost; its refund is still outstanding"},
		{`{"status":"PENDING","payment":{"state":"STARTED",` + price + `}}`, "perhaps charged 80,000.50 USD: the bank has not answered yet"},
		{`{"status":"CANCELLING","total":{"minor":5,"currency":"JPY"},"payment":{"state":"DONE",` + price + `}}`,
			"charged 80,000.50 USD; its refund is still outstanding"},
		{`{"status":"CANCELLED","payment":{"state":"UNDONE",` + price + `}}`, "nothing was charged"},
		{`{"status":"CANCELLED","payment":{"state":"UNDONE","refund_id":"r",` + price + `},"cancellation":{"fee":{"minor":0,"currency":"USD"}}}`,
			"refunded 80,000.50 USD"},
		{`{"status":"CANCELLED","payment":{"state":"UNDONE",` + price + `},"cancellation":{"fee":{"minor":8000050,"currency":"USD"}}}`,
			"nothing is refunded; the fee is 80,000.50 USD"},
	} {
		var trip wire.TripDetails
		if err := json.Unmarshal([]byte(c.trip), &trip); err != nil {
			t.Fatal(err)
		}
		if got := moneyText(trip); got != c.want {
			t.Errorf("%s: %q, want %q", c.trip, got, c.want)
		}
	}
}
