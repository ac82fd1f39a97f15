package money

import (
	"math"
	"testing"

	"tripsaga/shared/fault"
)

func TestParse(t *testing.T) {
	tests := []struct {
		number   string
		currency Currency
		minor    int64
		ok       bool
	}{
		{"12000", "JPY", 12000, true},
		{"149.50", "USD", 14950, true},
		{"149.5", "USD", 14950, true},
		{"1.234", "BHD", 1234, true},
		{"0", "USD", 0, true},
		{"12.5", "JPY", 0, false},
		{"1.234", "USD", 0, false},
		{"-1", "USD", 0, false},
		{"1e3", "USD", 0, false},
		{"NaN", "USD", 0, false},
		{"", "USD", 0, false},
		{"9999999999999", "USD", 0, false},
		{"1", "ZZZ", 0, false},
	}
	for _, tt := range tests {
		got, err := Parse(tt.number, tt.currency)
		if (err == nil) != tt.ok {
			t.Errorf("Parse(%q, %s): error %v, want ok %v", tt.number, tt.currency, err, tt.ok)
			continue
		}
		if tt.ok && got != (Amount{tt.minor, tt.currency}) {
			t.Errorf("Parse(%q, %s) = %+v, want %d", tt.number, tt.currency, got, tt.minor)
		}
		if !tt.ok && fault.KindOf(err) != fault.Invalid {
			t.Errorf("Parse(%q, %s): kind %v, want invalid", tt.number, tt.currency, fault.KindOf(err))
		}
	}
}

func TestParseCurrency(t *testing.T) {
	for code, want := range map[string]Currency{"jpy": "JPY", " USD ": "USD", "": "", "US": "", "ABC": "", "円": "",
		"XCG": "XCG", "ZWG": "ZWG", "CHF": "CHF", // current in 2026
		"ANG": "", "BGN": "", "HRK": "", "ZWL": "", // withdrawn
		"XXX": "", "XAU": "", "XTS": "", "XDR": "", "USN": "", "CHE": "", "CLF": "", "UYW": "", "XAD": "", // no money that is paid with
		"uſd": "", "USD\n": "", "ＵＳＤ": ""} {
		got, err := ParseCurrency(code)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ParseCurrency(%q) = %q, %v; want %q", code, got, err, want)
		}
	}
}

func TestArithmeticRefusesWhatItCannotDo(t *testing.T) {
	usd := func(n int64) Amount { return Amount{n, "USD"} }
	if sum, err := usd(100).Add(usd(-30)); err != nil || sum != usd(70) {
		t.Errorf("100 + -30 = %v, %v", sum, err)
	}
	if sum, err := (Amount{}).Add(usd(5)); err != nil || sum != usd(5) {
		t.Errorf("nothing + 5 = %v, %v", sum, err)
	}
	if _, err := usd(1).Add(Amount{1, "JPY"}); err == nil {
		t.Error("two currencies were added")
	}
	if _, err := usd(math.MaxInt64).Add(usd(1)); err == nil {
		t.Error("an overflowing sum was accepted")
	}
	if _, err := usd(math.MaxInt64).Times(2); err == nil {
		t.Error("an overflowing product was accepted")
	}
	if p, err := usd(250).Times(3); err != nil || p != usd(750) {
		t.Errorf("3 * 250 = %v, %v", p, err)
	}
}

func TestStringIsInMajorUnits(t *testing.T) {
	for want, a := range map[string]Amount{"149.50 USD": {14950, "USD"}, "12000 JPY": {12000, "JPY"},
		"1250 minor units of BGN": {1250, "BGN"}} {
		if a.String() != want {
			t.Errorf("%d %s prints as %q, want %q", a.Minor, a.Currency, a.String(), want)
		}
	}
}
