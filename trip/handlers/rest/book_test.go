package rest

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/trip/wire"
)

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
		{"card", change("tok_secret1", "4111111111111111"), 422, []string{"body.payment.card_token"}, "no card token"},
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
			if got := answer.Header().Get("Retry-After") != ""; got != (c.status == 503) {
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
