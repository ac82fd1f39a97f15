package trial

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"tripsaga/aws/functions"
	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// tryAPI calls the API as API Gateway does: requests that need no trip, requests that it must refuse, and a booking with a
// card that is declined, which the saga in use books and compensates, and which cannot be cancelled then.
func (a *attempt) tryAPI(ctx context.Context) error {
	for _, c := range refusals {
		if err := a.expect(ctx, c); err != nil {
			return err
		}
	}
	if err := a.bookOverAPI(ctx); err != nil {
		return err
	}
	if err := a.follow(ctx); err != nil {
		return err
	}
	got, _, err := a.standing(ctx)
	if want := declined(); err == nil && !got.equal(want) {
		err = fmt.Errorf("after the saga the records are %+v, want %+v", got, want)
	}
	if err == nil {
		err = a.expect(ctx, exchange{method: http.MethodPost, path: "/trips/" + a.trip.id + "/cancel", body: `{}`,
			status: http.StatusConflict, name: fault.NameNotCancellable})
	}
	return errors.Join(err, a.allBack(ctx))
}

// exchange is a request and its expected answer.
type exchange struct {
	method, path, body string
	status             int
	name, location     string // of the problem
}

// refusals are the requests that need no trip.
var refusals = []exchange{
	{method: http.MethodGet, path: "/healthz", status: http.StatusOK},
	{method: http.MethodGet, path: "/openapi.json", status: http.StatusOK},
	{method: http.MethodPost, path: "/trips", body: `{`, status: http.StatusBadRequest, name: fault.NameInvalid, location: "body"},
	{method: http.MethodPost, path: "/trips", body: `{"currency":"USD"}`, status: http.StatusUnprocessableEntity,
		name: fault.NameInvalid, location: "body.flight.number"},
	{method: http.MethodGet, path: "/trips/" + nobody, status: http.StatusNotFound, name: fault.NameNotFound},
	{method: http.MethodGet, path: "/trips/" + nobody + "/cancellation-quote", status: http.StatusNotFound, name: fault.NameNotFound},
	{method: http.MethodPost, path: "/trips/" + nobody + "/cancel", body: `{}`, status: http.StatusNotFound, name: fault.NameNotFound},
}

var nobody = ident.Derive("trip", "of nobody")

func (a *attempt) expect(ctx context.Context, e exchange) error {
	r, err := a.http(ctx, e.method, e.path, e.body, false)
	if err == nil && r.status != e.status {
		err = fmt.Errorf("status %d, want %d: %.300s", r.status, e.status, r.body)
	}
	if err == nil {
		err = e.problem(r.body)
	}
	if err != nil {
		return fmt.Errorf("%s %s %s: %w", e.method, e.path, e.body, err)
	}
	return nil
}

// problem requires an object and, if the request is refused, the problem with this name and location.
func (e exchange) problem(body []byte) error {
	var got struct {
		Name   string
		Errors []struct{ Location string }
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("the answer %.100q: %w", body, err)
	}
	found := e.location == ""
	for _, at := range got.Errors {
		found = found || at.Location == e.location
	}
	if got.Name != e.name || !found {
		return fmt.Errorf("the answer is %.300s, want the problem %s at %q", body, e.name, e.location)
	}
	return nil
}

// seenTrip is the part of a trip that the trial reads.
type seenTrip struct {
	ID     string        `json:"id"`
	Status domain.Status `json:"status"`
	Reason domain.Reason `json:"reason"`
}

// bookOverAPI books at the new version and repeats the request at the version in use: the idempotency key must make it
// the same trip.
func (a *attempt) bookOverAPI(ctx context.Context) error {
	if err := a.plan(ctx, true); err != nil {
		return err
	}
	if err := a.offer(ctx); err != nil {
		return err
	}
	body, err := json.Marshal(a.request(a.flight(), cardDeclined))
	if err != nil {
		return err
	}
	for _, inUse := range []bool{false, true} {
		r, err := a.http(ctx, http.MethodPost, "/trips", string(body), inUse)
		var trip seenTrip
		if err == nil {
			err = json.Unmarshal(r.body, &trip)
		}
		if err == nil && (r.status != http.StatusAccepted || trip.ID != a.trip.id) {
			err = fmt.Errorf("status %d: %.300s; want %d and trip %s", r.status, r.body, http.StatusAccepted, a.trip.id)
		}
		if err != nil {
			return fmt.Errorf("POST /trips: %w", err)
		}
	}
	return nil
}

// follow waits for the end of the trip.
func (a *attempt) follow(ctx context.Context) error {
	for {
		r, err := a.http(ctx, http.MethodGet, "/trips/"+a.trip.id, "", false)
		var trip seenTrip
		switch {
		case err == nil && r.status == http.StatusOK:
			err = json.Unmarshal(r.body, &trip)
		case err == nil && r.status != http.StatusServiceUnavailable: // 503: Step Functions throttles, poll again
			err = fmt.Errorf("status %d: %.300s", r.status, r.body)
		}
		if err == nil && trip.Status != domain.Pending && trip.Status != "" {
			return trip.ended()
		}
		if err != nil || !pause(ctx, firstPause) {
			return fmt.Errorf("GET /trips/%s: %w", a.trip.id, errors.Join(err, ctx.Err()))
		}
	}
}

func (t seenTrip) ended() error {
	if t.Status != domain.Failed || t.Reason.Name != fault.NamePaymentDeclined {
		return fmt.Errorf("the trip whose card is declined is %s: %s", t.Status, t.Reason.Name)
	}
	return nil
}

// response is an answer of the API.
type response struct {
	status int
	body   []byte
}

// http sends a request as an HTTP API of API Gateway does, payload version 2.0.
func (a *attempt) http(ctx context.Context, method, path, body string, inUse bool) (r response, err error) {
	payload, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": path, "body": body,
		"headers": map[string]string{"content-type": "application/json", "idempotency-key": a.hook, "host": "pre-traffic"},
		"requestContext": map[string]any{
			"stage": "$default", "domainName": "pre-traffic", "http": map[string]string{"method": method, "path": path, "sourceIp": "127.0.0.1"},
		},
	})
	if err != nil {
		return r, err
	}
	reply, err := a.call(ctx, functions.API, inUse, payload)
	if err != nil {
		return r, err
	}
	var answer struct {
		StatusCode      int
		Body            string
		IsBase64Encoded bool
	}
	if err := json.Unmarshal(reply, &answer); err != nil {
		return r, fmt.Errorf("it answers %.300q: %w", reply, err)
	}
	r = response{answer.StatusCode, []byte(answer.Body)}
	if answer.IsBase64Encoded {
		r.body, err = base64.StdEncoding.DecodeString(answer.Body)
	}
	return r, err
}

// declined is the standing after a declined payment: the pivot is refused, and all steps before it are compensated.
func declined() standing {
	s := standing{trip: domain.Failed}
	for _, step := range saga.Booking().Steps() {
		switch {
		case step.Pivot:
			return s.with(step.Record, domain.StepRefused)
		case step.Compensation != "":
			s = s.with(step.Record, domain.StepUndone)
		}
	}
	return s
}
