package production

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/functions"
	"tripsaga/aws/production"
	"tripsaga/engine"
	"tripsaga/shared/ident"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

var update = flag.Bool("update", false, "rewrite testdata/calls.json")

const callsFile = "testdata/calls.json"

// TestCalls takes every function through everything that it can meet, and holds what it calls then to the file, by
// which the functions' permissions are tested. What all other tests of this package make them call must be in the file,
// too, see [unlisted].
func TestCalls(t *testing.T) {
	r := newRecorder()
	t.Cleanup(r.server.Close)
	callTasks(t, r)
	callAround(t, r)
	callCancellations(t, r)
	callHook(t, r)
	got := r.seen()
	for _, f := range functions.All() {
		if got[f.Name] == nil {
			got[f.Name] = []call{}
		}
	}
	if r.faults != nil {
		t.Errorf("calls that are not understood: %q", r.faults)
	}
	text := formatCalls(got)
	if *update {
		if err := os.WriteFile(callsFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(callsFile); err != nil || string(want) != string(text) {
		t.Errorf("%s differs (%v); rewrite it with -update and read the difference. Got:\n%s", callsFile, err, text)
	}
}

// formatCalls writes one call a line.
func formatCalls(calls map[string][]call) []byte {
	var b strings.Builder
	b.WriteString("{")
	for i, function := range slices.Sorted(maps.Keys(calls)) {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "\n  %q: [", function)
		for j, c := range calls[function] {
			line, _ := json.Marshal(c) // texts always marshal
			if j > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, "\n    %s", line)
		}
		b.WriteString("\n  ]")
	}
	b.WriteString("\n}\n")
	return []byte(strings.ReplaceAll(b.String(), "[\n  ]", "[]"))
}

// unlisted are the calls that the file does not have.
func unlisted(seen map[string][]call) (problems []string, err error) {
	data, err := os.ReadFile(callsFile)
	if err != nil {
		return nil, err
	}
	var listed map[string][]call
	if err := json.Unmarshal(data, &listed); err != nil {
		return nil, err
	}
	for function, calls := range seen {
		for _, c := range calls {
			i := slices.IndexFunc(listed[function], func(l call) bool { return l.Action == c.Action && l.Resource == c.Resource })
			for _, key := range c.LeadingKeys {
				if i >= 0 && !slices.Contains(listed[function][i].LeadingKeys, key) {
					i = -1
				}
			}
			if i < 0 {
				problems = append(problems, fmt.Sprintf("%s called %+v", function, c))
			}
		}
	}
	return problems, nil
}

// driver calls functions one by one, with no saga around them.
type driver struct {
	*world
}

// cancel among tasks is the client's call.
const cancel = "cancel"

// idle starts nothing.
type idle struct{}

func (idle) Start(context.Context, string, string, json.RawMessage) error { return nil }

// steps are deliveries, of a trip of its own each time.
type steps struct {
	card   string
	flight string // of testdata/inventory.csv, or else none that is offered
	hotel  string
	tasks  []string
}

// callTasks delivers every task for the first time, again, after its refusal, before and after its cancellation, and with
// a bank that does not answer.
func callTasks(t *testing.T, r *recorder) {
	d := driver{open(t, production.Options{FunctionEnv: r.of})}
	d.loadInventory()
	d.app.Starter = idle{}
	forward := []string{"ReserveFlight", "ReserveHotel", "ProcessPayment"}
	undo := []string{"RefundPayment", "CancelHotel", "CancelFlight"}
	cancelled := []string{"CancelHotel", "CancelFlight", "RefundBooking", "BookingCancelled"}
	for _, s := range []steps{
		{"tok_ok", "JL5", "NYC-HUDSON", slices.Concat(forward, []string{"BookingConfirmed"}, forward, []string{"BookingConfirmed", "BookingFailed", "FlightBookingFailed"})},
		{"tok_ok", "JL5", "NYC-HUDSON", slices.Concat(forward, undo, undo, forward, []string{"BookingFailed", "BookingFailed", "BookingConfirmed"})},
		{"tok_ok", "JL5", "NYC-HUDSON", slices.Concat(undo, forward, []string{"FlightBookingFailed", "FlightBookingFailed"})},
		{"tok_ok", "JL5", "NYC-HUDSON", slices.Concat(forward, []string{"BookingFailed", "BookingConfirmed"}, undo)},
		{"tok_ok", "JL5", "NYC-HUDSON", slices.Concat(cancelled, forward, []string{cancel, "BookingConfirmed"}, cancelled, cancelled)},
		{"tok_ok", "JL5", "NYC-HUDSON", slices.Concat([]string{cancel}, forward, forward, undo, []string{"BookingFailed"})},
		{"tok_ok", "XX1", "XX-NONE", slices.Concat(forward, forward, undo, []string{"BookingFailed"})},
		{"tok_ok", "NH853", "KYO-RYOKAN", slices.Concat(forward, forward, undo)},
		{"tok_ok", "JL5", "KYO-RYOKAN", slices.Concat(forward, forward, undo)},
		{"tok_declined", "JL5", "NYC-HUDSON", slices.Concat(forward, forward, undo)},
		{"tok_timeout_before", "JL5", "NYC-HUDSON", slices.Concat(forward, forward, undo)},
		{"tok_timeout_after", "JL5", "NYC-HUDSON", slices.Concat(forward, forward, undo, undo)},
	} {
		id := d.request(s, d.app.Now, "")
		for _, task := range s.tasks {
			if task == cancel {
				if _, err := d.app.CancelTrip(t.Context(), id, app.CancelRequest{}); err != nil {
					t.Error(err)
				}
				continue
			}
			d.Functions.Invoke(t.Context(), rie.Request{Function: task, Payload: d.payload(s, task, id)}) // whatever it answers
		}
	}
}

// request stores a trip.
func (d *driver) request(s steps, now func() time.Time, key string) string {
	d.t.Helper()
	d.app.Now = now
	trip, err := d.app.BookTrip(d.t.Context(), key, domain.Request{
		Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
		Flight:   domain.FlightRequest{Number: s.flight, Date: day(30), Seats: 3},
		Hotel:    domain.StayRequest{ID: s.hotel, CheckIn: day(30), CheckOut: day(32), Rooms: 1},
		Payment:  domain.PaymentRequest{CardToken: s.card}, Currency: "JPY",
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return trip.ID()
}

func (d *driver) payload(s steps, task, id string) []byte {
	input := map[string]any{"trip_id": id}
	switch task {
	case "ReserveFlight":
		input["flight"], input["currency"] = domain.FlightRequest{Number: s.flight, Date: day(30), Seats: 3}, "JPY"
	case "ReserveHotel":
		input["hotel"] = domain.StayRequest{ID: s.hotel, CheckIn: day(30), CheckOut: day(32), Rooms: 1}
		input["currency"] = "JPY"
	case "BookingFailed", "FlightBookingFailed":
		input["failure"] = app.Failure{Error: "Test"}
	}
	payload, err := json.Marshal(map[string]any{
		"delivery": map[string]any{"execution": "arn:x", "trip_id": id, "attempt": 0}, "input": input,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return payload
}

// callAround calls what stands around the saga: every route of the API, the listener, the reconciler, the relay.
func callAround(t *testing.T, r *recorder) {
	var hold gate
	sys := open(t, production.Options{
		FunctionEnv: r.of, Env: []string{"RECONCILE_GRACE=1s", "RECONCILE_OVERDUE=30m"},
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			tasks["BookingConfirmed"] = func(context.Context, json.RawMessage) (json.RawMessage, error) {
				return nil, &engine.TaskError{Name: "Conflict", Message: "injected"}
			}
			tasks["ReserveHotel"] = hold.before(tasks["ReserveHotel"])
			return tasks
		},
	})
	c := over(t, sys)
	c.routes()
	defer hold.shut()()
	d := driver{sys}
	d.app.Starter = idle{}
	long := func() time.Time { return time.Now().Add(-time.Hour) }
	s := steps{card: "tok_ok", flight: "JL5", hotel: "NYC-HUDSON"}
	d.request(s, long, "never-started")
	other := ident.Derive("trip", "started-otherwise")
	if err := d.Engine.Start(t.Context(), other, json.RawMessage(`{"trip_id":"`+other+`","currency":"JPY",
		"flight":{"number":"JL5","date":"`+day(30)+`","seats":1},"hotel":{}}`)); err != nil {
		t.Fatal(err)
	}
	d.request(s, long, "started-otherwise")
	if err := d.Reconcile(t.Context()); err != nil {
		t.Errorf("a saga that runs with other input fails the reconciler: %v", err)
	}
	if _, err := d.Functions.Invoke(t.Context(), rie.Request{Function: functions.OutboxRelay, Payload: json.RawMessage(`[]`)}); err != nil {
		t.Error(err)
	}
}

// callCancellations cancels trips: one whose cancellation stops, so that the listener marks it, and is redriven; then one
// whose cancellation was never started, and one whose was started with other input, for the reconciler.
func callCancellations(t *testing.T, r *recorder) {
	var broken atomic.Bool
	broken.Store(true)
	sys := open(t, production.Options{
		FunctionEnv: r.of, Env: []string{"RECONCILE_GRACE=1s", "RECONCILE_OVERDUE=30m"},
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			last := tasks["BookingCancelled"]
			tasks["BookingCancelled"] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
				if broken.Load() {
					return nil, &engine.TaskError{Name: "Conflict", Message: "injected"}
				}
				return last(ctx, input)
			}
			return tasks
		},
	})
	c := over(t, sys)
	trip := c.book("happy")
	place := "/trips/" + trip.ID
	c.wants(http.StatusOK, http.MethodGet, place+"/cancellation-quote", "")
	c.wants(http.StatusAccepted, http.MethodPost, place+"/cancel", `{"reason":"a test"}`)
	if got := c.cancelled(place); got.Status != domain.NeedsAttention {
		t.Errorf("after its cancellation has stopped the trip is %s", got.Status)
	}
	broken.Store(false)
	c.wants(http.StatusOK, http.MethodGet, place+"/history?saga=cancellation", "")
	c.wants(http.StatusAccepted, http.MethodPost, place+"/redrive", "")
	if got := c.cancelled(place); got.Status != domain.Cancelled {
		t.Errorf("after the redrive the trip is %s", got.Status)
	}
	c.wants(http.StatusOK, http.MethodPost, place+"/cancel", `{"reason":"a test"}`)

	sys.app.Starter = idle{}
	sys.app.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	for _, otherwise := range []bool{false, true} {
		_, header := c.callAs(fmt.Sprint("cancelled-", otherwise), http.MethodPost, "/trips", example(t, "happy", today), nil)
		id := c.ended(header.Get("Location")).ID
		if _, err := sys.app.CancelTrip(t.Context(), id, app.CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		if otherwise {
			if err := sys.Engines[domain.CancellationSaga].Start(t.Context(), id, json.RawMessage(`{"trip_id":"`+id+`","more":1}`)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := sys.Reconcile(t.Context()); err != nil {
		t.Error(err)
	}
}

// wants calls the API and wants a status.
func (c *client) wants(status int, method, path, body string) {
	c.t.Helper()
	if got, _ := c.call(method, path, []byte(body), nil); got != status {
		c.t.Errorf("%s %s = %d, want %d", method, path, got, status)
	}
}

// gate holds the sagas under way while it is shut.
type gate struct{ closed atomic.Pointer[chan struct{}] }

// shut closes the gate; open lets those at it go on, to an error.
func (g *gate) shut() (open func()) {
	c := make(chan struct{})
	g.closed.Store(&c)
	return func() { close(c) }
}

func (g *gate) before(task engine.Task) engine.Task {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		if c := g.closed.Load(); c != nil {
			<-*c
			return nil, &engine.TaskError{Name: "InvalidRequest", Message: "injected"}
		}
		return task(ctx, input)
	}
}

// declined books another trip, which fails.
func (c *client) declined() (id string) {
	c.t.Helper()
	request := example(c.t, "card-declined", today)
	status, header := c.callAs("declined", http.MethodPost, "/trips", request, nil)
	if status != http.StatusAccepted {
		c.t.Fatalf("POST /trips = %d", status)
	}
	return c.ended(header.Get("Location")).ID
}

// routes calls every route of the API, for what there is and for what there is not. The saga fails where it is never
// undone, so that the listener marks its trip.
func (c *client) routes() {
	c.t.Helper()
	trip := c.book("happy")
	place, none := "/trips/"+trip.ID, "/trips/"+ident.Derive("trip", "none")
	failed := c.declined()
	more := strings.NewReplacer("182000, JPY, 244", "182000, JPY, 245", "41000,  JPY, 10", "41000,  JPY, 11").
		Replace(string(inventoryFile(c.t)))
	for _, call := range []struct{ method, path, body string }{
		{http.MethodPost, "/inventory", more}, {http.MethodPost, "/inventory", more},
		{http.MethodGet, "/inventory/flights", ""}, {http.MethodGet, "/inventory/hotels", ""},
		{http.MethodGet, "/trips", ""}, {http.MethodGet, "/trips?status=FAILED", ""}, {http.MethodGet, "/ledger", ""},
		{http.MethodGet, place, ""}, {http.MethodGet, place + "/history", ""}, {http.MethodPost, place + "/redrive", ""},
		{http.MethodGet, none, ""}, {http.MethodGet, none + "/history", ""}, {http.MethodPost, none + "/redrive", ""},
		{http.MethodGet, "/trips/" + failed, ""}, {http.MethodPost, "/trips/" + failed + "/cancel", "{}"},
		{http.MethodGet, none + "/cancellation-quote", ""}, {http.MethodPost, none + "/cancel", "{}"},
		{http.MethodGet, "/healthz", ""}, {http.MethodGet, "/openapi.json", ""}, {http.MethodGet, "/events", ""},
		{http.MethodPost, "/trips", "{}"},
	} {
		if status, _ := c.call(call.method, call.path, []byte(call.body), nil); status >= 500 && call.path != "/events" {
			c.t.Errorf("%s %s = %d", call.method, call.path, status)
		}
	}
}
