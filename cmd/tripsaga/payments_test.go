//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tripsaga/shared/money"
	"tripsaga/trip/adapters/stripe/stripedouble"
	"tripsaga/trip/adapters/stripe/stripemock"
	"tripsaga/trip/app"
)

const (
	testKey    = "rk_test_51Unshown"
	testSecret = "whsec_Unshown"
)

// serveStripe serves with payments at a URL, and returns its own.
func serveStripe(t *testing.T, stripe string, flags ...string) (*served, string) {
	t.Helper()
	s := runServer(t, []string{stripeKey + "=" + testKey, stripeURL + "=" + stripe, stripeWebhook + "=" + testSecret},
		append([]string{"serve", "--payments", "stripe", "--log-format", "json", "--addr", "127.0.0.1:0", "--data", t.TempDir()}, flags...)...)
	line := s.until("serving")
	return s, line.URL
}

// bookAt books the happy example with another card.
func bookAt(t *testing.T, url, card string) (trip bookedTrip, code int) {
	t.Helper()
	example, err := os.ReadFile("../../examples/happy.json")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "trip.json")
	if err := os.WriteFile(file, bytes.Replace(example, []byte("tok_ok"), []byte(card), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	code = at(t, url, &trip, "book", "-f", file, "--json")
	return trip, code
}

// at runs a command at a server. Its output is JSON, or a text if into is nil.
func at(t *testing.T, url string, into any, args ...string) (code int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Args = append(append([]string{"tripsaga"}, args...), "--url", url)
	cmd.Env = append(os.Environ(), "GOCOVERDIR="+t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(out, into); err != nil {
			t.Fatalf("%q: %s\n%s\n%v", args, out, stderr.String(), err)
		}
	}
	return cmd.ProcessState.ExitCode()
}

type bookedTrip struct {
	ID     string `json:"id"`
	Status string
	Reason struct{ Name, Message string }
}

// stop ends the server and reports secrets in its log.
func (s *served) stop() {
	s.t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.ends(0)
	if all, _ := json.Marshal(s.said); strings.Contains(string(all), "Unshown") {
		s.t.Errorf("the log has a secret: %s", all)
	}
}

// TestBookingsAtStripe books at the double of Stripe: a card that is charged, and one that is declined.
func TestBookingsAtStripe(t *testing.T) {
	double := stripedouble.New(time.Now)
	var mu sync.Mutex
	var events []stripedouble.Event
	double.OnEvent = func(e stripedouble.Event) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	}
	stripe := httptest.NewServer(double)
	defer stripe.Close()
	s, url := serveStripe(t, stripe.URL)

	paid, code := bookAt(t, url, "tok_visa")
	if ids := double.Intents(paid.ID); code != 0 || paid.Status != "CONFIRMED" || len(ids) != 1 || double.Status(ids[0]) != "succeeded" {
		t.Fatalf("charged: exit code %d, %+v, intents %q", code, paid, ids)
	}
	refused, code := bookAt(t, url, "pm_card_visa_chargeDeclinedInsufficientFunds")
	if ids := double.Intents(refused.ID); code != 1 || refused.Status != "FAILED" || len(ids) != 1 || double.Status(ids[0]) != "canceled" ||
		!strings.Contains(refused.Reason.Message, "insufficient funds") {
		t.Errorf("declined: exit code %d, %+v, intents %q", code, refused, ids)
	}

	deliver := func() {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		for _, e := range append(events, events...) { // late, and twice
			r := e.Request(url+webhookPath, testSecret, time.Now())
			r.Host = "hooks.example.com" // the guard of the API would refuse it
			if got := status(t, r); got != http.StatusNoContent {
				t.Errorf("%s: %d", e.Type, got)
			}
		}
		events = nil
	}
	deliver()
	differences(t, url, "0")
	bad := stripedouble.Event{Body: []byte(`{"object":"event"}`)}.Request(url+webhookPath, "whsec_other", time.Now())
	if got := status(t, bad); got != http.StatusBadRequest {
		t.Errorf("an event with a bad signature: %d", got)
	}

	// Somebody refunds the payment at Stripe.
	form := strings.NewReader("payment_intent=" + double.Intents(paid.ID)[0])
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, stripe.URL+"/v1/refunds", form)
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := status(t, r); got != http.StatusOK {
		t.Fatalf("refund: %d", got)
	}
	deliver()
	differences(t, url, "2")
	if warning := s.until("books differ"); warning.Level != "WARN" {
		t.Errorf("the warning is %+v", warning)
	}
	s.stop()
}

// TestAFeeInThreeDecimals books and cancels a trip in Kuwaiti dinars, of whose three decimals Stripe moves two, at a fee of a third.
func TestAFeeInThreeDecimals(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	double := stripedouble.New(time.Now)
	stripe := httptest.NewServer(double)
	defer stripe.Close()
	s, url := serveStripe(t, stripe.URL, "--cancellation-policy", file("policy.json", `{"tiers":[{"hours_before_departure":0,"fee_percent":33}]}`))
	if code := at(t, url, nil, "inventory", "load", file("kwd.csv", "flight, KU101, Kuwait, KWI, DXB, 08:30, 10:05, today+30, today+30, 12.340, KWD, 9\n"+
		"hotel, SALMIYA, Salmiya, Kuwait, today+30, today+30, 45.670, KWD, 9\n")); code != 0 {
		t.Fatalf("inventory: exit code %d", code)
	}
	var trip bookedTrip
	if code := at(t, url, &trip, "book", "--json", "-f", file("trip.json", `{"traveler":{"name":"Ada Lovelace","email":"ada@example.com"},
		"flight":{"number":"KU101","date":"today+30","seats":2},"hotel":{"id":"SALMIYA","check_in":"today+30","check_out":"today+31","rooms":1},
		"payment":{"card_token":"tok_visa"},"currency":"KWD"}`)); code != 0 || trip.Status != "CONFIRMED" {
		t.Fatalf("exit code %d, %+v", code, trip)
	}
	const total, fee = 70_350, 23_210 // a third is 23.2155
	cancel := []string{"cancel", trip.ID, "--follow", "--interval", "20ms", "--max-fee"}
	if code := at(t, url, nil, append(cancel, "23.209 KWD")...); code != exitFailure {
		t.Errorf("a fee that is too high: exit code %d", code)
	}
	if code := at(t, url, nil, append(cancel, "23.210 KWD")...); code != 0 {
		t.Errorf("exit code %d", code)
	}
	id := double.Intents(trip.ID)[0]
	if charged, refunded := double.Moved(id); charged != total || refunded != total-fee || double.Refunds(id) != 1 {
		t.Errorf("Stripe has charged %d and refunded %d in %d refunds", charged, refunded, double.Refunds(id))
	}
	var ledger app.Ledger
	code := at(t, url, &ledger, "ledger", "--json")
	if want := (app.Account{Captured: total, Refunded: total - fee, Fees: fee}); code != 0 || !ledger.Balanced || ledger.SeatsHeld+ledger.RoomsHeld != 0 ||
		ledger.Currencies["KWD"] != want {
		t.Errorf("exit code %d, ledger %+v", code, ledger)
	}
	var show struct {
		Payment      struct{ State string }
		Cancellation struct{ Fee, Refund money.Amount }
	}
	at(t, url, &show, "trip", trip.ID, "--json")
	if c := show.Cancellation; show.Payment.State != "UNDONE" || c.Fee != (money.Amount{Minor: fee, Currency: "KWD"}) || c.Refund.Minor != total-fee {
		t.Errorf("%+v", show)
	}
	s.stop()
}

// TestABookingAtStripesMock is confirmed, as the mock answers every call with a charged intent.
func TestABookingAtStripesMock(t *testing.T) {
	s, url := serveStripe(t, stripemock.Start(t, stripemock.Charged))
	for _, card := range []string{"pm_card_visa", "tok_visa"} {
		if trip, code := bookAt(t, url, card); code != 0 || trip.Status != "CONFIRMED" {
			t.Errorf("%s: exit code %d, %+v", card, code, trip)
		}
	}
	s.stop()
}

// status makes a request and returns the status of its answer.
func status(t *testing.T, r *http.Request) int {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// differences requires a number of counted differences.
func differences(t *testing.T, url, want string) {
	t.Helper()
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(all), "\ntripsaga_payment_differences_total "+want+"\n") {
		t.Errorf("the differences are not %s: %v", want, err)
	}
}

// TestSettingsOfStripeAreNotIgnoredSilently by a server whose payments are simulated.
func TestSettingsOfStripeAreNotIgnoredSilently(t *testing.T) {
	s := runServer(t, []string{stripeKey + "=" + testKey}, "serve", "--log-format", "json", "--addr", "127.0.0.1:0", "--data", t.TempDir())
	s.until("serving")
	s.stop()
	for _, line := range s.said {
		if line.Level == "WARN" && strings.Contains(line.Msg, "a setting of Stripe is ignored") {
			return
		}
	}
	t.Errorf("no warning in %+v", s.said)
}

func TestStripesConfigurationIsChecked(t *testing.T) {
	const key = stripeKey + "="
	for _, tt := range []struct {
		env  []string
		args []string
		want string
	}{
		{nil, nil, "is missing"},
		{[]string{key + "pk_test_51Unshown"}, nil, "publishable"},
		{[]string{key + "sk_live_51Unshown"}, nil, stripeLive + "=yes"},
		{[]string{key + "rk_live_51Unshown", stripeLive + "=1"}, nil, "allowed is yes"},
		{[]string{key + "Unshown"}, nil, "rk_test_"},
		{[]string{key + testKey, stripeURL + "=http://stripe.example.com"}, nil, "loopback"},
		{[]string{key + testKey, stripeWebhook + "=Unshown"}, nil, "whsec_"},
		{[]string{key + testKey}, []string{"--lab"}, "--lab"},
		{nil, []string{"--payments", "cash"}, "bank"},
	} {
		args := append([]string{"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--payments", "stripe"}, tt.args...)
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Args = append([]string{"tripsaga"}, args...)
		cmd.Env = append(append(os.Environ(), "GOCOVERDIR="+t.TempDir()), tt.env...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(string(out), tt.want) || strings.Contains(string(out), "Unshown") {
			t.Errorf("%q %q: exit code %d, %s, want %q", tt.env, tt.args, code, out, tt.want)
		}
	}
}
