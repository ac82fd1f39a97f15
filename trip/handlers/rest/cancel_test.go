package rest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// paid is a world with a trip that is confirmed.
func paid(t *testing.T) (w *world, h http.Handler, id string) {
	t.Helper()
	w, h, id = booked(t)
	if _, err := w.trips[id].Confirm(yen(50000), noon); err != nil {
		t.Fatal(err)
	}
	return w, h, id
}

func TestCancel(t *testing.T) {
	w, h, id := paid(t)
	answer := ask(h, "POST", "/trips/"+strings.ToUpper(id)+"/cancel", `{"reason":"plans changed"}`, "Idempotency-Key", "k2")
	trip := decoded[wire.Trip](t, answer)
	want := wire.Cancellation{Requested: noon, Reason: "plans changed", FeePercent: 20, Fee: yen(10000), Refund: yen(40000)}
	if answer.Code != 202 || trip.Status != domain.Cancelling || trip.Cancellation != want || answer.Header().Get("Location") != "/trips/"+id {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if want := []app.CancelRequest{{Key: "k2", Reason: "plans changed"}}; !reflect.DeepEqual(w.cancels, want) {
		t.Errorf("requested %+v, want %+v", w.cancels, want)
	}
	wantProblem(t, ask(h, "POST", "/trips/"+id+"/cancel", `{"reason":"another"}`, "Idempotency-Key", "k2"), 409, fault.NameIdempotencyMismatch)
	if _, err := w.trips[id].Cancel(noon); err != nil {
		t.Fatal(err)
	}
	answer = ask(h, "POST", "/trips/"+id+"/cancel", "")
	if trip := decoded[wire.Trip](t, answer); answer.Code != 200 || trip.Status != domain.Cancelled || trip.Cancellation != want {
		t.Errorf("twice: %d %s", answer.Code, answer.Body)
	}
}

// TestCancelWithoutABody accepts a missing body, an empty one and an empty object alike.
func TestCancelWithoutABody(t *testing.T) {
	for _, body := range []string{"", "{}", " {} "} {
		w, h, id := paid(t)
		if answer := ask(h, "POST", "/trips/"+id+"/cancel", body); answer.Code != 202 || !reflect.DeepEqual(w.cancels[0], app.CancelRequest{}) {
			t.Errorf("%q: %d %s, %+v", body, answer.Code, answer.Body, w.cancels)
		}
	}
	_, h, id := paid(t)
	r := ask(h, "POST", "/trips/"+id+"/cancel", "", "Content-Type", "text/plain")
	if r.Code != 202 {
		t.Errorf("without a body the type does not matter: %d %s", r.Code, r.Body)
	}
}

func TestCancelRefusals(t *testing.T) {
	_, h, id := paid(t)
	cancel := "/trips/" + id + "/cancel"
	for body, want := range map[string]string{
		`{"reason":""}`:        "body.reason",
		`{"reason":null}`:      "body.reason",
		`{"reason":7}`:         "body.reason",
		`{"reason":"\\u0000"}`: "body.reason",
		`{"Reason":"x"}`:       "body.Reason",
		`{"why":"x"}`:          "body.why",
		`[]`:                   "body",
		`"plans changed"`:      "body",
		`null`:                 "body",

		`{"max_fee_minor":-1,"currency":"JPY"}`:   "body.max_fee_minor",
		`{"max_fee_minor":1.5,"currency":"JPY"}`:  "body.max_fee_minor",
		`{"max_fee_minor":"5","currency":"JPY"}`:  "body.max_fee_minor",
		`{"max_fee_minor":null,"currency":"JPY"}`: "body.max_fee_minor",
		`{"max_fee_minor":1e30,"currency":"JPY"}`: "body.max_fee_minor",
		`{"currency":"JPY"}`:                      "body.max_fee_minor",
		`{"max_fee_minor":5}`:                     "body.currency",
		`{"max_fee_minor":5,"currency":""}`:       "body.currency",
		`{"max_fee_minor":5,"currency":null}`:     "body.currency",
		`{"max_fee_minor":5,"currency":"XXQ"}`:    "body.currency",
		`{"max_fee_minor":5,"currency":"USD"}`:    "body.currency",
	} {
		p := wantProblem(t, ask(h, "POST", cancel, strings.ReplaceAll(body, `\\`, `\`)), 422, fault.NameInvalid)
		if len(p.Errors) != 1 || p.Errors[0].Location != want || p.Errors[0].Value != nil {
			t.Errorf("%s: %+v, want %s", body, p.Errors, want)
		}
	}
	for _, body := range []string{`{`, `{"reason":"a","reason":"b"}`, "{\"reason\":\"\xff\"}", `{"reason":"\ud800"}`, `{} {}`, ` `} {
		wantProblem(t, ask(h, "POST", cancel, body), 400, fault.NameInvalid)
	}
	for _, key := range []string{"", "a,b", "a b", "clé", strings.Repeat("k", 201)} {
		p := wantProblem(t, ask(h, "POST", cancel, "", "Idempotency-Key", key), 422, fault.NameInvalid)
		if len(p.Errors) == 0 || p.Errors[0].Location != "header.Idempotency-Key" {
			t.Errorf("key %q: %+v", key, p.Errors)
		}
	}
	wantProblem(t, ask(h, "POST", cancel, `{}`, "Content-Type", "text/plain"), 415, fault.NameInvalid)
	wantProblem(t, ask(h, "POST", cancel, `{"reason":"`+strings.Repeat("x", maxBody)+`"}`), 413, fault.NameInvalid)
	wantProblem(t, ask(h, "POST", cancel+"?reason=x", ""), 422, fault.NameInvalid)
	wantProblem(t, ask(h, "POST", "/trips/x/cancel", ""), 422, fault.NameInvalid)
	wantProblem(t, ask(h, "POST", "/trips/"+someID+"/cancel", ""), 404, fault.NameNotFound)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if answer := ask(h, method, cancel, ""); answer.Code != 405 || answer.Header().Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow %q", method, answer.Code, answer.Header().Get("Allow"))
		}
	}
	wantProblem(t, ask(Guard(h, nil), "POST", cancel, "", "Origin", "http://evil.example"), 403, nameForbidden)
}

// TestMaxFee refuses a fee that is higher than the client accepts, with the present quote, and changes nothing. A repeated
// request is answered as before, whatever it accepts.
func TestMaxFee(t *testing.T) {
	w, h, id := paid(t)
	cancel := func(max string) *httptest.ResponseRecorder {
		return ask(h, "POST", "/trips/"+id+"/cancel", `{"max_fee_minor":`+max+`,"currency":"JPY"}`)
	}
	before := w.trips[id].Snapshot()
	for _, max := range []string{"0", "9999"} {
		p := wantProblem(t, cancel(max), 409, fault.NameFeeTooHigh)
		quote := decoded[wire.Quote](t, ask(h, "GET", "/trips/"+id+"/cancellation-quote", ""))
		if !reflect.DeepEqual(p.Quote, &quote) || !strings.Contains(p.Detail, "10,000 JPY") {
			t.Errorf("%+v", p)
		}
	}
	if after := w.trips[id].Snapshot(); !reflect.DeepEqual(before, after) {
		t.Errorf("changed to %+v", after)
	}
	for _, max := range []string{"10000", "9999"} {
		if answer := cancel(max); answer.Code != 202 || decoded[wire.Trip](t, answer).Cancellation.Fee != yen(10000) {
			t.Errorf("%s: %d %s", max, answer.Code, answer.Body)
		}
	}
}

// TestMaxFeeOfATripThatIsNotConfirmed: its fee is not known.
func TestMaxFeeOfATripThatIsNotConfirmed(t *testing.T) {
	_, h, id := booked(t)
	p := wantProblem(t, ask(h, "POST", "/trips/"+id+"/cancel", `{"max_fee_minor":1000000,"currency":"JPY"}`), 409, fault.NameFeeTooHigh)
	if p.Quote == nil || !strings.Contains(p.Detail, "PENDING") {
		t.Errorf("%+v", p)
	}
}

func TestCancelOfAFailedTrip(t *testing.T) {
	w, h, id := booked(t)
	if _, err := w.trips[id].Fail(domain.Reason{Name: fault.NamePaymentDeclined}, noon); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, ask(h, "POST", "/trips/"+id+"/cancel", ""), 409, fault.NameNotCancellable)
}

// TestTheFeeOfAQuote is absent where no cancellation has one.
func TestTheFeeOfAQuote(t *testing.T) {
	pending, accepted := &domain.Trip{}, domain.RestoreTrip(domain.Snapshot{Cancellation: domain.Cancellation{Requested: noon}})
	for name, tt := range map[string]struct {
		quote app.Quote
		has   bool
	}{
		"cancellable": {app.Quote{Trip: pending, Cancellable: true}, true},
		"accepted":    {app.Quote{Trip: accepted}, true},
		"too late":    {app.Quote{Trip: pending, Why: "departed"}, false},
	} {
		if text, err := json.Marshal(viewQuote(tt.quote)); err != nil || strings.Contains(string(text), `"fee_percent"`) != tt.has {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

func TestQuote(t *testing.T) {
	_, h, id := paid(t)
	answer := ask(h, "GET", "/trips/"+id+"/cancellation-quote", "")
	percent := 20
	want := wire.Quote{
		TripID: id, Status: domain.Confirmed, Cancellable: true, Departs: noon, Total: yen(50000), FeePercent: &percent, Fee: yen(10000), Refund: yen(40000),
		Policy: wire.Policy{Tiers: []wire.Tier{{Hours: 168}, {Hours: 48, FeePercent: 20}, {FeePercent: 50}}},
	}
	if got := decoded[wire.Quote](t, answer); answer.Code != 200 || !reflect.DeepEqual(got, want) {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	wantProblem(t, ask(h, "GET", "/trips/"+someID+"/cancellation-quote", ""), 404, fault.NameNotFound)
	wantProblem(t, ask(h, "GET", "/trips/"+id+"/cancellation-quote?at=now", ""), 422, fault.NameInvalid)
	wantProblem(t, ask(h, "POST", "/trips/"+id+"/cancellation-quote", ""), 405, nameMethodNotAllowed)
}

// TestTheSecondSaga reads and redrives the present saga of a trip that is cancelled; the first one stays readable.
func TestTheSecondSaga(t *testing.T) {
	w, h, id := paid(t)
	first := decoded[wire.History](t, ask(h, "GET", "/trips/"+id+"/history", ""))
	if got := decoded[wire.TripDetails](t, ask(h, "GET", "/trips/"+id, "")); got.Saga.Name != domain.BookingSaga || first.Saga != domain.BookingSaga {
		t.Errorf("before: %+v, history of %q", got.Saga, first.Saga)
	}
	wantProblem(t, ask(h, "GET", "/trips/"+id+"/history?saga=cancellation", ""), 404, fault.NameNotFound)
	ask(h, "POST", "/trips/"+id+"/cancel", "")
	p := wantProblem(t, ask(h, "GET", "/trips/"+id+"/history", ""), 404, fault.NameNotFound)
	if !strings.Contains(p.Detail, "the cancellation of trip "+id+" has not started") {
		t.Errorf("detail %q", p.Detail)
	}
	if got := decoded[wire.TripDetails](t, ask(h, "GET", "/trips/"+id, "")); got.Saga.Name != domain.CancellationSaga || got.Saga.Status != "RUNNING" {
		t.Errorf("before the second saga has started: %+v", got.Saga)
	}
	key := execution(domain.CancellationSaga, id)
	w.progress[key] = app.Progress{Status: "FAILED", State: "RefundBooking", Started: noon, Stopped: noon}
	w.history[key] = w.history[id][:1]
	w.trips[id].MarkNeedsAttention(domain.CancellationSaga, domain.Reason{Name: "X"}, noon)
	if got := decoded[wire.TripDetails](t, ask(h, "GET", "/trips/"+id, "")); got.Saga == nil || got.Saga.Name != domain.CancellationSaga || got.Saga.FailedState != "RefundBooking" {
		t.Errorf("saga %+v", got.Saga)
	}
	if got := decoded[wire.History](t, ask(h, "GET", "/trips/"+id+"/history", "")); got.Saga != domain.CancellationSaga || len(got.Events) != 1 {
		t.Errorf("history %+v", got)
	}
	if got := decoded[wire.History](t, ask(h, "GET", "/trips/"+id+"/history?saga=booking", "")); !reflect.DeepEqual(got, first) {
		t.Errorf("the booking's history %+v", got)
	}
	wantProblem(t, ask(h, "GET", "/trips/"+id+"/history?saga=other", ""), 422, fault.NameInvalid)
	if answer := ask(h, "POST", "/trips/"+id+"/redrive", ""); answer.Code != 202 || w.redriven[0] != key {
		t.Errorf("%d, redriven %q", answer.Code, w.redriven)
	}
}

// TestCancellationIsDescribed: the body may be missing, has no other members, and both successes are there.
func TestCancellationIsDescribed(t *testing.T) {
	doc := decoded[struct {
		Paths map[string]map[string]struct {
			RequestBody struct{ Required bool }
			Responses   map[string]any
		}
		Components struct {
			Schemas map[string]struct {
				AdditionalProperties *bool
				DependentRequired    map[string][]string
			}
		}
	}](t, ask(newWorld().handler(), "GET", "/openapi.json", ""))
	op := doc.Paths["/trips/{id}/cancel"]["post"]
	body := doc.Components.Schemas["CancelBody"]
	together := map[string][]string{"max_fee_minor": {"currency"}, "currency": {"max_fee_minor"}}
	if op.RequestBody.Required || op.Responses["200"] == nil || op.Responses["202"] == nil || body.AdditionalProperties == nil ||
		*body.AdditionalProperties || !reflect.DeepEqual(body.DependentRequired, together) {
		t.Errorf("%+v, body %+v", op, body)
	}
}
