package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tripsaga/barrier"
	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/table/tabletest"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/paymenttest"
	"tripsaga/trip/domain"
)

const trip = "0195f1f5-2f00-7000-8000-000000000001"

func yen(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "JPY"} }

// till is the payments of one trip over 2,500 JPY, with the provider and the records behind them.
type till struct {
	*testing.T
	*Payments
	*paymenttest.Unreliable
	clock time.Time
}

// newTill writes the records that a payment reads. extra is added to the trip's JSON.
func newTill(t *testing.T, card domain.CardToken, extra string) *till {
	t.Helper()
	l := &till{T: t, clock: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	db, now := tabletest.NewMemory(), func() time.Time { return l.clock }
	l.Unreliable = &paymenttest.Unreliable{PaymentProvider: bank.New(db, now)}
	l.Payments = NewPayments(db, l.Unreliable, now)
	l.put(skTrip, `{"card":"`+string(card)+`"`+extra+`}`)
	l.put(skFlight, `{"state":"DONE","result":{"amount":{"minor":2000,"currency":"JPY"}}}`)
	l.put(skHotel, `{"state":"DONE","result":{"amount":{"minor":500,"currency":"JPY"}}}`)
	return l
}

func (l *till) put(sk, data string) {
	l.Helper()
	item := table.Item{Key: tripKey(trip, sk), Version: 1, Data: []byte(data)}
	if err := l.table.Transact(l.Context(), table.Put(item, table.None)); err != nil {
		l.Fatal(err)
	}
}

func (l *till) record() barrier.Record[domain.Payment] {
	l.Helper()
	rec, _, err := barrier.Load[domain.Payment](l.Context(), l.table, tripKey(trip, skPayment))
	if err != nil {
		l.Fatal(err)
	}
	return rec
}

// kept returns what the provider keeps of the recorded payment, and how many entries it has.
func (l *till) kept() (sum int64, entries int) {
	l.Helper()
	in, err := l.Intent(l.Context(), l.record().Result.Intent())
	if err != nil {
		l.Fatal(err)
	}
	for _, e := range in.Entries {
		n, _ := e.Totals()
		if e.Kind == domain.Refund {
			n = -n
		}
		sum += n
	}
	return sum, len(in.Entries)
}

// announced returns the amount of the PaymentRefunded that is in the outbox.
func (l *till) announced() (a money.Amount) {
	l.Helper()
	events, err := Events(l.Context(), l.table, trip)
	if err != nil || len(events) > 1 {
		l.Fatalf("events %+v, %v", events, err)
	}
	for _, e := range events {
		a = e.Amount
	}
	return a
}

func TestAPaymentHasItsIntentBeforeItsRecord(t *testing.T) {
	l := newTill(t, bank.OK, "")
	p, err := l.Charge(t.Context(), trip)
	rec := l.record()
	if err != nil || rec.State != barrier.Done || rec.Result != p || p.Amount != yen(2500) || p.ChargeID == "" ||
		p.Key != ident.DeriveNear("payment", trip) || p.IntentID != bank.IntentID(p.Key, 1) {
		t.Errorf("payment %+v, %v; record %+v", p, err, rec)
	}
	in, err := l.Intent(t.Context(), p.IntentID)
	if err != nil || in.Order != (domain.PaymentOrder{Reference: trip, Amount: yen(2500)}) || in.Status != domain.IntentCaptured {
		t.Errorf("intent %+v, %v", in, err)
	}
}

// TestATripThatWasCancelledIsNotPaid: whatever the request says, the payment is refused for good, and no intent is created.
func TestATripThatWasCancelledIsNotPaid(t *testing.T) {
	for extra, refused := range map[string]bool{
		`,"cancellation":{"reason":"ill"}`: true, `,"cancellation":{}`: true, `,"cancellation":null`: false, "": false,
	} {
		l := newTill(t, bank.OK, extra)
		for range 2 {
			_, err := l.Charge(t.Context(), trip)
			if refused != (fault.Is(err, fault.NameTripCancelled) && fault.KindOf(err) == fault.Refused) || !refused && err != nil {
				t.Errorf("%s: %v", extra, err)
			}
			l.put(skTrip, `{"card":"tok_ok"}`) // the refusal stays
		}
		if rec := l.record(); refused && (rec.State != barrier.Refused || rec.Open || rec.Result.Intent() != "") {
			t.Errorf("%s: record %+v", extra, rec)
		}
	}
}

// TestACancelThatComesAfterTheIntentIsTooLate: the record decides, not the trip.
func TestACancelThatComesAfterTheIntentIsTooLate(t *testing.T) {
	l := newTill(t, bank.TimeoutBefore, "")
	if _, err := l.Charge(t.Context(), trip); fault.KindOf(err) != fault.Unavailable {
		t.Fatal(err)
	}
	l.put(skTrip, `{"card":"tok_ok","cancellation":{"reason":"ill"}}`)
	if p, err := l.Charge(t.Context(), trip); err != nil || p.ChargeID == "" {
		t.Errorf("payment %+v, %v", p, err)
	}
}

// TestAStoredErrorIsAnsweredWithAnotherKey three times at most.
func TestAStoredErrorIsAnsweredWithAnotherKey(t *testing.T) {
	l := newTill(t, bank.OK, "")
	for key := range 3 {
		l.Store()
		_, err := l.Charge(t.Context(), trip)
		if fault.KindOf(err) != fault.Unavailable || errors.Is(err, domain.ErrStored) || l.record().State != "" {
			t.Errorf("key %d: %v", key+1, err)
		}
	}
	if _, err := l.Charge(t.Context(), trip); fault.KindOf(err) != fault.Unavailable || !errors.Is(err, domain.ErrStored) {
		t.Errorf("all keys have failed: %v", err)
	}
	l.Forget()
	if p, err := l.Charge(t.Context(), trip); err != nil || p.Key != ident.DeriveNear("payment", trip) {
		t.Errorf("payment %+v, %v", p, err)
	}
	other := newTill(t, bank.OK, "")
	other.Store()
	if _, err := other.Charge(t.Context(), trip); err == nil {
		t.Fatal("no error")
	}
	if p, err := other.Charge(t.Context(), trip); err != nil || p.Key != ident.DeriveNear("payment", trip, "2") {
		t.Errorf("payment %+v, %v", p, err)
	}
}

// TestTwoStoriesOfAForgottenKey: the charge commits and its reply is lost. Then days pass.
func TestTwoStoriesOfAForgottenKey(t *testing.T) {
	for _, days := range []int{0, 2, 15} {
		l := newTill(t, bank.TimeoutAfter, "")
		charged := func() {
			t.Helper()
			if _, err := l.Charge(t.Context(), trip); fault.KindOf(err) != fault.Unavailable {
				t.Fatal(err)
			}
		}
		charged()
		l.clock = l.clock.AddDate(0, 0, days)
		l.Forget()
		charged()
		if sum, entries := l.kept(); sum != 2500 || entries != 1 {
			t.Errorf("after %d days it is charged again: %d in %d entries", days, sum, entries)
		}
		if taken, err := l.Payments.Refund(t.Context(), trip); err != nil || !taken {
			t.Errorf("after %d days: %v, %v", days, taken, err)
		}
		if sum, _ := l.kept(); sum != 0 || l.announced() != yen(2500) {
			t.Errorf("after %d days the customer is charged %d", days, sum)
		}
	}
}

// TestAPaymentThatTheProviderDoesNotKnow is never taken for one that was not charged.
func TestAPaymentThatTheProviderDoesNotKnow(t *testing.T) {
	for what, call := range map[string]func(l *till) error{
		"charge":       func(l *till) error { _, err := l.Charge(t.Context(), trip); return err },
		"refund":       func(l *till) error { _, err := l.Payments.Refund(t.Context(), trip); return err },
		"give a part":  func(l *till) error { _, err := l.GiveBack(t.Context(), trip, yen(2000)); return err },
		"give it back": func(l *till) error { _, err := l.GiveBack(t.Context(), trip, yen(2500)); return err },
	} {
		l := newTill(t, bank.OK, "")
		state := "DONE"
		if what == "charge" {
			state = "STARTED"
		}
		before := `{"state":"` + state + `","fingerprint":"` + ident.Fingerprint(trip) +
			`","result":{"key":"k","intent_id":"in_lost","amount":{"minor":2500,"currency":"JPY"},"charge_id":"c"}}`
		l.put(skPayment, before)
		if err := call(l); fault.KindOf(err) != fault.Conflict || fault.NameOf(err) != fault.NameConflict || !strings.Contains(err.Error(), "in_lost") {
			t.Errorf("%s: %v", what, err)
		}
		if rec := l.record(); string(rec.State) != state {
			t.Errorf("%s: the record is %+v", what, rec)
		}
	}
}

// TestGiveBack is once, whatever is repeated and however much later.
func TestGiveBack(t *testing.T) {
	tests := []struct {
		what          string
		amount        int64
		kept, entries int64
	}{
		{"all", 2500, 0, 2},
		{"a part", 2000, 500, 2},
		{"nothing", 0, 2500, 1},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			l := newTill(t, bank.OK, "")
			if _, err := l.Charge(t.Context(), trip); err != nil {
				t.Fatal(err)
			}
			l.Busy(true)
			if _, err := l.GiveBack(t.Context(), trip, yen(tt.amount)); tt.amount > 0 && fault.KindOf(err) != fault.Unavailable {
				t.Errorf("while the provider is busy: %v", err)
			}
			l.Busy(false)
			// The provider has refunded, and the program died before it recorded that.
			dies := NewPayments(deaf{l.table}, l.Unreliable, l.now)
			if _, err := dies.GiveBack(t.Context(), trip, yen(tt.amount)); tt.amount > 0 && err == nil {
				t.Error("a write that fails is no error")
			}
			l.clock = l.clock.AddDate(0, 0, 3)
			l.Forget()
			taken, err := l.GiveBack(t.Context(), trip, yen(tt.amount))
			if err != nil || taken != (tt.amount > 0) {
				t.Errorf("taken %v, %v", taken, err)
			}
			if taken, err := l.GiveBack(t.Context(), trip, yen(tt.amount)); err != nil || taken {
				t.Errorf("again: taken %v, %v", taken, err)
			}
			sum, entries := l.kept()
			rec := l.record()
			if sum != tt.kept || int64(entries) != tt.entries || rec.State != barrier.Undone || rec.Result.Refunded.Minor != tt.amount ||
				(rec.Result.RefundID != "") != (tt.amount > 0) || l.announced().Minor != tt.amount {
				t.Errorf("kept %d in %d entries, record %+v, announced %v", sum, entries, rec, l.announced())
			}
			if id, err := l.Cancel(t.Context(), rec.Result.IntentID); tt.what == "all" && (err != nil || id != rec.Result.RefundID) {
				t.Errorf("all was refunded, and the intent is not fenced: %q, %v, record %+v", id, err, rec)
			}
		})
	}
}

func TestGiveBackOfWhatWasNeverCharged(t *testing.T) {
	l := newTill(t, bank.TimeoutBefore, "")
	_, _ = l.Charge(t.Context(), trip)
	if _, err := l.GiveBack(t.Context(), trip, yen(0)); fault.KindOf(err) != fault.Conflict || l.record().State != barrier.Started {
		t.Errorf("%v, record %+v", err, l.record())
	}
}

// deaf is a table that accepts no write.
type deaf struct{ table.Table }

func (deaf) Transact(context.Context, ...table.Op) error { return errors.New("the disk is gone") }

// TestARecordOfAnOlderVersion has no intent's id: its key is the id at the built-in bank.
func TestARecordOfAnOlderVersion(t *testing.T) {
	key := ident.Derive("payment", trip)
	l := newTill(t, bank.OK, "")
	l.put(skPayment, `{"state":"STARTED","fingerprint":"`+ident.Fingerprint(trip)+`","result":{"key":"`+key+`","amount":{"minor":2500,"currency":"JPY"}}}`)
	if _, err := l.Charge(t.Context(), trip); fault.KindOf(err) != fault.Conflict { // it may have been charged at another provider
		t.Errorf("a key that the bank does not know: %v", err)
	}
	if taken, err := l.Payments.Refund(t.Context(), trip); err != nil || taken || l.record().State != barrier.Undone {
		t.Errorf("taken %v, %v, record %+v", taken, err, l.record())
	}
}

// TestAPaymentThatAnOlderVersionBegan has a key and an intent that are hashes, as they were before they began with the trip's time. It
// is continued under these, and charged once.
func TestAPaymentThatAnOlderVersionBegan(t *testing.T) {
	key := ident.Derive("payment", trip)
	intent := "in_" + ident.Derive("intent", key, "1")
	l := newTill(t, bank.OK, "")
	stored := table.Item{Key: table.Key{PK: "BANK#" + intent, SK: "INTENT"}, Version: 1, Data: []byte(
		`{"state":"OPEN","key":"` + key + `","reference":"` + trip + `","amount":{"minor":2500,"currency":"JPY"},"created":"2027-01-01T00:00:00Z"}`)}
	if err := l.table.Transact(t.Context(), table.Put(stored, table.Absent)); err != nil {
		t.Fatal(err)
	}
	l.put(skPayment, `{"state":"STARTED","fingerprint":"`+ident.Fingerprint(trip)+`","result":{"key":"`+key+`","intent_id":"`+intent+
		`","amount":{"minor":2500,"currency":"JPY"}}}`)
	for range 2 {
		if p, err := l.Charge(t.Context(), trip); err != nil || p.Key != key || p.IntentID != intent {
			t.Errorf("%+v, %v; want the key %s and the intent %s", p, err, key, intent)
		}
	}
	if sum, entries := l.kept(); sum != 2500 || entries != 1 {
		t.Errorf("the bank has kept %d in %d entries", sum, entries)
	}
}
