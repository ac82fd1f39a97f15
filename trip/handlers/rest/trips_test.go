package rest

import (
	"encoding/json"
	"errors"
	"net/http"
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
	w.fails = fault.Invalidf("status", "%q is not a status", "NO")
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

func TestBook(t *testing.T) {
	w := newWorld()
	answer := ask(w.handler(), "POST", "/trips", goodBooking, "Idempotency-Key", "k1")
	trip := decoded[wire.Trip](t, answer)
	if answer.Code != http.StatusAccepted || trip.Status != "PENDING" || trip.ID == "" {
		t.Fatalf("answer %d %s", answer.Code, answer.Body)
	}
	if got := answer.Header().Get("Location"); got != "/trips/"+trip.ID {
		t.Errorf("Location %q", got)
	}
	if trip.Payment.CardToken != "tok_***" || strings.Contains(answer.Body.String(), "secret1") {
		t.Errorf("the card token is not masked: %s", answer.Body)
	}
}

func TestBookTwice(t *testing.T) {
	h := newWorld().handler()
	first := ask(h, "POST", "/trips", goodBooking, "Idempotency-Key", "k1")
	again := ask(h, "POST", "/trips", goodBooking, "Idempotency-Key", "k1")
	if again.Code != first.Code || again.Body.String() != first.Body.String() ||
		again.Header().Get("Location") != first.Header().Get("Location") {
		t.Errorf("the same key gave %d %s, then %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	other := strings.Replace(goodBooking, `"seats":2`, `"seats":3`, 1)
	wantProblem(t, ask(h, "POST", "/trips", other, "Idempotency-Key", "k1"), 409, fault.NameIdempotencyMismatch)
}

func TestBookRefusals(t *testing.T) {
	change := func(old, new string) string { return strings.Replace(goodBooking, old, new, 1) }
	for _, c := range []struct {
		name, body string
		status     int
		locations  []string
		message    string // in the first of them
	}{
		{"empty", ``, 400, nil, ""},
		{"no JSON", `{"traveler":`, 400, []string{"body"}, "not JSON"},
		{"two values", goodBooking + `{}`, 400, []string{"body"}, "more than one"},
		{"null", `null`, 422, []string{"body"}, "must be an object, is null"},
		{"null part", change(`{"number":"JL5","date":"2027-03-01","seats":2}`, `null`), 422, []string{"body.flight"}, "must be an object, is null"},
		{"null number", change(`"seats":2`, `"seats":null`), 422, []string{"body.flight.seats"}, "must be a whole number, is null"},
		{"null text", change(`"JPY"`, `null`), 422, []string{"body.currency"}, "must be a string, is null"},
		{"nothing in it", `{}`, 422, []string{
			"body.traveler.name", "body.traveler.email", "body.flight.number", "body.flight.date", "body.flight.seats",
			"body.hotel.id", "body.hotel.check_in", "body.hotel.check_out", "body.hotel.rooms", "body.payment.card_token",
			"body.currency",
		}, "0 characters"},
		{"twice", change(`"seats":2`, `"seats":1,"seats":9`), 400, []string{"body.flight.seats"}, `the member "seats" is there twice`},
		{"another case", change(`"seats":2`, `"seats":1,"SEATS":9`), 422, []string{"body.flight.SEATS"}, `it is written "seats"`},
		{"currency twice", change(`"currency"`, `"currency":"USD","currency"`), 400, []string{"body.currency"}, "twice"},
		{"not UTF-8", change("Ada", "a\xff\xfeb"), 400, []string{"body.traveler.name"}, "not valid UTF-8"},
		{"half a surrogate pair", change("Ada", `Ann\ud83d`), 400, []string{"body.traveler.name"}, "half of a surrogate pair"},
		{"overlong", change("Ada", "\xc0\xaf"), 400, []string{"body.traveler.name"}, "not valid UTF-8"},
		{"CESU-8", change("Ada", "\xed\xa0\xbd\xed\xb8\x80"), 400, []string{"body.traveler.name"}, "not valid UTF-8"},
		{"byte order mark", "\ufeff" + goodBooking, 400, []string{"body"}, "byte order mark"},
		{"too large a number", change(`"seats":2`, `"seats":1e400`), 422, []string{"body.flight.seats"}, "too large"},
		{"array", `[]`, 422, []string{"body"}, "must be an object, is a JSON array"},
		{"wrong type", change(`"seats":2`, `"seats":"2"`), 422, []string{"body.flight.seats"}, "must be a whole number, is a JSON string"},
		{"fraction", change(`"seats":2`, `"seats":2.5`), 422, []string{"body.flight.seats"}, "number 2.5"},
		{"unknown field", change(`"seats":2`, `"seats":2,"class":"Y"`), 422, []string{"body.flight.class"}, `unknown field "class", allowed are number, date, seats`},
		{"range", change(`"seats":2`, `"seats":10`), 422, []string{"body.flight.seats"}, "10 is out of range, allowed are 1 to 9"},
		{"several", strings.Replace(change(`"seats":2`, `"seats":0`), "2027-03-04", "2027-03-01", 1), 422,
			[]string{"body.flight.seats", "body.hotel.check_out"}, "0 is out of range"},
		{"card", change("tok_secret1", "4111111111111111"), 422, []string{"body.payment.card_token"}, "is not a card token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			p := wantProblem(t, ask(w.handler(), "POST", "/trips", c.body), c.status, fault.NameInvalid)
			var locations []string
			for _, e := range p.Errors {
				locations = append(locations, e.Location)
			}
			if !slices.Equal(locations, c.locations) {
				t.Errorf("problems at %q, want %q", locations, c.locations)
			}
			if len(p.Errors) > 0 && !strings.Contains(p.Errors[0].Message, c.message) {
				t.Errorf("message %q, want %q in it", p.Errors[0].Message, c.message)
			}
			if len(w.trips) > 0 {
				t.Error("a trip was made")
			}
			if strings.Contains(w.log.String()+p.Detail, "4111") {
				t.Error("a card number was repeated")
			}
		})
	}
}

func TestWholeNumbersAreWrittenInSeveralWays(t *testing.T) {
	for _, two := range []string{"2", "2.0", "2e0", "20e-1", "0.2E+1"} {
		answer := ask(newWorld().handler(), "POST", "/trips", strings.Replace(goodBooking, `"seats":2`, `"seats":`+two, 1))
		if trip := decoded[wire.Trip](t, answer); answer.Code != http.StatusAccepted || trip.Flight.Seats != 2 {
			t.Errorf("%s: answer %d %s", two, answer.Code, answer.Body)
		}
	}
}

func TestIdempotencyKeyIsBounded(t *testing.T) {
	h := newWorld().handler()
	for _, key := range []string{strings.Repeat("k", 201), "a b", "clé"} {
		p := wantProblem(t, ask(h, "POST", "/trips", goodBooking, "Idempotency-Key", key), 422, fault.NameInvalid)
		if len(p.Errors) != 1 || p.Errors[0].Location != "header.Idempotency-Key" ||
			!strings.Contains(p.Errors[0].Message, "1 to 200 visible ASCII characters") {
			t.Errorf("key %q: %+v", key, p.Errors)
		}
	}
	if w := ask(h, "POST", "/trips", goodBooking, "Idempotency-Key", strings.Repeat("~", 200)); w.Code != http.StatusAccepted {
		t.Errorf("a key of 200 characters: %d %s", w.Code, w.Body)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		name   string
	}{
		{fault.New(fault.Unavailable, fault.NameUnavailable, "busy"), 503, fault.NameUnavailable},
		{fault.New(fault.Unavailable, fault.NameThrottled, "too often"), 429, fault.NameThrottled},
		{fault.New(fault.Refused, fault.NameFlightUnavailable, "sold out"), 409, fault.NameFlightUnavailable},
		{fault.New(fault.Conflict, fault.NameConflict, "no"), 409, fault.NameConflict},
		{fault.New(fault.NotFound, fault.NameNotFound, "no"), 404, fault.NameNotFound},
		{fault.Invalidf("flight.date", "no"), 422, fault.NameInvalid},
		{fault.New(fault.Internal, fault.NameInternal, "disk password"), 500, fault.NameInternal},
		{errors.New("disk password"), 500, fault.NameInternal},
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
			w := newWorld()
			w.fails = c.err
			answer := ask(w.handler(), "POST", "/trips", goodBooking)
			wantProblem(t, answer, c.status, c.name)
			if got := answer.Header().Get("Retry-After") != ""; got != (c.status == 503 || c.status == 429) {
				t.Errorf("Retry-After %q", answer.Header().Get("Retry-After"))
			}
			if inside := c.status == 500; inside != strings.Contains(w.log.String(), "disk password") ||
				strings.Contains(answer.Body.String(), "disk password") {
				t.Errorf("answer %s, log %s", answer.Body, &w.log)
			}
			if strings.Contains(w.log.String(), "ada@") || strings.Contains(w.log.String(), "secret1") {
				t.Errorf("the log tells too much: %s", &w.log)
			}
		})
	}
}

func FuzzBookBody(f *testing.F) {
	for _, seed := range []string{
		goodBooking, ``, `null`, `[]`, `{"flight":{"seats":1e400}}`, `{"flight":[]}`, `{"a":1}`, goodBooking + goodBooking, "\xff{}",
		strings.Replace(goodBooking, `"seats":2`, `"seats":1,"seats":2`, 1), strings.Replace(goodBooking, "Ada", `\ud83d`, 1),
		strings.Replace(goodBooking, `"seats":2`, `"Seats":2.0`, 1), strings.Replace(goodBooking, `"JPY"`, "null", 1),
	} {
		f.Add(seed)
	}
	h := newWorld().handler()
	f.Fuzz(func(t *testing.T, body string) {
		switch w := ask(h, "POST", "/trips", body); w.Code {
		case 202, 400, 409, 413, 422:
		default:
			t.Errorf("answer %d %s", w.Code, w.Body)
		}
	})
}
