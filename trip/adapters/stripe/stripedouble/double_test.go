package stripedouble

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// post calls the double and returns the status, the body and whether it was replayed.
func post(t *testing.T, d *Double, path, key string, form url.Values) (status int, body string, replayed bool) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://stripe"+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer sk_test_1")
	r.Header.Set("Idempotency-Key", key)
	resp, err := d.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header.Get("Idempotent-Replayed") == "true"
}

var order = url.Values{"amount": {"2500"}, "currency": {"jpy"}}

// TestKeys: the first answer is repeated for a day, errors 500 included, and other parameters are refused.
func TestKeys(t *testing.T) {
	now := time.Now()
	d := New(func() time.Time { return now })
	fault := Fails
	d.Before = func(*http.Request) Fault { return fault }
	if status, _, replayed := post(t, d, "/v1/payment_intents", "key", order); status != 500 || replayed {
		t.Errorf("first: %d, replayed %v", status, replayed)
	}
	fault = Works
	now = now.Add(keyLife - time.Second)
	if status, _, replayed := post(t, d, "/v1/payment_intents", "key", order); status != 500 || !replayed {
		t.Errorf("a day later: %d, replayed %v", status, replayed)
	}
	other := url.Values{"amount": {"2501"}, "currency": {"jpy"}}
	if status, body, _ := post(t, d, "/v1/payment_intents", "key", other); status != 400 || !strings.Contains(body, "idempotency_error") {
		t.Errorf("other parameters: %d, %s", status, body)
	}
	now = now.Add(time.Second)
	if status, _, replayed := post(t, d, "/v1/payment_intents", "key", other); status != 200 || replayed {
		t.Errorf("forgotten: %d, replayed %v", status, replayed)
	}
	if _, _, replayed := post(t, d, "/v1/payment_intents", "key", other); !replayed {
		t.Error("a success is not repeated")
	}
}

// TestAKeyInUse is refused while the first call is under way, and the refusal is not stored.
func TestAKeyInUse(t *testing.T) {
	d := New(nil)
	began, end := make(chan bool), make(chan bool)
	d.OnEvent = func(Event) {
		began <- true
		<-end
	}
	done := make(chan int)
	go func() {
		status, _, _ := post(t, d, "/v1/payment_intents", "key", order)
		done <- status
	}()
	<-began
	if status, body, _ := post(t, d, "/v1/payment_intents", "key", order); status != 409 || !strings.Contains(body, "idempotency_key_in_use") {
		t.Errorf("meanwhile: %d, %s", status, body)
	}
	end <- true
	if status := <-done; status != 200 {
		t.Errorf("the first: %d", status)
	}
	if status, _, replayed := post(t, d, "/v1/payment_intents", "key", order); status != 200 || !replayed {
		t.Errorf("after: %d, replayed %v", status, replayed)
	}
}
