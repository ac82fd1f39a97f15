package money

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bojanz/currency"
)

// TestTheCodesAreTheStandards compares the table with a library that follows ISO 4217. If a new version of the library has
// other codes, take them over.
func TestTheCodesAreTheStandards(t *testing.T) {
	want := make([]string, len(codes))
	for _, code := range slices.Sorted(slices.Values(currency.GetCurrencyCodes())) {
		digits, _ := currency.GetDigits(code)
		want[digits] = strings.TrimSpace(want[digits] + " " + code)
	}
	for digits := range codes {
		if codes[digits] != want[digits] {
			t.Errorf("codes with %d decimals:\n%s, want\n%s", digits, codes[digits], want[digits])
		}
	}
	for _, code := range []Currency{"", "U", "US", "D U", " US", "USDT", "USD UYU", "usd"} {
		if n, ok := code.Digits(); ok {
			t.Errorf("%q is a currency with %d decimals", code, n)
		}
	}
}

// TestAmountsAreThoseOfADecimalLibrary parses and prints amounts of every currency, and of two that do not exist, as a library
// for decimals does.
func TestAmountsAreThoseOfADecimalLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	numbers := []string{"0", "00", "0.0", "0.0000", "1.10", "1.100", "1.1000", "1.0001", "1.0", "007.50", "10000000000.00",
		"10000000000.01", "1000000000000", "1000000000001", "9999999999999", "9999999999999.9999", "0.0001", "1.", ".5", "1.00000"}
	minors := []int64{0, 1, -1, 9, 10, 99, -99, 100, 999, 1000, -1000, 9999, 10000, MaxMinor, math.MaxInt64, math.MinInt64}
	for range 200 {
		whole, part := random.Int64N(10_000_000_000_000)>>random.IntN(44), random.IntN(10_000)
		numbers = append(numbers, fmt.Sprintf("%d.%04d", whole, part)[:len(fmt.Sprint(whole))+2+random.IntN(4)], fmt.Sprint(whole))
		minors = append(minors, int64(random.Uint64())>>random.IntN(64))
	}
	for _, code := range append(currency.GetCurrencyCodes(), "ZZZ", "") {
		c := Currency(code)
		for _, number := range numbers {
			got, err := Parse(number, c)
			want, wantErr := parseByLibrary(number, c)
			if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("Parse(%q, %q) = %+v, %v; want %+v, %v", number, code, got, err, want, wantErr)
			}
		}
		for _, minor := range minors {
			want := strings.TrimSpace(fmt.Sprintf("%d minor units of %s", minor, code))
			if a, err := currency.NewAmountFromBigInt(big.NewInt(minor), code); err == nil {
				want = a.String()
			}
			if got := (Amount{Minor: minor, Currency: c}).String(); got != want {
				t.Errorf("%d %q prints as %q, want %q", minor, code, got, want)
			}
		}
	}
}

func parseByLibrary(number string, c Currency) (Amount, error) {
	refused := func(format string, args ...any) (Amount, error) {
		return Amount{}, fmt.Errorf(format, args...)
	}
	if !decimal().MatchString(number) {
		return refused("%q is no amount of 0 to %d minor units, such as 12000 or 149.50", number, int64(MaxMinor))
	}
	a, err := currency.NewAmount(number, string(c))
	if err != nil {
		return refused("%q %s: %v", number, c, err)
	}
	if !a.Equal(a.Round()) {
		return refused("%s has more decimals than %s allows", number, c)
	}
	minor, err := a.Int64()
	if err != nil || minor > MaxMinor {
		return refused("%s %s is more than %d minor units", number, c, int64(MaxMinor))
	}
	return Amount{Minor: minor, Currency: c}, nil
}
