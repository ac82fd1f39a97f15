package bank

import (
	"context"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/trip/domain"
)

var amount = money.Amount{Minor: 2500, Currency: "JPY"}

func open(t *testing.T) *Bank {
	t.Helper()
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return New(store)
}

func TestEachCardTwiceThenCancelTwiceThenALateCharge(t *testing.T) {
	tests := []struct {
		card             string
		charge           string // the error's name
		charged, entries int    // charges made; entries in the end
		late             string
	}{
		{OK, "", 1, 2, fault.NameStepCancelled},
		{Declined, fault.NamePaymentDeclined, 0, 0, fault.NamePaymentDeclined},
		{InsufficientFunds, fault.NamePaymentDeclined, 0, 0, fault.NamePaymentDeclined},
		{"tok_unheard_of", fault.NamePaymentDeclined, 0, 0, fault.NamePaymentDeclined},
		{TimeoutBefore, fault.NameUnavailable, 0, 0, fault.NameUnavailable},
		{TimeoutAfter, fault.NameUnavailable, 1, 2, fault.NameUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.card, func(t *testing.T) {
			b := open(t)
			for range 2 {
				id, err := b.Charge(t.Context(), "key", amount, tt.card)
				if got := name(err); got != tt.charge || (id == "") != (tt.charge != "") {
					t.Errorf("charge: %q, %v", id, err)
				}
			}
			if got := entries(t, b); len(got) != tt.charged {
				t.Errorf("%d entries after the charge, want %d", len(got), tt.charged)
			}
			for range 2 {
				id, err := b.Cancel(t.Context(), "key")
				if err != nil || (id != "") != (tt.charged > 0) {
					t.Errorf("cancel: %q, %v", id, err)
				}
			}
			if _, err := b.Charge(t.Context(), "key", amount, tt.card); name(err) != tt.late {
				t.Errorf("late charge: %v, want %s", err, tt.late)
			}
			if got := entries(t, b); len(got) != tt.entries {
				t.Errorf("%d entries in the end, want %d", len(got), tt.entries)
			}
		})
	}
}

func TestACancelledKeyIsNeverCharged(t *testing.T) {
	for _, card := range []string{OK, TimeoutBefore, TimeoutAfter, RefundStuck} {
		b := open(t)
		if id, err := b.Cancel(t.Context(), "key"); id != "" || err != nil {
			t.Errorf("cancel: %q, %v", id, err)
		}
		if _, err := b.Charge(t.Context(), "key", amount, card); err == nil {
			t.Errorf("%s: charged", card)
		}
		if got := entries(t, b); len(got) != 0 {
			t.Errorf("%s: entries %+v", card, got)
		}
	}
}

// TestARefundThatIsRefusedOnce is charged although nobody hears it, and refunded by the second call.
func TestARefundThatIsRefusedOnce(t *testing.T) {
	b := open(t)
	for range 2 {
		if _, err := b.Charge(t.Context(), "key", amount, RefundStuck); name(err) != fault.NameUnavailable {
			t.Errorf("charge: %v", err)
		}
	}
	if _, err := b.Cancel(t.Context(), "key"); name(err) != fault.NameConflict || len(entries(t, b)) != 1 {
		t.Errorf("first cancel: %v, entries %+v", err, entries(t, b))
	}
	for range 2 {
		if id, err := b.Cancel(t.Context(), "key"); err != nil || id == "" || len(entries(t, b)) != 2 {
			t.Errorf("next cancel: %q, %v, entries %+v", id, err, entries(t, b))
		}
	}
}

func TestAKeyHasOneAmount(t *testing.T) {
	b := open(t)
	if _, err := b.Charge(t.Context(), "key", amount, OK); err != nil {
		t.Fatal(err)
	}
	other := money.Amount{Minor: 1, Currency: "JPY"}
	if _, err := b.Charge(t.Context(), "key", other, OK); !fault.Is(err, fault.NameIdempotencyMismatch) {
		t.Errorf("another amount: %v", err)
	}
	if _, err := b.Charge(t.Context(), "other", money.Amount{Currency: "JPY"}, OK); fault.KindOf(err) != fault.Invalid {
		t.Errorf("nothing: %v", err)
	}
}

func TestEntriesBalanceAndReverse(t *testing.T) {
	b := open(t)
	if _, err := b.Charge(t.Context(), "key", amount, OK); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Cancel(t.Context(), "key"); err != nil {
		t.Fatal(err)
	}
	balance := map[string]int64{}
	for _, e := range entries(t, b) {
		debit, credit := e.Totals()
		if debit != amount.Minor || credit != amount.Minor || e.Currency != amount.Currency {
			t.Errorf("entry %+v", e)
		}
		for _, p := range e.Postings {
			balance[p.Account] += p.Debit - p.Credit
		}
	}
	if balance[Cards] != 0 || balance[Merchant] != 0 || len(balance) != 2 {
		t.Errorf("balance %v", balance)
	}
}

// racing lets a charge through at the moment a cancel writes.
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

func TestACancelThatLosesToAChargeRefundsIt(t *testing.T) {
	b := open(t)
	b.table = &racing{b.table, func() {
		if _, err := New(b.table.(*racing).Table).Charge(t.Context(), "key", amount, OK); err != nil {
			t.Error(err)
		}
	}}
	id, err := b.Cancel(t.Context(), "key")
	if err != nil || id == "" || len(entries(t, b)) != 2 {
		t.Errorf("cancel: %q, %v, entries %+v", id, err, entries(t, b))
	}
}

func name(err error) string {
	if err == nil {
		return ""
	}
	return fault.NameOf(err)
}

func entries(t *testing.T, b *Bank) []domain.Entry {
	t.Helper()
	all, err := b.Entries(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	return all
}
