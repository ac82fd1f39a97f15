package lambda

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tripsaga/telemetry"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/adapters/stripe/stripedouble"
)

const stripeSecret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-AbCdEf"

// secrets is a Secrets Manager with one secret; "" is refused.
func secrets(t *testing.T, text *string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ SecretId string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.SecretId != stripeSecret || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
			t.Errorf("asked for %+v by %s, %v", in, r.Header.Get("X-Amz-Target"), err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if *text == "" {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"__type":"AccessDeniedException","Message":"no"}`)
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"ARN": in.SecretId, "Name": "stripe", "SecretString": *text})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// newStripeWorld is a world whose payments are made at a double of Stripe.
func newStripeWorld(t *testing.T, key string) (*world, *stripedouble.Double, error) {
	w := newWorld(t)
	double := stripedouble.New(time.Now)
	server := httptest.NewServer(double)
	t.Cleanup(server.Close)
	w.config.payments, w.config.stripeSecret, w.config.endpointSecrets, w.config.stripeURL = "stripe", stripeSecret, secrets(t, &key), server.URL
	w.config.region, w.config.accessKeyID, w.config.secretAccessKey = "eu-west-1", "a", "b"
	w.system.log = telemetry.NewLogger(&w.log, nil, telemetry.FormatJSON)
	now := func() time.Time { return w.now }
	provider, err := w.provider(bank.New(w.table, now))
	if err == nil {
		w.app.Payments = store.NewPayments(w.table, provider, now)
	}
	return w, double, err
}

// TestATripIsPaidAtStripe, and a trial's at the built-in bank.
func TestATripIsPaidAtStripe(t *testing.T) {
	for execution, paid := range map[string]int{"arn:x": 1, "pre-traffic:h": 0, "pre-traffic-in-use:h": 0} {
		w, double, err := newStripeWorld(t, "sk_test_1\n")
		if err != nil {
			t.Fatal(err)
		}
		id := w.bookBy(t, map[int]string{1: "tok_visa", 0: "tok_ok"}[paid])
		w.deliver(t, execution, id, "ReserveFlight", "ReserveHotel", "ProcessPayment")
		d, err := w.app.GetTrip(t.Context(), id)
		if err != nil || d.State("PAYMENT") != "DONE" || len(double.Intents(id)) != paid || strings.HasPrefix(d.Payment.Result.Intent(), "pi_") != (paid == 1) {
			t.Errorf("%s: %+v, %v, intents %q", execution, d.Payment, err, double.Intents(id))
		}
		w.deliver(t, execution, id, "RefundPayment")
		if paid == 1 && double.Refunds(double.Intents(id)[0]) != 1 {
			t.Errorf("%s: it was not refunded at Stripe", execution)
		}
	}
}

// TestAKeyThatCannotBeUsed keeps the function from starting. No message has it.
func TestAKeyThatCannotBeUsed(t *testing.T) {
	for key, want := range map[string]string{"": "AccessDeniedException", "sk_live_9": "live mode", `{"key":"sk_test_1"}`: "is not a key of Stripe"} {
		_, _, err := newStripeWorld(t, key)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "STRIPE_SECRET_ARN="+stripeSecret) || key != "" && strings.Contains(fmt.Sprint(err), key) {
			t.Errorf("%q: %v", key, err)
		}
	}
}
