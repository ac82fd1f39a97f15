package main

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tripsaga/shared/money"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

const (
	paidQuote = `{"trip_id":"t1","status":"CONFIRMED","cancellable":true,"departs":"2027-03-01T02:05:00Z","total":{"minor":80000,"currency":"JPY"},` +
		`"fee_percent":20,"fee":{"minor":16000,"currency":"JPY"},"refund":{"minor":64000,"currency":"JPY"},` +
		`"policy":{"tiers":[{"hours_before_departure":168,"fee_percent":0},{"hours_before_departure":0,"fee_percent":50}]}}`
	departedQuote = `{"trip_id":"t1","status":"CONFIRMED","cancellable":false,"why":"the flight departed at\u202e noon","departs":"2027-03-01T02:05:00Z",` +
		`"total":{"minor":80000,"currency":"JPY"},"policy":{"tiers":[{"hours_before_departure":0,"fee_percent":50}]}}`
	cancelledQuote  = `{"trip_id":"t1","status":"CANCELLED","cancellable":false,"why":"its cancellation was requested already","fee_percent":20,"policy":{"tiers":[]}}`
	cancellingQuote = `{"trip_id":"t1","status":"NEEDS_ATTENTION","cancellable":false,"why":"its cancellation was requested already",` +
		`"total":{"minor":80000,"currency":"JPY"},"fee_percent":20,"fee":{"minor":16000,"currency":"JPY"},"refund":{"minor":64000,"currency":"JPY"},"policy":{"tiers":[]}}`
	openQuote  = `{"trip_id":"t1","status":"PENDING","cancellable":true,"departs":"2027-03-01T02:05:00Z","fee_percent":20,"policy":{"tiers":[]}}`
	cancelling = `{"id":"t1","status":"CANCELLING"}`
	cancelled  = `{"id":"t1","status":"CANCELLED","total":{"minor":80000,"currency":"JPY"},"payment":{"state":"UNDONE","refund_id":"r","amount":{"minor":80000,"currency":"JPY"}},` +
		`"cancellation":{"fee_percent":20,"fee":{"minor":16000,"currency":"JPY"},"refund":{"minor":64000,"currency":"JPY"}}}`
)

func TestCancelShowsItsCost(t *testing.T) {
	s := &scripted{answers: map[string][]http.HandlerFunc{
		"GET /trips/t1/cancellation-quote": {says(200, paidQuote)},
		"POST /trips/t1/cancel":            {busy(), breaks, says(202, cancelling)},
	}}
	code, stdout, stderr := try(t, t.Context(), s, "cancel", "t1", "--idempotency-key", "k1")
	want := "trip t1 is CONFIRMED; paid 80,000 JPY, fee 20 %: 16,000 JPY, refund 64,000 JPY\n" +
		"accepted; follow it with: tripsaga trip t1 --follow\n"
	if code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	if want := []string{"", "k1", "k1", "k1"}; !slices.Equal(s.keys, want) {
		t.Errorf("keys %q, want %q: a cancellation is sent again", s.keys, want)
	}
}

func TestCancelSendsItsReason(t *testing.T) {
	var bodies, types []string
	s := &scripted{answers: map[string][]http.HandlerFunc{"GET /trips/t1/cancellation-quote": {says(200, openQuote)}}}
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			bodies, types = append(bodies, string(body)), append(types, r.Header.Get("Content-Type"))
			says(200, cancelled)(w, r)
			return
		}
		s.ServeHTTP(w, r)
	})
	for _, args := range [][]string{{}, {"--reason", `a "b" <c>`}, {"--max-fee", "12.345 KWD"}, {"--max-fee=0 JPY", "--reason", "ill"}} {
		code, stdout, stderr := tryHandler(t, t.Context(), server, append([]string{"cancel", "t1"}, args...)...)
		want := "trip t1 is PENDING; free unless it is confirmed first, then a fee of 20 %\ntrip t1 is cancelled already\n"
		if code != 0 || stdout != want {
			t.Errorf("exit %d, %q, %q", code, stdout, stderr)
		}
	}
	want := []string{"", `{"reason":"a \"b\" \u003cc\u003e"}`, `{"currency":"KWD","max_fee_minor":12345}`, `{"currency":"JPY","max_fee_minor":0,"reason":"ill"}`}
	if json := "application/json"; !slices.Equal(bodies, want) || !slices.Equal(types, []string{"", json, json, json}) {
		t.Errorf("sent %q as %q, want %q", bodies, types, want)
	}
}

// TestCancelOfAStoppedTrip names the command without which an accepted cancellation waits.
func TestCancelOfAStoppedTrip(t *testing.T) {
	for _, quote := range []string{cancellingQuote, openQuote} {
		s := &scripted{answers: map[string][]http.HandlerFunc{
			"GET /trips/t1/cancellation-quote": {says(200, quote)}, "POST /trips/t1/cancel": {says(202, `{"id":"t1","status":"NEEDS_ATTENTION"}`)},
		}}
		code, stdout, stderr := try(t, t.Context(), s, "cancel", "t1")
		if code != 0 || stderr != "" || !strings.HasSuffix(stdout, "accepted, but trip t1 needs attention; the cancellation continues with: tripsaga redrive t1\n") {
			t.Errorf("exit %d, %q, %q", code, stdout, stderr)
		}
	}
}

// TestOutcomes is the last column of a list.
func TestOutcomes(t *testing.T) {
	yen := func(n int64) money.Amount { return money.Amount{Minor: n, Currency: "JPY"} }
	fee := wire.Cancellation{Fee: yen(16000), Refund: yen(64000)}
	for want, trip := range map[string]wire.Trip{
		"":                                    {Status: domain.Pending},
		"80,000 JPY":                          {Status: domain.Confirmed, Total: yen(80000)},
		"PaymentDeclined":                     {Status: domain.Failed, Reason: domain.Reason{Name: "PaymentDeclined"}},
		"80,000 JPY, Overdue":                 {Status: domain.NeedsAttention, Total: yen(80000), Cancellation: fee, Reason: domain.Reason{Name: "Overdue"}},
		"refunded 64,000 JPY, fee 16,000 JPY": {Status: domain.Cancelled, Total: yen(80000), Cancellation: fee},
		"cancelled before it was paid":        {Status: domain.Cancelled, Reason: domain.Reason{Name: "TripCancelled"}},
	} {
		if got := outcomeText(trip); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCancelFollows(t *testing.T) {
	s := &scripted{answers: map[string][]http.HandlerFunc{
		"GET /trips/t1/cancellation-quote": {says(200, paidQuote)},
		"POST /trips/t1/cancel":            {says(202, cancelling)},
		// The request came while the trip was booked: the booking ends first, the second saga starts a moment later.
		"GET /trips/t1/history": {
			historyOf("ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionSucceeded", "TaskStateExited", "ExecutionSucceeded"),
			says(404, history404),
			ofSaga("cancellation", historyOf("ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled")),
			ofSaga("cancellation", historyOf("ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionSucceeded", "TaskStateExited", "ExecutionSucceeded")),
		},
		"GET /trips/t1": {says(200, cancelling), says(200, cancelling), says(200, cancelled)},
	}}
	code, stdout, stderr := try(t, t.Context(), s, "cancel", "t1", "--follow", "--interval", "10ms")
	want := "trip t1 is CONFIRMED; paid 80,000 JPY, fee 20 %: 16,000 JPY, refund 64,000 JPY\n" +
		"     +2.000s  ReserveFlight        attempt 1        1s  ok\n" +
		"cancellation of the trip:\n" +
		"     +2.000s  ReserveFlight        attempt 1        1s  ok\n" +
		"CANCELLED: refunded 64,000 JPY of 80,000 JPY; the fee is 16,000 JPY\n"
	if code != 0 || stdout != want {
		t.Errorf("exit %d, %s\n%s\nwant\n%s", code, stderr, stdout, want)
	}
}

// TestCancellationStops waits for the trip to show that the second saga has stopped.
func TestCancellationStops(t *testing.T) {
	const stopped = `{"id":"t1","status":"NEEDS_ATTENTION","reason":{"name":"Conflict","message":"locked"},"payment":{"state":"DONE",` +
		`"amount":{"minor":80000,"currency":"JPY"}},"saga":{"name":"cancellation","states":[]}}`
	s := &scripted{answers: map[string][]http.HandlerFunc{
		"GET /trips/t1/history": {ofSaga("cancellation", historyOf("ExecutionStarted", "ExecutionFailed"))},
		"GET /trips/t1":         {says(200, cancelling), says(200, stopped)},
	}}
	code, stdout, _ := try(t, t.Context(), s, "trip", "t1", "--follow", "--interval", "10ms")
	want := "NEEDS_ATTENTION: Conflict: locked\ncharged 80,000 JPY; its refund is still outstanding\nresume it with: tripsaga redrive t1\n"
	if code != exitFailure || stdout != want {
		t.Errorf("exit %d\n%s\nwant\n%s", code, stdout, want)
	}
}

// TestGoodEnds: a booking that ends CANCELLED has not succeeded, and a trip that was cancelled has.
func TestGoodEnds(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"book", "-f", "-"}, exitFailure}, {[]string{"trip", "t1", "--follow"}, 0}, {[]string{"redrive", "t1"}, 0}, {[]string{"cancel", "t1", "--follow"}, 0},
	} {
		s := &scripted{answers: map[string][]http.HandlerFunc{
			"POST /trips": {says(202, `{"id":"t1"}`)}, "POST /trips/t1/redrive": {says(202, "")}, "POST /trips/t1/cancel": {says(202, cancelling)},
			"GET /trips/t1/cancellation-quote": {says(200, paidQuote)},
			"GET /trips/t1/history":            {ofSaga("cancellation", historyOf("ExecutionStarted", "ExecutionSucceeded"))},
			"GET /trips/t1":                    {says(200, cancelled)},
		}}
		if code, stdout, stderr := try(t, t.Context(), s, append(c.args, "--interval", "10ms")...); code != c.code {
			t.Errorf("%s: exit %d, want %d: %s%s", c.args, code, c.code, stdout, stderr)
		}
	}
}

// TestCancelInterrupted is about the moment in which nobody knows whether the cancellation was accepted.
func TestCancelInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	s := &scripted{answers: map[string][]http.HandlerFunc{
		"GET /trips/t1/cancellation-quote": {says(200, paidQuote)},
		"POST /trips/t1/cancel": {func(_ http.ResponseWriter, r *http.Request) {
			interrupt()
			<-r.Context().Done()
		}},
	}}
	code, _, stderr := try(t, ctx, s, "cancel", "t1")
	if code != interrupted || !strings.Contains(stderr, "may have been accepted; repeat it, or see: tripsaga trip t1") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestQuote(t *testing.T) {
	for _, c := range []struct {
		quote, want string
		code        int
	}{
		{paidQuote, "trip           t1                                     CONFIRMED\n" +
			"departs        2027-03-01T02:05:00Z\n" +
			"cancelled now  paid 80,000 JPY, fee 20 %: 16,000 JPY, refund 64,000 JPY\n" +
			"policy         168 hours before the departure or earlier  fee 0 %\n" +
			"policy         0 hours before the departure or earlier    fee 50 %\n", 0},
		{departedQuote, "trip     t1                                   CONFIRMED\n" +
			"departs  2027-03-01T02:05:00Z\npolicy   0 hours before the departure or earlier  fee 50 %\n", exitFailure},
		{cancelledQuote, "trip t1 CANCELLED\nis cancelled already  free: it was cancelled before its payment was recorded\n", 0},
		{cancellingQuote, "trip t1 NEEDS_ATTENTION\nis being cancelled already  paid 80,000 JPY, fee 20 %: 16,000 JPY, refund 64,000 JPY\n", 0},
	} {
		s := &scripted{answers: map[string][]http.HandlerFunc{"GET /trips/t1/cancellation-quote": {says(200, c.quote)}}}
		code, stdout, stderr := try(t, t.Context(), s, "cancel", "t1", "--quote")
		if code != c.code || !sameCells(stdout, c.want) {
			t.Errorf("exit %d, %s\n%s\nwant\n%s", code, stderr, stdout, c.want)
		}
		if c.code != 0 && stderr != "tripsaga: trip t1 cannot be cancelled: the flight departed at\\u202e noon\n" {
			t.Errorf("%q", stderr)
		}
	}
}

// sameCells ignores how wide the columns are.
func sameCells(a, b string) bool {
	return slices.Equal(strings.Fields(a), strings.Fields(b))
}

func TestCancelRefused(t *testing.T) {
	for _, c := range []struct {
		args   []string
		code   int
		stderr string
	}{
		{[]string{"--quote", "--follow"}, exitUsage, "--quote cancels nothing"},
		{[]string{"--quote", "--reason", "x"}, exitUsage, "--quote cancels nothing"},
		{[]string{"--quote", "--max-fee", "1 JPY"}, exitUsage, "--quote cancels nothing"},
		{[]string{"--max-fee", "5000"}, exitUsage, `--max-fee "5000": `},
		{[]string{"--max-fee", "99999999999999 JPY"}, exitUsage, `"99999999999999" is no amount of 0 to 1000000000000 minor units`},
		{[]string{"--max-fee=-1 JPY"}, exitUsage, `"-1" is no amount of 0 to 1000000000000 minor units`},
		{[]string{"--max-fee", "44,800 JPY"}, exitUsage, `"44,800" is no amount`},
		{[]string{"--max-fee", "1.5 JPY"}, exitUsage, "more decimals than JPY allows"},
		{[]string{"--max-fee", "-1 JPY"}, exitUsage, "--max-fee"},
		{[]string{"--max-fee", ""}, exitUsage, "--max-fee"},
		{[]string{"--reason", ""}, exitUsage, "--reason: it is empty"},
		{[]string{"--interval", "1ms"}, exitUsage, "--interval 1ms: allowed is 10ms or more"},
		{nil, exitFailure, "TripDeparted: the flight departed"},
		{[]string{"--reason", "\x01"}, exitUsage, `reason: "\x01" has the character U+0001`},
	} {
		answer := says(409, `{"title":"Conflict","status":409,"name":"TripDeparted","detail":"the flight departed"}`)
		if c.code == exitUsage {
			answer = says(422, `{"title":"Unprocessable Entity","status":422,"name":"InvalidRequest","errors":[{"location":"body.reason","message":"\"\\x01\" has the character U+0001"}]}`)
		}
		s := &scripted{answers: map[string][]http.HandlerFunc{
			"GET /trips/t1/cancellation-quote": {says(200, departedQuote)}, "POST /trips/t1/cancel": {answer},
		}}
		code, stdout, stderr := try(t, t.Context(), s, append([]string{"cancel", "t1"}, c.args...)...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%q: exit %d, %q, %q", c.args, code, stdout, stderr)
		}
	}
	if code, _, stderr := try(t, t.Context(), &scripted{}, "cancel"); code != exitUsage || !strings.Contains(stderr, "<id>") {
		t.Errorf("without an id: %d %q", code, stderr)
	}
}
