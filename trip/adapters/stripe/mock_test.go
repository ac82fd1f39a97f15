package stripe

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/adapters/stripe/stripemock"
	"tripsaga/trip/domain"
)

// recorder notes the kinds of requests that are sent.
type recorder struct {
	mu   sync.Mutex
	seen []string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	if len(parts) > 2 {
		parts[2] = "ID"
	}
	r.mu.Lock()
	r.seen = append(r.seen, req.Method+" "+strings.Join(parts, "/"))
	r.mu.Unlock()
	return http.DefaultTransport.RoundTrip(req)
}

// TestStripeAcceptsEveryRequest of the form in which they are sent. The mock has no state, so that its answers are not
// judged beyond that.
func TestStripeAcceptsEveryRequest(t *testing.T) {
	seen := &recorder{}
	p, err := New(Options{Key: key, BaseURL: stripemock.Start(t, stripemock.Charged), HTTP: seen})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	id := create(t, p)
	confirm(t, p, id)
	for name, call := range map[string]func() error{
		"confirm of a token": func() error { _, err := p.Confirm(ctx, id, "tok_visa"); return err },
		"cancel":             func() error { _, err := p.Cancel(ctx, id); return err },
		"refund": func() error {
			_, err := p.Refund(ctx, id, "reference", money.Amount{Minor: 10, Currency: "JPY"})
			return err
		},
		"get": func() error { _, err := p.Get(ctx, id); return err },
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	slices.Sort(seen.seen)
	want := []string{
		"GET v1/payment_intents/ID", "GET v1/refunds", "POST v1/payment_intents", "POST v1/payment_intents/ID/cancel",
		"POST v1/payment_intents/ID/confirm", "POST v1/payment_methods", "POST v1/refunds",
	}
	if got := slices.Compact(seen.seen); !slices.Equal(got, want) {
		t.Errorf("requests of the kinds %q, want %q", got, want)
	}
}

// TestTheMocksOwnFixture is an intent without a card, even after it was confirmed and cancelled. The answers are those of
// the table: it was declined, and it is not known to be cancelled.
func TestTheMocksOwnFixture(t *testing.T) {
	p, err := New(Options{Key: key, BaseURL: stripemock.Start(t, stripemock.Own)})
	if err != nil {
		t.Fatal(err)
	}
	id := create(t, p)
	if _, err := p.Confirm(t.Context(), id, "pm_card_visa"); !fault.Is(err, fault.NamePaymentDeclined) {
		t.Errorf("confirm: %v", err)
	}
	if _, err := p.Cancel(t.Context(), id); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("cancel: %v", err)
	}
	if in, err := p.Get(t.Context(), id); err != nil || in.Status != domain.IntentOpen {
		t.Errorf("get: %+v, %v", in, err)
	}
}
