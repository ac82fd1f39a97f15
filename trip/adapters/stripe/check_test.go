package stripe

import (
	"io"
	"net/http"
	"strings"
	"testing"

	stripego "github.com/stripe/stripe-go/v85"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// fixed answers every call with a body and perhaps a header.
type fixed struct{ body, header string }

func (f fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	h := http.Header{}
	if f.header != "" {
		h.Set(f.header, "true")
	}
	return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(strings.NewReader(f.body)), Request: r}, nil
}

// answering returns a provider whose every call is answered so.
func answering(t *testing.T, body, header string) *Provider {
	t.Helper()
	p, err := New(Options{Key: key, BaseURL: "http://127.0.0.1:1", HTTP: fixed{body, header}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAnIntentThatWasNotAskedFor is not used.
func TestAnIntentThatWasNotAskedFor(t *testing.T) {
	const right = `{"id":"pi_1","amount":2500,"currency":"jpy","status":"requires_payment_method","metadata":{"trip_id":"trip"}}`
	for _, tt := range []struct{ from, to, header, want string }{
		{"", "", "", ""},
		{"2500", "1", "", "amount"},
		{"jpy", "usd", "", "currency"},
		{`"trip"`, `"another"`, "", "metadata"},
		{`{"trip_id":"trip"}`, `null`, "", "metadata"},
		{"requires_payment_method", "succeeded", "", "status"},
		{"requires_payment_method", "succeeded", replayed, ""},
		{"2500", "1", replayed, "amount"},
		{"2500", "1", "Stripe-Mock-Version", ""}, // it has no state
	} {
		p := answering(t, strings.Replace(right, tt.from, tt.to, 1), tt.header)
		id, err := p.Create(t.Context(), "key", domain.PaymentOrder{Reference: "trip", Amount: price})
		if tt.want == "" && (id != "pi_1" || err != nil) {
			t.Errorf("%+v: %q, %v", tt, id, err)
		}
		if tt.want != "" && (id != "" || fault.KindOf(err) != fault.Conflict || !fault.Is(err, fault.NameConflict) ||
			!strings.Contains(err.Error(), "another "+tt.want) || !strings.Contains(err.Error(), "pi_1")) {
			t.Errorf("%+v: %q, %v", tt, id, err)
		}
	}
	p := answering(t, strings.Replace(right, "2500", "1", 1), "Stripe-Mock-Version")
	p.elsewhere = false
	if _, err := p.Create(t.Context(), "key", domain.PaymentOrder{Reference: "trip", Amount: price}); err == nil {
		t.Error("Stripe itself is believed to be a mock")
	}
}

// TestAnotherAmountOrPaymentThanAskedFor is final, whichever call is answered so.
func TestAnotherAmountOrPaymentThanAskedFor(t *testing.T) {
	const paid = `{"id":"pi_1","amount":2500,"amount_received":2500,"currency":"jpy","status":"succeeded","latest_charge":"ch_1"}`
	if charge, err := answering(t, paid, "").Confirm(t.Context(), "pi_1", "pm_card_visa"); charge != "ch_1" || err != nil {
		t.Fatal(charge, err)
	}
	for _, body := range []string{
		strings.Replace(paid, `received":2500`, `received":1`, 1), strings.Replace(paid, `received":2500`, `received":2501`, 1),
		strings.Replace(paid, `"amount_received":2500,`, "", 1), strings.Replace(paid, "pi_1", "pi_2", 1),
	} {
		p := answering(t, body, "")
		charge, err := p.Confirm(t.Context(), "pi_1", "pm_card_visa")
		if charge != "" || fault.KindOf(err) != fault.Conflict || !fault.Is(err, fault.NameConflict) || !strings.Contains(err.Error(), "check") {
			t.Errorf("%s: %q, %v", body, charge, err)
		}
	}
	other := answering(t, strings.Replace(paid, "pi_1", "pi_2", 1), "")
	if _, err := other.Cancel(t.Context(), "pi_1"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("cancel: %v", err)
	}
	if _, err := other.Get(t.Context(), "pi_1"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("get: %v", err)
	}
}

// TestAnswersWithoutContent leave the outcome unknown: the call is tried again, and no id is recorded.
func TestAnswersWithoutContent(t *testing.T) {
	part := money.Amount{Minor: 10, Currency: "JPY"}
	for _, body := range []string{
		`{}`, `null`, `[]`, `""`, `{"id":""}`, `{"id":"pi_","amount":2500,"currency":"jpy","status":"succeeded"}`,
		`{"id":"ch_1","amount":2500,"currency":"jpy","status":"succeeded"}`, `{"id":"pi_1"}`,
		`{"id":"pi_1","amount":2500,"currency":"jpy"}`, `{"id":"pi_1","currency":"jpy","status":"succeeded"}`,
		`{"id":"pi_1","amount":2500,"status":"succeeded"}`,
		`{"id":"pi_` + strings.Repeat("x", maxID) + `","amount":2500,"currency":"jpy","status":"succeeded"}`,
	} {
		p := answering(t, body, "")
		ctx := t.Context()
		for name, call := range map[string]func() (string, error){
			"create": func() (string, error) {
				return p.Create(ctx, "key", domain.PaymentOrder{Reference: "trip", Amount: price})
			},
			"confirm": func() (string, error) { return p.Confirm(ctx, "pi_1", "pm_card_visa") },
			"cancel":  func() (string, error) { return p.Cancel(ctx, "pi_1") },
			"refund":  func() (string, error) { return p.Refund(ctx, "pi_1", "reference", part) },
			"get":     func() (string, error) { in, err := p.Get(ctx, "pi_1"); return in.ID, err },
		} {
			if id, err := call(); id != "" || fault.KindOf(err) != fault.Unavailable {
				t.Errorf("%s: %.80s: %q, %v", name, body, id, err)
			}
		}
	}
}

// TestAListOfRefundsWithoutContent shows nothing, least of all that a refund was not made.
func TestAListOfRefundsWithoutContent(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `{"data":null}`, `{"data":[null]}`, `{"data":[{}]}`, `{"data":[],"has_more":true}`} {
		if _, err := answering(t, body, "").refunds(t.Context(), "pi_1"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", body, err)
		}
	}
	if all, err := answering(t, `{"data":[]}`, "").refunds(t.Context(), "pi_1"); len(all) != 0 || err != nil {
		t.Errorf("none: %v, %v", all, err)
	}
}

// TestAPartialRefundOfAnotherAmount is final.
func TestAPartialRefundOfAnotherAmount(t *testing.T) {
	p := answering(t, `{"id":"re_1","amount":11,"status":"succeeded"}`, "")
	id, amount := "pi_1", int64(10)
	refund, err := p.postRefund(t.Context(), &stripego.RefundCreateParams{PaymentIntent: &id, Amount: &amount})
	if refund != "" || fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "re_1") {
		t.Errorf("%q, %v", refund, err)
	}
}
