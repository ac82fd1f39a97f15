package rest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

const sagaHistory = `[
{"timestamp":"2027-01-15T12:00:00Z","type":"ExecutionStarted","id":1,"previousEventId":0},
{"timestamp":"2027-01-15T12:00:00Z","type":"TaskStateEntered","id":2,"previousEventId":0,"stateEnteredEventDetails":{"name":"ReserveFlight","input":"{}"}},
{"timestamp":"2027-01-15T12:00:00Z","type":"LambdaFunctionScheduled","id":3,"previousEventId":2},
{"timestamp":"2027-01-15T12:00:00Z","type":"LambdaFunctionStarted","id":4,"previousEventId":3},
{"timestamp":"2027-01-15T12:00:03Z","type":"LambdaFunctionTimedOut","id":5,"previousEventId":4,"lambdaFunctionTimedOutEventDetails":{"error":"States.Timeout"}},
{"timestamp":"2027-01-15T12:00:04Z","type":"LambdaFunctionScheduled","id":6,"previousEventId":5},
{"timestamp":"2027-01-15T12:00:05Z","type":"LambdaFunctionSucceeded","id":7,"previousEventId":6},
{"timestamp":"2027-01-15T12:00:05Z","type":"TaskStateExited","id":8,"previousEventId":7,"stateExitedEventDetails":{"name":"ReserveFlight","output":"{}"}},
{"timestamp":"2027-01-15T12:00:05Z","type":"TaskStateEntered","id":9,"previousEventId":8,"stateEnteredEventDetails":{"name":"ReserveHotel","input":"{}"}},
{"timestamp":"2027-01-15T12:00:05Z","type":"LambdaFunctionScheduled","id":10,"previousEventId":9}
]`

// booked makes a world with one trip whose saga runs.
func booked(t *testing.T) (w *world, h http.Handler, id string) {
	t.Helper()
	w = newWorld()
	h = w.handler()
	id = decoded[wire.Trip](t, ask(h, "POST", "/trips", goodBooking, "Idempotency-Key", "k1")).ID
	w.progress[id] = app.Progress{Status: "RUNNING", Started: noon}
	var events []json.RawMessage
	if err := json.Unmarshal([]byte(sagaHistory), &events); err != nil {
		t.Fatal(err)
	}
	w.history[id] = events
	return w, h, id
}

func TestGetTrip(t *testing.T) {
	_, h, id := booked(t)
	answer := ask(h, "GET", "/trips/"+id, "")
	trip := decoded[wire.TripDetails](t, answer)
	want := &wire.Saga{Status: "RUNNING", CurrentState: "ReserveHotel", Started: noon,
		States: []wire.StateVisit{{Name: "ReserveFlight", Attempts: 2}, {Name: "ReserveHotel", Attempts: 1}}}
	if !reflect.DeepEqual(trip.Saga, want) {
		t.Errorf("saga %+v, want %+v", trip.Saga, want)
	}
	if f := trip.Reservations.Flight; f == nil || *f != (wire.Reservation{State: "DONE", ID: "f1", Amount: yen(30000)}) {
		t.Errorf("flight %+v", f)
	}
	if r := trip.Reservations.Hotel; r == nil || r.State != "REFUSED" || r.Reason.Name != fault.NameHotelUnavailable {
		t.Errorf("hotel %+v", r)
	}
	pay := wire.Payment{CardToken: "tok_***", State: "UNDONE", Amount: yen(50000), ChargeID: "ch1", RefundID: "re1"}
	if trip.Payment != pay {
		t.Errorf("payment %+v, want %+v", trip.Payment, pay)
	}
	if trip.ID != id || trip.Traveler.Email != "ada@example.com" || strings.Contains(answer.Body.String(), "secret1") {
		t.Errorf("answer %s", answer.Body)
	}
}

func TestGetTripBeforeItsSaga(t *testing.T) {
	w, h, id := booked(t)
	delete(w.progress, id)
	answer := ask(h, "GET", "/trips/"+id, "")
	if trip := decoded[wire.TripDetails](t, answer); answer.Code != 200 || trip.Saga != nil || trip.Status != domain.Pending {
		t.Errorf("answer %d %s", answer.Code, answer.Body)
	}
}

func TestEndedSagaHasNoCurrentState(t *testing.T) {
	w, h, id := booked(t)
	w.progress[id] = app.Progress{Status: "FAILED", Error: "BookingFailed", State: "BookingFailed", Started: noon, Stopped: noon, Redrives: 1}
	saga := decoded[wire.TripDetails](t, ask(h, "GET", "/trips/"+id, "")).Saga
	if saga.CurrentState != "" || saga.FailedState != "BookingFailed" || saga.Redrives != 1 || saga.Stopped != noon {
		t.Errorf("saga %+v", saga)
	}
}

// TestFailedStateIsSeenInTheHistory is for a state machine that does not tell it.
func TestFailedStateIsSeenInTheHistory(t *testing.T) {
	for status, want := range map[string]string{"FAILED": "ReserveHotel", "TIMED_OUT": "", "ABORTED": "", "SUCCEEDED": ""} {
		w, h, id := booked(t)
		w.progress[id] = app.Progress{Status: status, Started: noon, Stopped: noon}
		w.history[id] = []json.RawMessage{
			json.RawMessage(`{"id":1,"previousEventId":0,"type":"TaskStateEntered","stateEnteredEventDetails":{"name":"ReserveFlight"}}`),
			json.RawMessage(`{"id":2,"previousEventId":1,"type":"TaskStateEntered","stateEnteredEventDetails":{"name":"ReserveHotel"}}`),
		}
		if saga := decoded[wire.TripDetails](t, ask(h, "GET", "/trips/"+id, "")).Saga; saga.FailedState != want {
			t.Errorf("%s: failed at %q, want %q", status, saga.FailedState, want)
		}
	}
}

// TestTripWhoseSagaCannotBeRead wants what is final to be told, and nothing else.
func TestTripWhoseSagaCannotBeRead(t *testing.T) {
	w, h, id := booked(t)
	w.sagaFails = fault.New(fault.Unavailable, fault.NameUnavailable, "too busy")
	wantProblem(t, ask(h, "GET", "/trips/"+id, ""), 503, fault.NameUnavailable)
	if _, err := w.trips[id].Fail(domain.Reason{Name: "X"}, noon); err != nil {
		t.Fatal(err)
	}
	answer := ask(h, "GET", "/trips/"+id, "")
	if trip := decoded[wire.TripDetails](t, answer); answer.Code != 200 || !trip.SagaUnread || trip.Saga != nil || trip.Status != domain.Failed {
		t.Errorf("answer %d %s", answer.Code, answer.Body)
	}
	w.sagaFails = fault.New(fault.Internal, fault.NameInternal, "no permission")
	wantProblem(t, ask(h, "GET", "/trips/"+id, ""), 500, fault.NameInternal)
}

func TestListTrips(t *testing.T) {
	w, h, id := booked(t)
	page := decoded[wire.TripPage](t, ask(h, "GET", "/trips?status=PENDING&limit=7&cursor=cursor123456", ""))
	if len(page.Trips) != 1 || page.Trips[0].ID != id || page.NextCursor != "more" {
		t.Errorf("page %+v", page)
	}
	want := domain.TripQuery{Status: domain.Pending, Limit: 7, Cursor: "cursor123456"}
	if !slices.Contains(w.queries, any(want)) {
		t.Errorf("queries %+v, want %+v", w.queries, want)
	}
}

func TestListRefusals(t *testing.T) {
	for target, location := range map[string]string{
		"/trips?limit=0":                            "query.limit",
		"/trips?limit=201":                          "query.limit",
		"/trips?limit=x":                            "query.limit",
		"/trips?stauts=FAILED":                      "query.stauts",
		"/inventory/flights?from=yesterday":         "query.from",
		"/inventory/hotels?to=2027-02-30":           "query.to",
		"/events?after=-1":                          "query.after",
		"/trips/" + strings.Repeat("x", 81):         "path.id",
		"/trips?cursor=" + strings.Repeat("x", 9e3): "query.cursor",
	} {
		p := wantProblem(t, ask(newWorld().handler(), "GET", target, ""), 422, fault.NameInvalid)
		if len(p.Errors) != 1 || p.Errors[0].Location != location || p.Errors[0].Message == "" {
			t.Errorf("%.60s: %+v, want one at %s", target, p.Errors, location)
		}
	}
}

func TestUseCaseNamesTheParameter(t *testing.T) {
	w := newWorld()
	w.fails = fault.Invalidf("status", "%q is no status", "NO")
	p := wantProblem(t, ask(w.handler(), "GET", "/trips?status=FAILED", ""), 422, fault.NameInvalid)
	if len(p.Errors) != 1 || p.Errors[0].Location != "query.status" {
		t.Errorf("%+v", p.Errors)
	}
}

func TestHistory(t *testing.T) {
	_, h, id := booked(t)
	body := decoded[wire.History](t, ask(h, "GET", "/trips/"+id+"/history", ""))
	if body.TripID != id || len(body.Events) != 10 || !strings.Contains(string(body.Events[1]), `"input":"{}"`) {
		t.Errorf("history %+v", body)
	}
}

func TestRedrive(t *testing.T) {
	w, h, id := booked(t)
	answer := ask(h, "POST", "/trips/"+id+"/redrive", "")
	if answer.Code != http.StatusAccepted || answer.Header().Get("Location") != "/trips/"+id || !slices.Equal(w.redriven, []string{id}) {
		t.Errorf("answer %d %v, redriven %v", answer.Code, answer.Header(), w.redriven)
	}
	w.fails = fault.New(fault.Conflict, fault.NameConflict, "it is running")
	p := wantProblem(t, ask(h, "POST", "/trips/"+id+"/redrive", ""), 409, fault.NameConflict)
	if want := "trip " + id + ": its saga is " + w.progress[id].Status; !strings.HasPrefix(p.Detail, want) {
		t.Errorf("detail %q, want %q at its beginning", p.Detail, want)
	}
	w.fails = nil
	p = wantProblem(t, ask(h, "GET", "/trips/0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a/history", ""), 404, fault.NameNotFound)
	if !strings.HasPrefix(p.Detail, "there is no trip") {
		t.Errorf("detail %q", p.Detail)
	}
}

// TestRedriveOfAFailedTrip is refused before the saga is asked.
func TestRedriveOfAFailedTrip(t *testing.T) {
	w, h, id := booked(t)
	if _, err := w.trips[id].Fail(domain.Reason{Name: fault.NamePaymentDeclined}, noon); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, ask(h, "POST", "/trips/"+id+"/redrive", ""), 409, "NotRedrivable")
	if len(w.redriven) > 0 {
		t.Errorf("redriven %v", w.redriven)
	}
}

func TestNotFound(t *testing.T) {
	h := newWorld().handler()
	for _, target := range []string{"/trips/0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a", "/trips/0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a/history", "/nowhere", "/docs", "/", "/trips//x", "/inventory//flights"} {
		wantProblem(t, ask(h, "GET", target, ""), 404, fault.NameNotFound)
	}
}

func TestMethodNotAllowed(t *testing.T) {
	answer := ask(newWorld().handler(), "DELETE", "/trips", "")
	wantProblem(t, answer, 405, "MethodNotAllowed")
	if got := answer.Header().Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow %q", got)
	}
}

func TestPanic(t *testing.T) {
	w := newWorld()
	w.trips = nil // booking writes to it
	wantProblem(t, ask(w.handler(), "POST", "/trips", goodBooking), 500, fault.NameInternal)
	if !strings.Contains(w.log.String(), "panic while answering") || strings.Contains(w.log.String(), "ada@") {
		t.Errorf("log %s", &w.log)
	}
}
