package stripe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	stripego "github.com/stripe/stripe-go/v85"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// TestEveryRowOfTheTable makes Stripe's error, as Stripe sends it, for each row and for what no row has.
func TestEveryRowOfTheTable(t *testing.T) {
	const rateText, busyText = "Stripe limits the rate of calls", "another call for the payment is in progress"
	tests := []struct {
		status                    int
		typ, code, decline, param string
		kind                      fault.Kind
		name, text                string // text is its beginning
		outcome                   outcome
	}{
		{400, "invalid_request_error", "idempotency_key_in_use", "", "", fault.Unavailable, fault.NameUnavailable, busyText, busy},
		{429, "invalid_request_error", "lock_timeout", "", "", fault.Unavailable, fault.NameUnavailable, busyText, busy},
		{409, "invalid_request_error", "", "", "", fault.Unavailable, fault.NameUnavailable, busyText, busy},
		{429, "invalid_request_error", "", "", "", fault.Unavailable, fault.NameUnavailable, rateText, busy},
		{400, "invalid_request_error", "rate_limit", "", "", fault.Unavailable, fault.NameUnavailable, rateText, busy},
		{400, "idempotency_error", "", "", "", fault.Conflict, fault.NameIdempotencyMismatch, "the payment was begun for another order", otherOrder},
		{400, "invalid_request_error", "payment_intent_unexpected_state", "", "", fault.Conflict, fault.NameConflict, "the payment is not in the state", wrongState},
		{400, "invalid_request_error", "charge_already_refunded", "", "", fault.Conflict, fault.NameConflict, "the payment was refunded in full", nothingLeft},
		{400, "invalid_request_error", "charge_disputed", "", "", fault.Conflict, fault.NameConflict, "the cardholder disputes", mistake},
		{400, "invalid_request_error", "token_already_used", "", "", fault.Refused, fault.NamePaymentDeclined, textUsed, usedCard},
		{402, "card_error", "authentication_required", "authentication_required", "", fault.Refused, fault.NamePaymentDeclined, textAuthentication, declined},
		{400, "invalid_request_error", "payment_intent_action_required", "", "", fault.Refused, fault.NamePaymentDeclined, textAuthentication, declined},
		{400, "invalid_request_error", "payment_intent_authentication_failure", "", "", fault.Refused, fault.NamePaymentDeclined, textAuthentication, declined},
		{400, "invalid_request_error", "resource_missing", "", "payment_method", fault.Refused, fault.NamePaymentDeclined, textNoCard, declined},
		{400, "invalid_request_error", "resource_missing", "", "card[token]", fault.Refused, fault.NamePaymentDeclined, textNoCard, declined},
		{400, "invalid_request_error", "payment_method_currency_mismatch", "", "", fault.Refused, fault.NamePaymentDeclined, "the card cannot be charged in this currency", declined},
		{402, "card_error", "card_declined", "insufficient_funds", "", fault.Refused, fault.NamePaymentDeclined, textDeclined + ": insufficient funds", declined},
		{402, "card_error", "expired_card", "", "exp_month", fault.Refused, fault.NamePaymentDeclined, textDeclined + ": it has expired", declined},
		{402, "card_error", "incorrect_cvc", "fraudulent", "", fault.Refused, fault.NamePaymentDeclined, textDeclined, declined},
		{400, "card_error", "card_declined", "", "", fault.Refused, fault.NamePaymentDeclined, textDeclined, declined},
		{402, "invalid_request_error", "", "", "", fault.Refused, fault.NamePaymentDeclined, textDeclined, declined},
		{404, "invalid_request_error", "resource_missing", "", "intent", fault.Conflict, fault.NameConflict, textNoIntent, noIntent},
		{404, "invalid_request_error", "", "", "", fault.Conflict, fault.NameConflict, textNoIntent, noIntent},
		{401, "invalid_request_error", "", "", "", fault.Conflict, fault.NameConflict, textRights, mistake},
		{403, "invalid_request_error", "", "", "", fault.Conflict, fault.NameConflict, textRights, mistake},
		{400, "invalid_request_error", "amount_too_small", "", "amount", fault.Conflict, fault.NameConflict, "Stripe does not charge so small", mistake},
		{400, "invalid_request_error", "amount_too_large", "", "amount", fault.Conflict, fault.NameConflict, "Stripe does not move so large", mistake},
		{400, "invalid_request_error", "parameter_unknown", "", "colour", fault.Conflict, fault.NameConflict, "Stripe refuses the call as wrong (HTTP 400, invalid_request_error, parameter_unknown, colour, request req_1)", mistake},
		{400, "invalid_request_error", "a code of next year", "", "", fault.Conflict, fault.NameConflict, "Stripe refuses the call as wrong", mistake},
		{500, "api_error", "", "", "", fault.Unavailable, fault.NameUnavailable, "Stripe has failed", unknown},
		{503, "a type of next year", "", "", "", fault.Unavailable, fault.NameUnavailable, "Stripe has failed", unknown},
	}
	used := make([]bool, len(answers))
	for _, tt := range tests {
		name := fmt.Sprintf("%d %s %s %s %s", tt.status, tt.typ, tt.code, tt.decline, tt.param)
		body := fmt.Sprintf(`{"error":{"type":%q,"code":%q,"decline_code":%q,"param":%q,"message":"secret"}}`, tt.typ, tt.code, tt.decline, tt.param)
		err := readFrom(t, func(w http.ResponseWriter) {
			w.Header().Set("Request-Id", "req_1")
			w.WriteHeader(tt.status)
			io.WriteString(w, body)
		})
		if fault.KindOf(err) != tt.kind || !fault.Is(err, tt.name) || !strings.HasPrefix(err.Error(), tt.text) || outcomeOf(err) != tt.outcome {
			t.Errorf("%s: %v (%v, %s, %d), want %s", name, err, fault.KindOf(err), fault.NameOf(err), outcomeOf(err), tt.text)
		}
		if tt.kind == fault.Refused && err.Error() != tt.text {
			t.Errorf("%s: the customer sees %q, want %q", name, err, tt.text)
		}
		e := &stripego.Error{HTTPStatusCode: tt.status, Type: stripego.ErrorType(tt.typ), Code: stripego.ErrorCode(tt.code), Param: tt.param}
		for n, row := range answers {
			if row.matches(e) {
				used[n] = true
				break
			}
		}
	}
	for n, ok := range used {
		if !ok {
			t.Errorf("row %+v of the table has no test", answers[n])
		}
	}
}

// readFrom returns the error of reading an intent from a server with this answer.
func readFrom(t *testing.T, answer func(http.ResponseWriter)) error {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
	defer server.Close()
	p, err := New(Options{Key: key, BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.read(t.Context(), "pi_1")
	if err == nil {
		t.Fatal("no error")
	}
	return err
}

func TestAnswersThatAreNotStripes(t *testing.T) {
	redirects := 0
	for name, answer := range map[string]func(http.ResponseWriter){
		"a proxy's page": func(w http.ResponseWriter) { w.WriteHeader(502); io.WriteString(w, "<html>secret") },
		"no error in it": func(w http.ResponseWriter) { w.WriteHeader(400); io.WriteString(w, `{"secret":1}`) },
		"cut off": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "900")
			io.WriteString(w, `{"id":"secret`)
		},
		"too large": func(w http.ResponseWriter) { io.WriteString(w, `{"id":"`+strings.Repeat("secret", maxAnswer/6)+`"}`) },
		"no JSON":   func(w http.ResponseWriter) { io.WriteString(w, "secret") },
		"a redirect": func(w http.ResponseWriter) {
			if redirects++; redirects > 1 {
				io.WriteString(w, `{"id":"pi_1","status":"succeeded"}`)
				return
			}
			w.Header().Set("Location", "/secret")
			w.WriteHeader(http.StatusFound)
		},
	} {
		err := readFrom(t, answer)
		if fault.KindOf(err) != fault.Unavailable || strings.Contains(fmt.Sprintf("%+v", err), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStoredErrors of any kind are recognised, so that Create is tried under the next key.
func TestStoredErrors(t *testing.T) {
	for _, status := range []int{400, 402, 500} {
		err := readFrom(t, func(w http.ResponseWriter) {
			w.Header().Set(replayed, "true")
			w.WriteHeader(status)
			io.WriteString(w, `{"error":{"type":"api_error"}}`)
		})
		if !errors.Is(err, domain.ErrStored) || fault.KindOf(err) != fault.Unavailable {
			t.Errorf("HTTP %d: %v", status, err)
		}
	}
}

func TestStatesAfterAConfirm(t *testing.T) {
	for status, want := range map[string]struct {
		kind fault.Kind
		name string
	}{
		"requires_action":         {fault.Refused, fault.NamePaymentDeclined},
		"requires_payment_method": {fault.Refused, fault.NamePaymentDeclined},
		"canceled":                {fault.Conflict, fault.NameStepCancelled},
		"processing":              {fault.Unavailable, fault.NameUnavailable},
		"requires_capture":        {fault.Unavailable, fault.NameUnavailable},
		"requires_confirmation":   {fault.Unavailable, fault.NameUnavailable},
		"succeeded":               {fault.Unavailable, fault.NameUnavailable}, // without a charge
		"a state of next year":    {fault.Unavailable, fault.NameUnavailable},
	} {
		_, err := settled(&stripego.PaymentIntent{ID: "pi_1", Status: stripego.PaymentIntentStatus(status)})
		if fault.KindOf(err) != want.kind || !fault.Is(err, want.name) {
			t.Errorf("%s: %v", status, err)
		}
	}
}

// TestAPaymentThatIsProcessedIsWaitedFor plays a payment that Stripe is still processing. Cancel, refund and get must return an
// error that is retried: after a final one the saga would stop before the charge is decided.
func TestAPaymentThatIsProcessedIsWaitedFor(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/cancel"):
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":{"type":"invalid_request_error","code":"payment_intent_unexpected_state"}}`)
		case strings.HasSuffix(r.URL.Path, "/refunds"):
			io.WriteString(w, `{"object":"list","data":[],"has_more":false}`)
		default:
			io.WriteString(w, `{"id":"pi_1","object":"payment_intent","status":"processing","amount":2500,"currency":"jpy"}`)
		}
	}))
	defer server.Close()
	p, err := New(Options{Key: key, BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, cancel := p.Cancel(t.Context(), "pi_1")
	_, refund := p.Refund(t.Context(), "pi_1", "reference", money.Amount{Minor: 10, Currency: "JPY"})
	_, get := p.Get(t.Context(), "pi_1")
	for call, err := range map[string]error{"cancel": cancel, "refund": refund, "get": get} {
		if fault.KindOf(err) != fault.Unavailable || outcomeOf(err) != busy || !strings.Contains(err.Error(), "processing") {
			t.Errorf("%s: %v (%v)", call, err, fault.KindOf(err))
		}
	}
}

// TestNothingSecretIsShown by errors or by the client's log.
func TestNothingSecretIsShown(t *testing.T) {
	const secret = "rk_test_51SecretSecretSecret"
	logged, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = logged
	t.Cleanup(func() {
		os.Stderr = stderr
		logged.Close()
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":{"type":"invalid_request_error","message":"Invalid API Key provided: %s"}}`, r.Header.Get("Authorization"))
	}))
	p, err := New(Options{Key: secret, BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	show := func(err error) {
		t.Helper()
		if text := fmt.Sprintf("%+v", err); err == nil || strings.Contains(text, "Secret") || strings.Contains(text, "pm_card") {
			t.Errorf("%s", text)
		}
		if printed, err := os.ReadFile(logged.Name()); len(printed) > 0 || err != nil {
			t.Errorf("printed: %s, %v", printed, err)
		}
	}
	_, err = p.Confirm(t.Context(), "pi_1", "pm_card_visa")
	show(err)
	server.Close()
	_, err = p.Confirm(t.Context(), "pi_1", "pm_card_visa")
	show(err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Confirm(gone, "pi_1", "pm_card_visa")
	show(err)
}

func TestWhatIsSent(t *testing.T) {
	var seen []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		seen = append(seen, r)
		status := "requires_payment_method"
		if strings.HasSuffix(r.URL.Path, "/confirm") {
			status = "succeeded"
		}
		fmt.Fprintf(w, `{"id":"pi_1","status":%q,"amount":2500,"amount_received":2500,"currency":"jpy","latest_charge":"ch_1","metadata":{"trip_id":"trip"}}`, status)
	}))
	defer server.Close()
	p, err := New(Options{Key: key, BaseURL: server.URL + "/"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := p.Create(t.Context(), "key 1", domain.PaymentOrder{Reference: "trip", Amount: price}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range seen {
		if want := "amount=2500&capture_method=automatic&currency=jpy&metadata%5Btrip_id%5D=trip&payment_method_types%5B0%5D=card"; r.Form.Encode() != want {
			t.Errorf("creates %s, want %s", r.Form.Encode(), want)
		}
		if r.Header.Get("Idempotency-Key") != "key 1" || r.Header.Get("Stripe-Version") != APIVersion ||
			r.Header.Get("Authorization") != "Bearer "+key || r.Header.Get("X-Stripe-Client-Telemetry") != "" {
			t.Errorf("headers %v", r.Header)
		}
	}
	confirm(t, p, "pi_1")
	if got, want := seen[2].Form.Encode(), "error_on_requires_action=true&payment_method=pm_card_visa"; got != want {
		t.Errorf("confirms %s, want %s", got, want)
	}
}
