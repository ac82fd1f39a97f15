package lambda

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"tripsaga/aws/stepfunctions"
	"tripsaga/aws/trial"
	"tripsaga/table/embedded"
	"tripsaga/telemetry"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
)

var update = flag.Bool("update", false, "rewrite the golden files and the table of docs/lambda.md")

const (
	machine      = "arn:aws:states:eu-west-1:123456789012:stateMachine:booking"
	cancellation = "arn:aws:states:eu-west-1:123456789012:stateMachine:cancellation"
)

// TestMain lets the test's own program be a bootstrap, where a test needs a process.
func TestMain(m *testing.M) {
	if os.Getenv(beBootstrap) != "" {
		Main()
		os.Exit(1)
	}
	flag.Parse()
	os.Exit(m.Run())
}

const beBootstrap = "TRIPSAGA_TEST_BE_BOOTSTRAP"

// world is a system over a table in memory, with a clock that a test moves and a Step Functions that says yes to
// everything, but for what a test says otherwise.
type world struct {
	*system
	table   *embedded.Store
	now     time.Time
	log     bytes.Buffer
	calls   []string          // of Step Functions
	inputs  []string          // of these
	answers map[string]string // by the name of the operation; a status and a space may stand before the body
}

func newWorld(t *testing.T) *world {
	t.Helper()
	books, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { books.Close() })
	w := &world{table: books, now: time.Date(2027, 1, 15, 9, 30, 0, 0, time.UTC), answers: map[string]string{
		"StartExecution": `{"executionArn":"x","startDate":1}`,
	}}
	now := func() time.Time { return w.now }
	log := telemetry.NewLogger(&w.log, nil, telemetry.FormatJSON)
	w.system = &system{
		config: config{grace: 2 * time.Minute, overdue: 30 * time.Minute, version: "7"}, log: log,
		sagas: w.stepFunctions(t),
		app:   store.Service(books, bank.New(books, now), now),
	}
	w.app.Starter, w.app.Random = w.sagas, rand.Reader
	offers, err := inventory.Demo("2027-02-01")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.app.LoadInventory(t.Context(), offers); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) stepFunctions(t *testing.T) *stepfunctions.StateMachines {
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSStepFunctions.")
		input, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.calls, w.inputs = append(w.calls, operation), append(w.inputs, string(input))
		answer := w.answers[operation]
		if body, refused := strings.CutPrefix(answer, "400 "); refused {
			out.WriteHeader(http.StatusBadRequest)
			answer = body
		}
		io.WriteString(out, answer)
	}))
	t.Cleanup(server.Close)
	return stepfunctions.New(sfn.New(sfn.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Retryer: aws.NopRetryer{}, Credentials: (&config{accessKeyID: "a", secretAccessKey: "b"}).credentials(),
	}), stepfunctions.ARNs{"booking": machine, "cancellation": cancellation})
}

const booking = `{"traveler": {"name": "Ada Lovelace", "email": "ada@example.com"},
  "flight": {"number": "JL317", "date": "2027-03-15", "seats": 2},
  "hotel": {"id": "FUK-CANAL", "check_in": "2027-03-15", "check_out": "2027-03-17", "rooms": 1},
  "payment": {"card_token": "tok_ok"}, "currency": "JPY"}`

// book stores a trip and starts its saga.
func (w *world) book(t *testing.T) string { return w.bookBy(t, "tok_ok") }

func (w *world) bookBy(t *testing.T, card string) string {
	t.Helper()
	var request domain.Request
	if err := json.Unmarshal([]byte(booking), &request); err != nil {
		t.Fatal(err)
	}
	request.Payment.CardToken = card
	trip, err := w.app.BookTrip(t.Context(), "", request)
	if err != nil {
		t.Fatal(err)
	}
	return trip.ID()
}

func (w *world) trip(t *testing.T, id string) *domain.Trip {
	t.Helper()
	trip, err := w.app.Trips.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return trip
}

// wantError checks that the error is one that the runtime reports under the type.
func wantError(t *testing.T, err error, kind string, texts ...string) {
	t.Helper()
	e, ok := err.(messages.InvokeResponse_Error)
	if !ok || e.Type != kind {
		t.Errorf("error %T %v, want one of type %s", err, err, kind)
	}
	for _, text := range texts {
		if !strings.Contains(e.Message, text) {
			t.Errorf("message %q does not tell of %q", e.Message, text)
		}
	}
}

// golden compares the text with the file, or rewrites it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; rewrite it with -update and read the difference. Got:\n%s", file, got)
	}
}

// environment is what Lambda and an operator give a function.
func environment(function string) map[string]string {
	return map[string]string{
		"_HANDLER": function, "TABLE_NAME": "trips", "BOOKING_STATE_MACHINE_ARN": machine, "CANCELLATION_STATE_MACHINE_ARN": cancellation, "AWS_REGION": "eu-west-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
		"AWS_LAMBDA_FUNCTION_VERSION": "7", "FUNCTION_ARNS": functionARNs(),
	}
}

// functionARNs are those of the functions that PreTraffic tries.
func functionARNs() string {
	arns := map[string]string{}
	for _, name := range trial.RolledOut() {
		arns[name] = "arn:aws:lambda:eu-west-1:123456789012:function:" + name
	}
	text, _ := json.Marshal(arns) // texts always marshal
	return string(text)
}

func get(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}
