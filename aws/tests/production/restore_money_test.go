package production

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/table/memory"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/adapters/stripe"
	"tripsaga/trip/adapters/stripe/stripedouble"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// books are a table and a provider that is outside of it.
type books struct {
	*app.Service
	double *stripedouble.Double
	down   *bool // charges are refused
}

// reservedIn makes a table in which the trip holds seats and rooms, as every restore of one does to that moment.
func reservedIn(t *testing.T, p *stripe.Provider, double *stripedouble.Double, down *bool) *books {
	t.Helper()
	b := &books{store.Service(memory.New(), p, time.Now), double, down}
	b.Starter, b.Random = idle{}, rand.Reader
	offers, err := inventory.Parse("inventory.csv", bytes.NewReader(inventoryFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = b.LoadInventory(t.Context(), offers); err != nil {
		t.Fatal(err)
	}
	var r domain.Request
	if err := json.Unmarshal([]byte(strings.Replace(string(example(t, "happy", today)), "tok_ok", "pm_card_visa", 1)), &r); err != nil {
		t.Fatal(err)
	}
	if _, err = b.BookTrip(t.Context(), "paid", r); err == nil {
		_, err = b.ReserveFlight(t.Context(), app.ReserveFlightInput{TripID: tripOf("paid"), Flight: r.Flight, Currency: r.Currency})
	}
	if err == nil {
		_, err = b.ReserveHotel(t.Context(), app.ReserveHotelInput{TripID: tripOf("paid"), Hotel: r.Hotel, Currency: r.Currency})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pay pays and confirms the trip.
func (b *books) pay(t *testing.T) error {
	t.Helper()
	if _, err := b.ProcessPayment(t.Context(), app.TripRef{TripID: tripOf("paid")}); err != nil {
		return err
	}
	_, err := b.ConfirmTrip(t.Context(), app.TripRef{TripID: tripOf("paid")})
	return err
}

// intend records an intent and charges nothing.
func (b *books) intend(t *testing.T) {
	t.Helper()
	*b.down = true
	if _, err := b.ProcessPayment(t.Context(), app.TripRef{TripID: tripOf("paid")}); err == nil {
		t.Fatal("it was charged")
	}
	*b.down = false
}

// charges are the intents of the trip that were charged.
func (b *books) charges() (n int) {
	for _, id := range b.double.Intents(tripOf("paid")) {
		if b.double.Status(id) == "succeeded" {
			n++
		}
	}
	return n
}

// TestMoneyAfterARestore shows what the runbook says of charges: they are repeated only if the table has forgotten the intent
// and the provider its key, and the ledger does not see that.
func TestMoneyAfterARestore(t *testing.T) {
	for name, c := range map[string]struct {
		intended, forgotten, refunded bool
		charges                       int
	}{
		"within a day":               {charges: 1},
		"the intent is in the table": {intended: true, forgotten: true, charges: 1},
		"after a day":                {forgotten: true, charges: 2},
		"refunded in full":           {refunded: true, charges: 1},
	} {
		t.Run(name, func(t *testing.T) {
			double, down := stripedouble.New(time.Now), false
			double.Before = func(r *http.Request) stripedouble.Fault {
				if down && strings.HasSuffix(r.URL.Path, "/confirm") {
					return stripedouble.Locked
				}
				return stripedouble.Works
			}
			p, err := stripe.New(stripe.Options{Key: "sk_test_123", HTTP: double})
			if err != nil {
				t.Fatal(err)
			}
			damaged, restored := reservedIn(t, p, double, &down), reservedIn(t, p, double, &down)
			if c.intended {
				damaged.intend(t)
				restored.intend(t)
			}
			if err := damaged.pay(t); err != nil {
				t.Fatal(err)
			}
			if c.forgotten {
				double.Forget()
			}
			if c.refunded {
				if _, err := p.Cancel(t.Context(), double.Intents(tripOf("paid"))[0]); err != nil {
					t.Fatal(err)
				}
			}
			if err := restored.pay(t); c.refunded != fault.Is(err, fault.NameStepCancelled) || !c.refunded && err != nil {
				t.Errorf("it is paid again: %v", err)
			}
			if n := restored.charges(); n != c.charges {
				t.Errorf("%d charges, want %d", n, c.charges)
			}
			if l, err := restored.Audit(t.Context()); !c.refunded && (err != nil || !l.Balanced) {
				t.Errorf("the ledger is %+v, %v", l, err)
			}
		})
	}
}
