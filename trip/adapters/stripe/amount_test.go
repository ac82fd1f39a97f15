package stripe

import (
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
)

func TestAmounts(t *testing.T) {
	tests := []struct {
		minor    int64
		currency money.Currency
		want     int64 // 0 is refused
	}{
		{14950, "USD", 14950},
		{1, "EUR", 1},
		{2500, "JPY", 2500},
		{5, "KRW", 5},
		{120, "ISK", 12000}, // no decimals in the standard, two at Stripe
		{7000, "UGX", 700000},
		{1230, "KWD", 1230},
		{1234, "KWD", 0}, // three decimals of which the last must be 0
		{1235, "TND", 0},
		{500, "MGA", 5}, // two decimals in the standard, none at Stripe
		{501, "MGA", 0},
		{1000, "LYD", 0}, // not known at Stripe
		{1000, "IQD", 0},
		{0, "USD", 0},
		{-5, "USD", 0},
		{money.MaxMinor + 1, "UGX", 0},
	}
	for _, tt := range tests {
		a := money.Amount{Minor: tt.minor, Currency: tt.currency}
		got, code, err := toStripe(a)
		if got != tt.want || (err == nil) != (tt.want > 0) {
			t.Errorf("%s: %d, %v, want %d", a, got, err, tt.want)
		}
		if err != nil {
			if !fault.Is(err, fault.NameConflict) || fault.KindOf(err) != fault.Conflict {
				t.Errorf("%s: %v", a, err)
			}
			continue
		}
		if back, err := fromStripe(got, code); back != a || err != nil {
			t.Errorf("%s comes back as %s, %v", a, back, err)
		}
	}
	if _, err := fromStripe(12050, "isk"); !fault.Is(err, fault.NameConflict) {
		t.Errorf("half a króna: %v", err)
	}
}

// TestEveryCurrency has the decimals that this package knows of it, or is refused.
func TestEveryCurrency(t *testing.T) {
	for _, c := range money.Currencies() {
		a := money.Amount{Minor: 123000, Currency: c}
		amount, code, err := toStripe(a)
		if err != nil {
			if c != "LYD" && c != "IQD" {
				t.Errorf("%s: %v", c, err)
			}
			continue
		}
		if back, err := fromStripe(amount, code); back != a || err != nil {
			t.Errorf("%s comes back as %s, %v", a, back, err)
		}
		unit := (&Provider{}).Unit(c) // every multiple can be moved, and nothing between
		for minor := int64(1); minor <= 200; minor++ {
			if _, _, err := toStripe(money.Amount{Minor: minor, Currency: c}); (err == nil) != (minor%unit == 0) {
				t.Errorf("%s: %d in steps of %d: %v", c, minor, unit, err)
			}
		}
	}
	for c, want := range map[money.Currency]int64{"KWD": 10, "MGA": 100, "JPY": 1, "USD": 1, "ISK": 1} {
		if got := (&Provider{}).Unit(c); got != want {
			t.Errorf("%s moves in steps of %d, want %d", c, got, want)
		}
	}
}
