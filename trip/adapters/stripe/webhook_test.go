package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/adapters/stripe/stripedouble"
	"tripsaga/trip/domain"
)

const hookSecret = "whsec_test"

// hints are a handler of events, and the trips that it was hinted at.
type hints struct {
	http.Handler
	trips []string
	err   error
}

func newHints(t *testing.T) *hints {
	t.Helper()
	h := &hints{}
	var err error
	h.Handler, err = Webhook(hookSecret, func(_ context.Context, trip string) error {
		h.trips = append(h.trips, trip)
		return h.err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hints) get(r *http.Request) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

const event = `{"id":"evt_1","object":"event","api_version":"2019-01-01","type":"payment_intent.succeeded",
	"data":{"object":{"id":"pi_1","object":"payment_intent","metadata":{"trip_id":"trip 1"}}}}`

func request(body, signature string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
	r.Header.Set("Stripe-Signature", signature)
	return r
}

func TestEventsWithoutATrueSignatureAreRefused(t *testing.T) {
	now := time.Now()
	good := stripedouble.Sign([]byte(event), hookSecret, now)
	huge := event + strings.Repeat(" ", 64<<10)
	other := strings.Replace(event, "trip 1", "trip 2", 1)
	tests := []struct {
		name, body, signature string
		want                  int
	}{
		{"good", event, good, 204},
		{"no signature", event, "", 400},
		{"no format", event, "t=,v1=zz", 400},
		{"of another secret", event, stripedouble.Sign([]byte(event), "whsec_other", now), 400},
		{"of another body", other, good, 400},
		{"of another time", event, strings.Replace(good, "t=", "t=1", 1), 400},
		{"old", event, stripedouble.Sign([]byte(event), hookSecret, now.Add(-6*time.Minute)), 400},
		{"almost old", event, stripedouble.Sign([]byte(event), hookSecret, now.Add(-4*time.Minute)), 204},
		{"huge", huge, stripedouble.Sign([]byte(huge), hookSecret, now), 413},
		{"no JSON", "event", stripedouble.Sign([]byte("event"), hookSecret, now), 400},
		{"no event", `{"object":"charge"}`, stripedouble.Sign([]byte(`{"object":"charge"}`), hookSecret, now), 400},
		{"no data", `{"object":"event"}`, stripedouble.Sign([]byte(`{"object":"event"}`), hookSecret, now), 400},
	}
	for _, tt := range tests {
		h := newHints(t)
		got := h.get(request(tt.body, tt.signature))
		if got != tt.want || (len(h.trips) > 0) != (tt.want == 204) {
			t.Errorf("%s: %d, hints %q, want %d", tt.name, got, h.trips, tt.want)
		}
	}
	h := newHints(t)
	if got := h.get(httptest.NewRequest(http.MethodGet, "/webhooks/stripe", nil)); got != 405 {
		t.Errorf("GET: %d", got)
	}
}

func TestEventsOfOthers(t *testing.T) {
	for name, object := range map[string]string{
		"no metadata": `{"id":"pi_1"}`, "another's metadata": `{"metadata":{"order":"7"}}`, "metadata of another type": `{"metadata":7}`,
	} {
		body := fmt.Sprintf(`{"object":"event","type":"x","data":{"object":%s}}`, object)
		h := newHints(t)
		if got := h.get(request(body, stripedouble.Sign([]byte(body), hookSecret, time.Now()))); got != 204 || len(h.trips) > 0 {
			t.Errorf("%s: %d, hints %q", name, got, h.trips)
		}
	}
}

// TestAnswersToHints: Stripe repeats what could not be looked at, and nothing else.
func TestAnswersToHints(t *testing.T) {
	for want, err := range map[int]error{
		204: fault.New(fault.NotFound, fault.NameNotFound, "no trip"),
		503: fault.New(fault.Unavailable, fault.NameUnavailable, "later"),
		500: errors.New("a fault"),
	} {
		h := newHints(t)
		h.err = err
		if got := h.get(request(event, stripedouble.Sign([]byte(event), hookSecret, time.Now()))); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}

// TestEventsOfABooking names the trip in all events of an intent and its charge, old API version or not.
func TestEventsOfABooking(t *testing.T) {
	p, double, _ := open(t)
	h := newHints(t)
	var events []stripedouble.Event
	double.OnEvent = func(e stripedouble.Event) { events = append(events, e) }
	id := create(t, p)
	p.Confirm(t.Context(), id, "pm_card_chargeDeclined")
	confirm(t, p, id)
	if _, err := p.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	id, err := p.Create(t.Context(), "key 2", domain.PaymentOrder{Reference: "trip", Amount: price})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(events)
	var silent []string
	for _, e := range append(events, events...) { // late, out of order, twice
		before := len(h.trips)
		if got := h.get(e.Request("/webhooks/stripe", hookSecret, time.Now())); got != 204 {
			t.Errorf("%s: %d", e.Type, got)
		}
		if len(h.trips) == before {
			silent = append(silent, e.Type)
		}
	}
	if want := []string{"refund.created", "refund.created"}; !slices.Equal(silent, want) { // charge.refunded comes with it
		t.Errorf("no hints from %q, want from %q alone", silent, want)
	}
	if h.trips = slices.Compact(h.trips); !slices.Equal(h.trips, []string{"trip"}) {
		t.Errorf("hints %q", h.trips)
	}
}

func TestSecrets(t *testing.T) {
	for secret, ok := range map[string]bool{"whsec_1": true, "": false, "sk_test_5ecret": false, "whsec_5ecret\n": false, "whsec_": false, "whsec_a b": false} {
		_, err := Webhook(secret, nil)
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), "5ecret") {
			t.Errorf("%q: %v", secret, err)
		}
	}
}
