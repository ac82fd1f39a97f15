package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"tripsaga/trip/client"
)

func contains(text []byte, part string) bool { return bytes.Contains(text, []byte(part)) }

// scripted is a server with an answer of its own for each call of a path; the last one stays.
type scripted struct {
	answers map[string][]http.HandlerFunc
	keys    []string // Idempotency-Key as they arrived
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	path := r.Method + " " + r.URL.Path
	answers := s.answers[path]
	if len(answers) == 0 {
		http.Error(w, "unexpected "+path, http.StatusTeapot)
		return
	}
	if len(answers) > 1 {
		s.answers[path] = answers[1:]
	}
	answers[0](w, r)
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func breaks(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

func busy() http.HandlerFunc {
	return says(503, `{"title":"Service Unavailable","status":503,"name":"ServiceUnavailable","detail":"too many sagas"}`)
}

// try runs one command against a scripted server.
func try(t *testing.T, ctx context.Context, s *scripted, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return tryHandler(t, ctx, s, args...)
}

func tryHandler(t *testing.T, ctx context.Context, s http.Handler, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	var out, errs bytes.Buffer
	p := &program{stdin: strings.NewReader("{}"), stdout: &out, stderr: &errs, ctx: ctx}
	if err := p.dispatch(append(args, "--url", ts.URL)); err != nil {
		code = p.fail(err)
	}
	return code, out.String(), errs.String()
}

// history404 is the answer for a saga that was not started yet.
const history404 = `{"title":"Not Found","status":404,"name":"NotFound","detail":"no saga"}`

func historyOf(types ...string) http.HandlerFunc {
	var events []string
	for i, what := range types {
		details := map[string]string{
			"TaskStateEntered":     `,"stateEnteredEventDetails":{"name":"ReserveFlight"}`,
			"LambdaFunctionFailed": `,"lambdaFunctionFailedEventDetails":{"error":"ServiceUnavailable"}`,
		}[what]
		events = append(events, fmt.Sprintf(`{"timestamp":"2027-01-15T12:00:0%dZ","id":%d,"previousEventId":%d,"type":%q%s}`, i, i+1, i, what, details))
	}
	return says(200, `{"trip_id":"t1","events":[`+strings.Join(events, ",")+`]}`)
}

// ofSaga names the saga of a history.
func ofSaga(name string, history http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		history(answer, r)
		io.WriteString(w, strings.Replace(answer.Body.String(), `"events"`, `"saga":"`+name+`","events"`, 1))
	}
}

func TestBookTriesAgainUnderOneKey(t *testing.T) {
	s := &scripted{answers: map[string][]http.HandlerFunc{
		"POST /trips": {busy(), breaks, busy(), says(202, `{"id":"t1"}`)},
	}}
	code, stdout, stderr := try(t, t.Context(), s, "book", "-f", "-", "--no-wait")
	if code != 0 || !strings.HasPrefix(stdout, "trip t1\n") || stderr != "" {
		t.Errorf("%d %q %q", code, stdout, stderr)
	}
	if len(s.keys) < 4 || s.keys[0] == "" || len(slices.Compact(slices.Clone(s.keys))) != 1 {
		t.Errorf("keys %q, want the same in each try", s.keys)
	}
}

func TestBusyForTooLong(t *testing.T) {
	s := &scripted{answers: map[string][]http.HandlerFunc{"POST /trips": {busy()}}}
	code, _, stderr := try(t, t.Context(), s, "book", "-f", "-")
	if code != exitUnavailable || !strings.Contains(stderr, "ServiceUnavailable: too many sagas") || len(s.keys) != client.MaxTries {
		t.Errorf("%d %q after %d tries", code, stderr, len(s.keys))
	}
}

func TestRedriveIsNotRepeated(t *testing.T) {
	s := &scripted{answers: map[string][]http.HandlerFunc{"POST /trips/t1/redrive": {busy()}}}
	if code, _, _ := try(t, t.Context(), s, "redrive", "t1"); code != exitUnavailable || len(s.keys) != 1 {
		t.Errorf("exit %d after %d tries, want 1", code, len(s.keys))
	}
}

// TestFollow sees a saga that starts late, goes on between two looks, and whose trip learns of the end last.
func TestFollow(t *testing.T) {
	pending, attention := says(200, `{"id":"t1","status":"PENDING"}`),
		says(200, `{"id":"t1","status":"NEEDS_ATTENTION","reason":{"name":"ServiceUnavailable","message":"bank closed"}}`)
	s := &scripted{answers: map[string][]http.HandlerFunc{
		"POST /trips": {says(202, `{"id":"t1"}`)},
		"GET /trips/t1/history": {
			says(404, history404),
			historyOf("ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled"),
			historyOf("ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionFailed", "LambdaFunctionScheduled"),
			historyOf("ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionFailed", "LambdaFunctionScheduled",
				"LambdaFunctionSucceeded", "TaskStateExited", "ExecutionFailed"),
		},
		"GET /trips/t1": {pending, pending, attention},
	}}
	code, stdout, _ := try(t, t.Context(), s, "book", "-f", "-", "--interval", "10ms")
	want := "trip t1\n" +
		"     +2.000s  ReserveFlight        attempt 1        1s  ServiceUnavailable\n" +
		"              waits 1s before the next attempt\n" +
		"     +4.000s  ReserveFlight        attempt 2        1s  ok\n" +
		"NEEDS_ATTENTION: ServiceUnavailable: bank closed\nnothing was charged\nresume it with: tripsaga redrive t1\n"
	if code != exitFailure || stdout != want {
		t.Errorf("exit %d\n%swant\n%s", code, stdout, want)
	}
}

func TestFollowInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	running := historyOf("ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled")
	s := &scripted{answers: map[string][]http.HandlerFunc{
		"POST /trips":           {says(202, `{"id":"t1"}`)},
		"GET /trips/t1/history": {running},
		"GET /trips/t1": {says(200, `{"id":"t1","status":"PENDING"}`), func(w http.ResponseWriter, r *http.Request) {
			interrupt()
			says(200, `{"id":"t1","status":"PENDING"}`)(w, r)
		}},
	}}
	code, _, stderr := try(t, ctx, s, "book", "-f", "-", "--interval", "10ms")
	if code != interrupted || !strings.Contains(stderr, "the saga goes on. Follow it again with: tripsaga trip t1 --follow") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

// TestBookInterrupted is about the moment in which nobody knows whether the booking was taken.
func TestBookInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	s := &scripted{answers: map[string][]http.HandlerFunc{"POST /trips": {func(_ http.ResponseWriter, r *http.Request) {
		interrupt()
		<-r.Context().Done()
	}}}}
	code, _, stderr := try(t, ctx, s, "book", "-f", "-", "--idempotency-key", "k7")
	if code != interrupted || !strings.Contains(stderr, "repeat it with --idempotency-key k7") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestEventsFollow(t *testing.T) {
	const stream = ": connected\n\nid: e-7\nevent: TripFailed\ndata: {\"type\":\"TripFailed\",\"trip_id\":\"t1\"," +
		"\"at\":\"2027-01-15T12:00:00Z\",\"reason\":{\"name\":\"PaymentDeclined\",\"message\":\"no\"}}\n\n: heartbeat\n\n"
	s := &scripted{answers: map[string][]http.HandlerFunc{"GET /events": {says(200, stream)}}}
	code, stdout, stderr := try(t, t.Context(), s, "events", "--follow")
	if want := "e-7  2027-01-15T12:00:00Z  TripFailed             t1  PaymentDeclined: no\n"; stdout != want {
		t.Errorf("got %q, want %q", stdout, want)
	}
	if code != exitUnknown || !strings.Contains(stderr, "continue with --after e-7") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestEventsFollowInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	s := &scripted{answers: map[string][]http.HandlerFunc{"GET /events": {func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, ": connected\n\n")
		http.NewResponseController(w).Flush()
		interrupt()
		<-r.Context().Done()
	}}}}
	if code, _, stderr := try(t, ctx, s, "events", "--follow"); code != interrupted || stderr != "tripsaga: interrupted\n" {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestNotAServerOfOurs(t *testing.T) {
	s := &scripted{answers: map[string][]http.HandlerFunc{"GET /trips": {says(500, "<html>")}}}
	if code, _, stderr := try(t, t.Context(), s, "trips"); code != exitFailure || !strings.Contains(stderr, "500 Internal Server Error: <html>") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestExitCodes(t *testing.T) {
	for body, want := range map[string]int{
		`{"title":"Bad Request","status":400,"name":"InvalidRequest","detail":"no JSON"}`:                  exitUsage,
		`{"title":"Unprocessable Entity","status":422,"name":"InvalidRequest","detail":"no"}`:              exitUsage,
		`{"title":"Conflict","status":409,"name":"IdempotencyMismatch","detail":"another"}`:                exitFailure,
		`{"title":"Internal Server Error","status":500,"name":"InternalError","detail":"something wrong"}`: exitFailure,
	} {
		s := &scripted{answers: map[string][]http.HandlerFunc{"POST /trips": {says(418, body)}}}
		if code, _, stderr := try(t, t.Context(), s, "book", "-f", "-"); code != want {
			t.Errorf("%s: exit %d, want %d (%s)", body, code, want, stderr)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got := printable("a\x1b[31mb\tc\u009bd\u202e é"); got != `a\x1b[31mb\tc\u009bd\u202e é` {
		t.Errorf("%q", got)
	}
}

func TestUsageIsKept(t *testing.T) {
	var e *exitError
	if err := inFile("f", usage(errors.New("x"))); !errors.As(err, &e) || e.code != exitUsage || err.Error() != "f: x" {
		t.Errorf("%v", err)
	}
}
