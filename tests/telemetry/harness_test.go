// Package telemetry runs whole bookings and looks at everything that they tell: that no personal data are in it, and
// that one booking is one trace.
package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/local"
)

var begin = time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC)

// booking is the body of a request, with the card's token.
func booking(card string) string {
	return `{"traveler": {"name": "Ada Lovelace", "email": "ada@example.com"},
  "flight": {"number": "JL317", "date": "2027-03-15", "seats": 2},
  "hotel": {"id": "FUK-CANAL", "check_in": "2027-03-15", "check_out": "2027-03-17", "rooms": 1},
  "payment": {"card_token": "` + card + `"}, "currency": "JPY"}`
}

// open is a system in virtual time, that of the options if there is one, with the demo inventory. It is not closed.
func open(t *testing.T, opt local.Options) (*local.System, *sim.Virtual) {
	t.Helper()
	v, given := opt.Scheduler.(*sim.Virtual)
	if !given {
		v = sim.NewVirtual(begin)
	}
	opt.Scheduler = v
	sys, err := local.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sys.KeepDemoInventory(t.Context()); err != nil {
		t.Fatal(err)
	}
	return sys, v
}

func shut(t *testing.T, sys *local.System) {
	t.Helper()
	if err := sys.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

func request(t *testing.T, method, path, body string) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func serve(api http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w
}

func call(t *testing.T, api http.Handler, method, path, body string) *httptest.ResponseRecorder {
	return serve(api, request(t, method, path, body))
}

// dead starts nothing.
type dead struct{}

func (dead) Start(context.Context, string, string, json.RawMessage) error { return context.Canceled }

// book is the id of the trip that the API made.
func book(t *testing.T, api http.Handler, body string) string {
	t.Helper()
	w := call(t, api, "POST", "/trips", body)
	var trip struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &trip); err != nil || w.Code != http.StatusAccepted {
		t.Fatalf("POST /trips = %d %s, %v", w.Code, w.Body, err)
	}
	return trip.ID
}

// output is written to from any goroutine.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
