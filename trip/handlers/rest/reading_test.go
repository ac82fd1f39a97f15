package rest

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/trip/handlers"
	"tripsaga/trip/wire"
)

// TestQueriesHaveOneReading wants each problem to name its parameter.
func TestQueriesHaveOneReading(t *testing.T) {
	for target, want := range map[string]string{
		"/trips?limit=2&limit=3":               "query.limit: it is given more than once",
		"/trips?limit=2&limit=2":               "query.limit: it is given more than once",
		"/trips?limit=2&l%69mit=3":             "query.limit: it is given more than once",
		"/trips?status=FAILED&limit=2&status=": "query.status: it is given more than once",
		"/trips?%zz":                           "query: after % there must be two hexadecimal digits",
		"/trips?limit=%2":                      "query: after % there must be two hexadecimal digits",
		"/trips?limit=2;status=FAILED":         "query: parameters are separated by &",
		"/trips?cursor=%ff":                    "query: it is not UTF-8",
		"/trips?cursor=\xff":                   "query: it is not UTF-8",
		"/trips?limit=":                        "query.limit: it is empty",
		"/trips?limit":                         "query.limit: it is empty",
		"/trips?status=":                       "query.status: it is empty",
		"/trips?nope=1":                        "query.nope: unknown query parameter",
		"/trips?LIMIT=1":                       "query.LIMIT: unknown query parameter",
		"/trips?limit=2,3":                     "query.limit: ",
		"/trips?limit=0":                       "query.limit: ",
		"/trips?limit=1.0":                     "query.limit: must be a whole number in digits",
		"/trips?limit=%2B1":                    "query.limit: must be a whole number in digits",
		"/trips?limit=01":                      "query.limit: must be a whole number in digits",
		"/trips?limit=1&status=x":              "query.status: ",
		"/events?follow=0":                     "query.follow: must be true or false",
		"/events?follow=FALSE":                 "query.follow: must be true or false",
		"/inventory/flights?from=2027-03-04&to=2027-03-01":               "query.to: 2027-03-01 is before from, which is 2027-03-04",
		"/inventory/hotels?from=2027-03-04&to=2027-03-01":                "query.to: 2027-03-01 is before from, which is 2027-03-04",
		"/inventory/hotels?from=2027-03-01&from=2027-03-01":              "query.from: it is given more than once",
		"/inventory/hotels?from=2027-02-30":                              "query.from: ",
		"/events?follow=false&follow=true":                               "query.follow: it is given more than once",
		"/events?follow=maybe":                                           "query.follow: ",
		"/trips/0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a?x=1":                "query.x: unknown query parameter",
		"/trips/0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a/history?limit=1":    "query.limit: unknown query parameter",
		"/healthz?limit=1":                                               "query.limit: unknown query parameter",
		"/inventory/flights?from=2027-03-01&to=2027-03-01&to=2027-03-01": "query.to: it is given more than once",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
		w := httptest.NewRecorder()
		newWorld().handler().ServeHTTP(w, r)
		p := wantProblem(t, w, 422, fault.NameInvalid)
		if len(p.Errors) == 0 || !strings.HasPrefix(p.Errors[0].Location+": "+p.Errors[0].Message, want) {
			t.Errorf("%s: %+v, want %q", target, p.Errors, want)
		} else if len(p.Errors) == 1 && !strings.HasSuffix(p.Detail, p.Errors[0].Message) {
			t.Errorf("%s: detail %q, error %+v", target, p.Detail, p.Errors[0])
		}
	}
	if w := ask(newWorld().handler(), "GET", "/inventory/flights?from=2027-03-01&to=2027-03-01&", ""); w.Code != 200 {
		t.Errorf("one day: %d %s", w.Code, w.Body)
	}
}

// TestAddressesHaveOneSpelling wants problems, not the redirects of ServeMux with a page of HTML.
func TestAddressesHaveOneSpelling(t *testing.T) {
	for _, address := range []string{"//trips", "/./trips", "/trips/../trips", "/trips/.", "/trips/..", "/..", "/trips/", "*", ""} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = address
		w := httptest.NewRecorder()
		newWorld().handler().ServeHTTP(w, r)
		wantProblem(t, w, 404, fault.NameNotFound)
		if to := w.Header().Get("Location"); to != "" {
			t.Errorf("%q: Location %q", address, to)
		}
	}
}

func TestHeadersHaveOneReading(t *testing.T) {
	key := func(values ...string) http.Header { return http.Header{"Idempotency-Key": values} }
	for _, c := range []struct {
		header http.Header
		status int
	}{
		{key("k-1"), 202},
		{key("k-1", "k-1"), 422},
		{key("k-1", "k-2"), 422},
		{key("k-1, k-1"), 422},
		{key("k,1"), 422},
		{key(","), 422},
		{key(""), 422},
		{key(" "), 422},
		{key("", ""), 422},
		{key("\tk"), 422},
		{key("clé"), 422},
		{key("k\x00"), 422},
		{key(strings.Repeat("k", 201)), 422},
		{http.Header{"Content-Type": {"application/json", "application/json"}}, 415},
		{http.Header{"Content-Type": {"application/json", "text/plain"}}, 415},
		{http.Header{"Content-Type": {"application/json; charset=iso-8859-1"}}, 415},
		{http.Header{"Content-Type": {"application/json; charset=utf-16"}}, 415},
		{http.Header{"Content-Type": {"application/json; charset=utf-8; charset=latin1"}}, 415},
		{http.Header{"Content-Type": {`application/json; charset="UTF-8"`}}, 202},
		{http.Header{"Content-Encoding": {"gzip"}}, 415},
	} {
		r := httptest.NewRequest("POST", "/trips", strings.NewReader(goodBooking))
		r.Host = "localhost"
		r.Header = c.header
		if r.Header["Content-Type"] == nil {
			r.Header.Set("Content-Type", "application/json")
		}
		w := httptest.NewRecorder()
		guarded().ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%q: %d %s", c.header, w.Code, w.Body)
		}
		if c.status != 202 {
			wantProblem(t, w, c.status, fault.NameInvalid)
		}
	}
}

func TestIdsInCapitalsAreTheSame(t *testing.T) {
	w, h, id := booked(t)
	upper := strings.ToUpper(id)
	if trip := decoded[wire.TripDetails](t, ask(h, "GET", "/trips/"+upper, "")); trip.ID != id {
		t.Errorf("trip %s", trip.ID)
	}
	if got := decoded[wire.History](t, ask(h, "GET", "/trips/"+upper+"/history", "")); got.TripID != id {
		t.Errorf("history of %s", got.TripID)
	}
	if answer := ask(h, "POST", "/trips/"+upper+"/redrive", ""); answer.Header().Get("Location") != "/trips/"+id || w.redriven[0] != id {
		t.Errorf("redriven %s: %d %s", w.redriven, answer.Code, answer.Header())
	}
}

func TestAReplaySaysSo(t *testing.T) {
	h := newWorld().handler()
	for i, want := range []string{"", "true", "true"} {
		if got := ask(h, "POST", "/trips", goodBooking, "Idempotency-Key", "k1").Header()["Idempotent-Replayed"]; strings.Join(got, ",") != want {
			t.Errorf("request %d: Idempotent-Replayed %q, want %q", i+1, got, want)
		}
	}
	other := strings.Replace(goodBooking, `"seats":2`, `"seats":3`, 1)
	if got := ask(h, "POST", "/trips", other, "Idempotency-Key", "k1"); got.Code != 409 || got.Header()["Idempotent-Replayed"] != nil {
		t.Errorf("a conflict: %d %v", got.Code, got.Header())
	}
}

// TestEveryAnswerHasARequestID asks what is answered, what is refused, and what there is not.
func TestEveryAnswerHasARequestID(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range [][3]string{
		{"GET", "/healthz", ""}, {"POST", "/trips", goodBooking}, {"POST", "/trips", "{"}, {"GET", "/nope", ""}, {"PUT", "/trips", ""},
		{"GET", "/trips?limit=x", ""}, {"GET", "/openapi.json", ""}, {"POST", "/inventory", "x"}, {"GET", "/events?follow=false", ""},
	} {
		id := ask(guarded(), c[0], c[1], c[2], "Content-Type", "application/json").Header().Get("X-Request-Id")
		if len(id) < 16 || seen[id] {
			t.Errorf("%s %s: id %q", c[0], c[1], id)
		}
		seen[id] = true
	}
	if id := ask(guarded(), "GET", "/healthz", "", "Origin", "http://evil.example").Header().Get("X-Request-Id"); id == "" {
		t.Error("a refusal of the guard has no id")
	}
	for given, taken := range map[string]bool{"JKJaXmPLvHcESHA=": true, "a b": false, "x\n": false, strings.Repeat("x", 129): false, "é": false} {
		if id := ask(guarded(), "GET", "/healthz", "", "X-Request-Id", given).Header().Get("X-Request-Id"); (id == given) != taken {
			t.Errorf("given %q, answered %q", given, id)
		}
	}
}

func TestTheLogHasTheRequestID(t *testing.T) {
	w := newWorld()
	w.fails = fault.New(fault.Internal, fault.NameInternal, "broken")
	var logged string
	h := New(Deps{Book: w.book, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
	observed := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		begin(rw, r)
		logged = handlers.RequestID(r.Context())
		h.ServeHTTP(rw, r)
	})
	answer := ask(observed, "POST", "/trips", goodBooking)
	p := wantProblem(t, answer, 500, fault.NameInternal)
	if id := answer.Header().Get("X-Request-Id"); id != logged || !strings.HasSuffix(p.Detail, id) {
		t.Errorf("id %q, in the context %q, detail %q", id, logged, p.Detail)
	}
}
