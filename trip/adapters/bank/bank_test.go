package bank

import (
	"context"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/paymenttest"
	"tripsaga/trip/domain"
)

var (
	amount = money.Amount{Minor: 2500, Currency: "JPY"}
	order  = domain.PaymentOrder{Reference: "trip", Amount: amount}
)

// clock is the bank's time.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newBank(t *testing.T) (*Bank, *clock) {
	t.Helper()
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	c := &clock{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	return New(store, c.now), c
}

// TestConformance forgets keys as the bank itself does, by time.
func TestConformance(t *testing.T) {
	paymenttest.Run(t, func(t *testing.T) paymenttest.Provider {
		b, c := newBank(t)
		u := &paymenttest.Unreliable{PaymentProvider: b}
		return paymenttest.Provider{
			PaymentProvider: u, OK: OK, Declined: Declined,
			Advance: func(d time.Duration) { c.at = c.at.Add(d) },
			Forget:  func() { c.at = c.at.Add(keysKept); u.Forget() },
			Store:   u.Store, Busy: u.Busy,
			Expire: func(string) { c.at = c.at.Add(openLife) },
		}
	})
}

func (b *Bank) created(t *testing.T) string {
	t.Helper()
	id, err := b.Create(t.Context(), "key", order)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestEachCardTwiceThenCancelTwiceThenALateConfirm(t *testing.T) {
	tests := []struct {
		card             domain.CardToken
		charge           string // the error's name
		charged, entries int    // charges made; entries in the end
		late             string
	}{
		{OK, "", 1, 2, fault.NameStepCancelled},
		{Declined, fault.NamePaymentDeclined, 0, 0, fault.NameStepCancelled},
		{InsufficientFunds, fault.NamePaymentDeclined, 0, 0, fault.NameStepCancelled},
		{"tok_unheard_of", fault.NamePaymentDeclined, 0, 0, fault.NameStepCancelled},
		{TimeoutBefore, fault.NameUnavailable, 0, 0, fault.NameUnavailable},
		{TimeoutAfter, fault.NameUnavailable, 1, 2, fault.NameUnavailable},
	}
	for _, tt := range tests {
		t.Run(string(tt.card), func(t *testing.T) {
			b, _ := newBank(t)
			id := b.created(t)
			for range 2 {
				charge, err := b.Confirm(t.Context(), id, tt.card)
				if got := name(err); got != tt.charge || (charge == "") != (tt.charge != "") {
					t.Errorf("confirm: %q, %v", charge, err)
				}
			}
			if got := entries(t, b, id); len(got) != tt.charged {
				t.Errorf("%d entries after the charge, want %d", len(got), tt.charged)
			}
			for range 2 {
				refund, err := b.Cancel(t.Context(), id)
				if err != nil || (refund != "") != (tt.charged > 0) {
					t.Errorf("cancel: %q, %v", refund, err)
				}
			}
			if _, err := b.Confirm(t.Context(), id, tt.card); name(err) != tt.late {
				t.Errorf("late confirm: %v, want %s", err, tt.late)
			}
			if got := entries(t, b, id); len(got) != tt.entries {
				t.Errorf("%d entries in the end, want %d", len(got), tt.entries)
			}
		})
	}
}

func TestACancelledIntentIsNeverCharged(t *testing.T) {
	for _, card := range []domain.CardToken{OK, TimeoutBefore, TimeoutAfter, RefundStuck} {
		b, _ := newBank(t)
		id := b.created(t)
		if refund, err := b.Cancel(t.Context(), id); refund != "" || err != nil {
			t.Errorf("cancel: %q, %v", refund, err)
		}
		if _, err := b.Confirm(t.Context(), id, card); err == nil {
			t.Errorf("%s: charged", string(card))
		}
		if got := entries(t, b, id); len(got) != 0 {
			t.Errorf("%s: entries %+v", string(card), got)
		}
	}
}

// TestARefundThatIsRefusedOnce is charged although nobody hears it, and refunded by the second call.
func TestARefundThatIsRefusedOnce(t *testing.T) {
	for what, back := range map[string]func(b *Bank, id string) (string, error){
		"all":    func(b *Bank, id string) (string, error) { return b.Cancel(t.Context(), id) },
		"a part": func(b *Bank, id string) (string, error) { return b.Refund(t.Context(), id, "r", amount) },
	} {
		b, _ := newBank(t)
		id := b.created(t)
		for range 2 {
			if _, err := b.Confirm(t.Context(), id, RefundStuck); name(err) != fault.NameUnavailable {
				t.Errorf("%s: confirm: %v", what, err)
			}
		}
		if _, err := back(b, id); name(err) != fault.NameConflict || len(entries(t, b, id)) != 1 {
			t.Errorf("%s: first refund: %v, entries %+v", what, err, entries(t, b, id))
		}
		for range 2 {
			if refund, err := back(b, id); err != nil || refund == "" || len(entries(t, b, id)) != 2 {
				t.Errorf("%s: next refund: %q, %v, entries %+v", what, refund, err, entries(t, b, id))
			}
		}
	}
}

// TestTime shows when a key is forgotten and when an intent expires, to the second.
func TestTime(t *testing.T) {
	b, c := newBank(t)
	id := b.created(t)
	c.at = c.at.Add(keysKept - time.Second)
	if again := b.created(t); again != id {
		t.Errorf("a second before 24 hours the intent is %s, was %s", again, id)
	}
	c.at = c.at.Add(time.Second)
	second := b.created(t)
	if second == id || b.created(t) != second {
		t.Errorf("after 24 hours the intents are %s and %s, the first was %s", second, b.created(t), id)
	}
	c.at = c.at.Add(openLife - keysKept - time.Second)
	if in, err := b.Get(t.Context(), id); err != nil || in.Status != domain.IntentOpen {
		t.Errorf("a second before 7 days: %+v, %v", in, err)
	}
	c.at = c.at.Add(time.Second)
	if _, err := b.Confirm(t.Context(), id, OK); name(err) != fault.NameStepCancelled {
		t.Errorf("after 7 days: %v", err)
	}
	if _, err := b.Confirm(t.Context(), second, OK); err != nil {
		t.Errorf("the younger intent after 6 days: %v", err)
	}
}

func TestEntriesBalanceAndReverse(t *testing.T) {
	b, _ := newBank(t)
	id := b.created(t)
	if _, err := b.Confirm(t.Context(), id, OK); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Refund(t.Context(), id, "reference", money.Amount{Minor: 700, Currency: "JPY"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	balance := map[string]int64{}
	for i, e := range entries(t, b, id) {
		debit, credit := e.Totals()
		if want := []int64{2500, 700, 1800}[i]; debit != want || credit != want || e.Currency != amount.Currency {
			t.Errorf("entry %+v, want %d", e, want)
		}
		for _, p := range e.Postings {
			balance[p.Account] += p.Debit - p.Credit
		}
	}
	if balance[Cards] != 0 || balance[Merchant] != 0 || len(balance) != 2 {
		t.Errorf("balance %v", balance)
	}
}

// racing lets another call through at the moment a call writes.
type racing struct {
	table.Table
	before func()
}

func (r *racing) Transact(ctx context.Context, ops ...table.Op) error {
	if before := r.before; before != nil {
		r.before = nil
		before()
	}
	return r.Table.Transact(ctx, ops...)
}

// TestACallThatMeetsAnotherIsInProgress changes nothing, and is repeated.
func TestACallThatMeetsAnotherIsInProgress(t *testing.T) {
	b, c := newBank(t)
	id, books := b.created(t), b.table
	b.table = &racing{books, func() {
		if _, err := New(books, c.now).Confirm(t.Context(), id, OK); err != nil {
			t.Error(err)
		}
	}}
	if _, err := b.Cancel(t.Context(), id); name(err) != fault.NameUnavailable || len(entries(t, b, id)) != 1 {
		t.Errorf("cancel: %v, entries %+v", err, entries(t, b, id))
	}
	if refund, err := b.Cancel(t.Context(), id); err != nil || refund == "" || len(entries(t, b, id)) != 2 {
		t.Errorf("the next cancel: %q, %v, entries %+v", refund, err, entries(t, b, id))
	}
}

// TestItemsOfAnOlderVersion are under the key of the payment, which is its id.
func TestItemsOfAnOlderVersion(t *testing.T) {
	const (
		key     = "0195f1f5-2f00-8000-8000-000000000001"
		charged = `{"id":"c","kind":"CHARGE","currency":"JPY","postings":[{"account":"cards","debit":2500},{"account":"merchant","credit":2500}]}`
		over    = `"amount":{"minor":2500,"currency":"JPY"}`
	)
	tests := []struct {
		state           string // of the item; "" for none
		confirm, cancel string // names of errors
		refunds         bool
	}{
		{"CAPTURED", "", "", true},
		{"DECLINED", fault.NameStepCancelled, "", false},
		{"CANCELLED", fault.NameStepCancelled, "", false},
		{"REFUNDED", fault.NameStepCancelled, "", true},
		{"", fault.NameConflict, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.state, func(t *testing.T) {
			b, _ := newBank(t)
			var ops []table.Op
			put := func(sk, data string) {
				ops = append(ops, table.Put(table.Item{Key: item(key, sk), Version: 1, Data: []byte(data)}, table.Absent))
			}
			if tt.state != "" {
				put(skIntent, `{"state":"`+tt.state+`",`+over+`}`)
			}
			if tt.refunds {
				put(skCharge, charged)
			}
			if len(ops) > 0 {
				if err := b.table.Transact(t.Context(), ops...); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := b.Confirm(t.Context(), key, OK); name(err) != tt.confirm {
				t.Errorf("confirm: %v, want %q", err, tt.confirm)
			}
			for range 2 {
				if refund, err := b.Cancel(t.Context(), key); name(err) != tt.cancel || (refund != "") != tt.refunds {
					t.Errorf("cancel: %q, %v", refund, err)
				}
			}
			if _, err := b.Confirm(t.Context(), key, OK); name(err) != fault.NameStepCancelled {
				t.Errorf("late confirm: %v", err)
			}
		})
	}
}

func name(err error) string {
	if err == nil {
		return ""
	}
	return fault.NameOf(err)
}

func entries(t *testing.T, b *Bank, id string) []domain.Entry {
	t.Helper()
	in, err := b.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return in.Entries
}
