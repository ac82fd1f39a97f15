package stripe

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	stripego "github.com/stripe/stripe-go/v85"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/paymenttest"
	"tripsaga/trip/adapters/stripe/stripedouble"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

const key = "sk_test_123"

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// open returns a provider over a double, and the clock of both.
func open(t *testing.T) (*Provider, *stripedouble.Double, *clock) {
	t.Helper()
	c := &clock{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	double := stripedouble.New(c.Now)
	p, err := New(Options{Key: key, HTTP: double, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return p, double, c
}

func TestConformance(t *testing.T) {
	paymenttest.Run(t, func(t *testing.T) paymenttest.Provider {
		p, double, c := open(t)
		var mu sync.Mutex
		var next, always stripedouble.Fault
		double.Before = func(*http.Request) stripedouble.Fault {
			mu.Lock()
			defer mu.Unlock()
			if always != stripedouble.Works {
				return always
			}
			fault := next
			next = stripedouble.Works
			return fault
		}
		set := func(f *stripedouble.Fault, to stripedouble.Fault) {
			mu.Lock()
			defer mu.Unlock()
			*f = to
		}
		return paymenttest.Provider{
			PaymentProvider: p, OK: "pm_card_visa", Declined: "pm_card_visa_chargeDeclined",
			Advance: c.advance, Forget: double.Forget, Expire: double.Expire,
			Store: func() { set(&next, stripedouble.Fails) },
			Busy: func(on bool) {
				set(&always, map[bool]stripedouble.Fault{true: stripedouble.Locked}[on])
			},
		}
	})
}

var price = money.Amount{Minor: 2500, Currency: "JPY"}

func create(t *testing.T, p *Provider) string {
	t.Helper()
	id, err := p.Create(t.Context(), "key", domain.PaymentOrder{Reference: "trip", Amount: price})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func confirm(t *testing.T, p *Provider, id string) string {
	t.Helper()
	charge, err := p.Confirm(t.Context(), id, "pm_card_visa")
	if err != nil {
		t.Fatal(err)
	}
	return charge
}

// TestACustomerSeesWhyACardIsDeclined except where it must not be shown.
func TestACustomerSeesWhyACardIsDeclined(t *testing.T) {
	for card, want := range map[domain.CardToken]string{
		"pm_card_chargeDeclined":                           textDeclined,
		"tok_chargeDeclined":                               textDeclined,
		"tok_visa_chargeDeclinedInsufficientFunds":         textDeclined + ": insufficient funds",
		"pm_card_visa_chargeDeclinedInsufficientFunds":     textDeclined + ": insufficient funds",
		"pm_card_visa_chargeDeclinedVelocityLimitExceeded": textDeclined + ": its limit is reached",
		"pm_card_chargeDeclinedExpiredCard":                textDeclined + ": it has expired",
		"pm_card_chargeDeclinedIncorrectCvc":               textDeclined + ": its security code is wrong",
		"pm_card_chargeDeclinedProcessingError":            textDeclined + ": its bank could not process it, try again later",
		"pm_card_visa_chargeDeclinedLostCard":              textDeclined,
		"pm_card_visa_chargeDeclinedStolenCard":            textDeclined,
		"pm_card_visa_chargeDeclinedFraudulent":            textDeclined,
		"pm_card_authenticationRequired":                   textAuthentication,
		"pm_card_none":                                     textNoCard,
		"tok_none":                                         textNoCard,
	} {
		p, double, _ := open(t)
		id := create(t, p)
		_, err := p.Confirm(t.Context(), id, card)
		if fault.KindOf(err) != fault.Refused || !fault.Is(err, fault.NamePaymentDeclined) || err.Error() != want {
			t.Errorf("%s: %v, want %s", string(card), err, want)
		}
		if refund, err := p.Cancel(t.Context(), id); refund != "" || err != nil || double.Status(id) != "canceled" {
			t.Errorf("%s: cancel: %q, %v, status %s", string(card), refund, err, double.Status(id))
		}
	}
}

// TestATokenIsUsedOnce as those of real cards. Whether the first use has charged decides what a retry says.
func TestATokenIsUsedOnce(t *testing.T) {
	const card = domain.CardToken("tok_1Abc")
	lose := func(path string) func(*http.Request) stripedouble.Fault {
		return func(r *http.Request) stripedouble.Fault {
			if strings.HasSuffix(r.URL.Path, path) {
				return stripedouble.Lost
			}
			return stripedouble.Works
		}
	}
	tests := []struct {
		name, lost string
		forget     bool
		want       string // "" is charged
	}{
		{"the charge's reply is lost", "/confirm", false, ""},
		{"the charge's reply is lost, the keys too", "/confirm", true, ""},
		{"the reply before the charge is lost", "/payment_methods", false, ""},
		{"the reply before the charge is lost, the keys too", "/payment_methods", true, textUsed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, double, _ := open(t)
			id := create(t, p)
			double.Before = lose(tt.lost)
			if _, err := p.Confirm(t.Context(), id, card); fault.KindOf(err) != fault.Unavailable {
				t.Fatal(err)
			}
			double.Before = nil
			if tt.forget {
				double.Forget()
			}
			charge, err := p.Confirm(t.Context(), id, card)
			if tt.want == "" && (charge == "" || err != nil) || tt.want != "" && (err == nil || err.Error() != tt.want) {
				t.Errorf("%q, %v, want %q", charge, err, tt.want)
			}
		})
	}
}

// TestRefundsInPages finds a reference on the last of three pages.
func TestRefundsInPages(t *testing.T) {
	p, double, _ := open(t)
	id, err := p.Create(t.Context(), "key", domain.PaymentOrder{Reference: "trip", Amount: money.Amount{Minor: 100000, Currency: "JPY"}})
	if err != nil {
		t.Fatal(err)
	}
	confirm(t, p, id)
	one := money.Amount{Minor: 1, Currency: "JPY"}
	first, err := p.Refund(t.Context(), id, "first", one)
	for n := 0; n < 220 && err == nil; n++ {
		_, err = p.postRefund(t.Context(), &stripego.RefundCreateParams{PaymentIntent: &id, Amount: stripego.Int64(1)})
	}
	if err != nil {
		t.Fatal(err)
	}
	double.Forget()
	again, err := p.Refund(t.Context(), id, "first", one)
	if again != first || err != nil || double.Refunds(id) != 221 {
		t.Errorf("again: %q, %v, want %q; %d refunds", again, err, first, double.Refunds(id))
	}
	in, err := p.Get(t.Context(), id)
	if err != nil || len(in.Entries) != 222 || in.Entries[1].ID != first {
		t.Errorf("get: %d entries, %v", len(in.Entries), err)
	}
}

// TestAnOldListDoesNotRefund although the key that would protect it is forgotten.
func TestAnOldListDoesNotRefund(t *testing.T) {
	for _, late := range []time.Duration{2 * time.Minute, 48 * time.Hour, -time.Hour} {
		p, double, c := open(t)
		id := create(t, p)
		confirm(t, p, id)
		double.Before = func(r *http.Request) stripedouble.Fault {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/refunds") {
				c.advance(late) // the machine sleeps between the list and the refund
			}
			return stripedouble.Works
		}
		_, err := p.Refund(t.Context(), id, "reference", money.Amount{Minor: 10, Currency: "JPY"})
		if fault.KindOf(err) != fault.Unavailable || double.Refunds(id) != 0 {
			t.Errorf("%s: %v, %d refunds", late, err, double.Refunds(id))
		}
	}
}

// slow hides the refunds of a double from its lists: at Stripe a refund may appear there later than in the answer.
type slow struct{ *stripedouble.Double }

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.Double.RoundTrip(r)
	if err == nil && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/refunds") {
		resp.Body = io.NopCloser(strings.NewReader(`{"object":"list","data":[],"has_more":false}`))
	}
	return resp, err
}

// TestASlowListDoesNotRefundTwice: until the refund is in the list, its key has the answer.
func TestASlowListDoesNotRefundTwice(t *testing.T) {
	c := &clock{now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	double := stripedouble.New(c.Now)
	p, err := New(Options{Key: key, HTTP: slow{double}, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	id := create(t, p)
	confirm(t, p, id)
	first := ""
	for range 4 {
		refund, err := p.Refund(t.Context(), id, "reference", money.Amount{Minor: 10, Currency: "JPY"})
		if first == "" {
			first = refund
		}
		if refund == "" || refund != first || err != nil || double.Refunds(id) != 1 {
			t.Errorf("%q, %v, want %q; %d refunds", refund, err, first, double.Refunds(id))
		}
		c.advance(7 * time.Hour)
	}
}

// TestAStoredErrorOfARefundIsWaitedFor: another key could refund twice, if the first call was carried out after all.
func TestAStoredErrorOfARefundIsWaitedFor(t *testing.T) {
	for _, f := range []stripedouble.Fault{stripedouble.Fails, stripedouble.FailsLate} {
		p, double, c := open(t)
		id := create(t, p)
		confirm(t, p, id)
		part := money.Amount{Minor: 10, Currency: "JPY"}
		double.Before = func(r *http.Request) stripedouble.Fault {
			if r.Method == http.MethodPost {
				return f
			}
			return stripedouble.Works
		}
		if _, err := p.Refund(t.Context(), id, "reference", part); fault.KindOf(err) != fault.Unavailable {
			t.Fatal(err)
		}
		double.Before = nil
		if f == stripedouble.Fails {
			if _, err := p.Refund(t.Context(), id, "reference", part); !errors.Is(err, domain.ErrStored) {
				t.Errorf("a day before: %v", err)
			}
			c.advance(25 * time.Hour)
		}
		for range 2 {
			if refund, err := p.Refund(t.Context(), id, "reference", part); refund == "" || err != nil || double.Refunds(id) != 1 {
				t.Errorf("then: %q, %v, %d refunds", refund, err, double.Refunds(id))
			}
		}
	}
}

// TestARefundThatFailedIsMadeAgain under another key, since Stripe would repeat its first answer.
func TestARefundThatFailedIsMadeAgain(t *testing.T) {
	p, double, _ := open(t)
	id := create(t, p)
	confirm(t, p, id)
	part := money.Amount{Minor: 10, Currency: "JPY"}
	for n := range 3 {
		refund, err := p.Refund(t.Context(), id, "reference", part)
		if refund == "" || err != nil || double.Refunds(id) != n+1 {
			t.Fatalf("refund %d: %q, %v, %d refunds", n, refund, err, double.Refunds(id))
		}
		double.FailRefunds(id)
	}
	if in, err := p.Get(t.Context(), id); err != nil || len(in.Entries) != 1 {
		t.Errorf("the books show %+v, %v, want the charge alone", in.Entries, err)
	}
	if refund, err := p.Cancel(t.Context(), id); refund == "" || err != nil {
		t.Errorf("cancel: %q, %v", refund, err)
	}
}

func TestEntriesHaveTheBanksAccounts(t *testing.T) {
	if cards != bank.Cards || merchant != bank.Merchant {
		t.Errorf("the accounts are %s and %s", cards, merchant)
	}
}

func TestACallEndsBeforeItsFunction(t *testing.T) {
	task := saga.Find("ProcessPayment")
	if Timeout >= task.CallTimeout() {
		t.Errorf("a call may take %s, ProcessPayment %s", Timeout, task.CallTimeout())
	}
}

// TestAnyReplyCanBeLost at any call: repeated until it answers, the payment is charged once and refunded once.
func TestAnyReplyCanBeLost(t *testing.T) {
	for _, f := range []stripedouble.Fault{stripedouble.Lost, stripedouble.Fails, stripedouble.FailsLate, stripedouble.Locked, stripedouble.Limited, stripedouble.Down} {
		for at := range 8 {
			p, double, _ := open(t)
			calls := 0
			double.Before = func(*http.Request) stripedouble.Fault {
				calls++
				if calls-1 == at {
					return f
				}
				return stripedouble.Works
			}
			ctx := t.Context()
			n := 0
			id := until(t, func() (string, error) {
				n++
				return p.Create(ctx, strings.Repeat("key", n), domain.PaymentOrder{Reference: "trip", Amount: price})
			})
			until(t, func() (string, error) { return p.Confirm(ctx, id, "pm_card_visa") })
			until(t, func() (string, error) { return p.Cancel(ctx, id) })
			double.Before = nil
			in, err := p.Get(ctx, id)
			if err != nil || len(in.Entries) != 2 || in.Entries[1].Postings[0].Debit != price.Minor {
				t.Errorf("fault %d at call %d: %+v, %v", f, at, in, err)
			}
		}
	}
}

func until(t *testing.T, call func() (string, error)) string {
	t.Helper()
	for range 5 {
		id, err := call()
		if err == nil {
			return id
		}
		if fault.KindOf(err) != fault.Unavailable {
			t.Fatal(err)
		}
	}
	t.Fatal("no answer after 5 calls")
	return ""
}
