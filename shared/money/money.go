// Package money is an amount in whole minor units (cents, yen) of an ISO 4217 currency. Domain and adapters use it
// for every price, so that no price is a floating-point number or a bare integer.
package money

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/bojanz/currency"

	"tripsaga/shared/fault"
	"tripsaga/shared/pattern"
	"tripsaga/shared/text"
)

// Currency is an ISO 4217 code, such as "JPY"; make it with [ParseCurrency].
type Currency string

// notPaidWith are codes of the standard that no card is charged in: fund codes and units of account.
var notPaidWith = []string{"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XAD"}

// ParseCurrency accepts an ISO 4217 code in any case. The error is Invalid and has no field.
func ParseCurrency(code string) (Currency, error) {
	upper := text.Upper(text.Trim(code))
	if upper == "" || !currency.IsValid(upper) || slices.Contains(notPaidWith, upper) {
		return "", fault.Invalidf("", "%q is not a current ISO 4217 currency code, such as JPY or USD", clip(code))
	}
	return Currency(upper), nil
}

// Currencies are all that [ParseCurrency] accepts, sorted.
func Currencies() (all []Currency) {
	for _, code := range slices.Sorted(slices.Values(currency.GetCurrencyCodes())) {
		if c, err := ParseCurrency(code); err == nil {
			all = append(all, c)
		}
	}
	return all
}

// Amount is money. The zero Amount is no money in no currency.
type Amount struct {
	Minor    int64    `json:"minor"` // of the currency's smallest unit
	Currency Currency `json:"currency"`
}

// MaxMinor bounds what [Parse] accepts, so that sums and products of real prices stay far from overflow.
const MaxMinor = 1_000_000_000_000

var decimal = pattern.New(`^[0-9]{1,13}(\.[0-9]{1,4})?$`)

// Parse reads a decimal number in major units: "12.50" USD is 1250 minor units. More decimals than the currency has
// are refused, never rounded. The error is Invalid and has no field.
func Parse(number string, c Currency) (Amount, error) {
	if !decimal().MatchString(number) {
		return Amount{}, fault.Invalidf("", "%q is no amount of 0 to %d minor units, such as 12000 or 149.50", clip(number), int64(MaxMinor))
	}
	a, err := currency.NewAmount(number, string(c))
	if err != nil {
		return Amount{}, fault.Invalidf("", "%q %s: %v", number, c, err)
	}
	if !a.Equal(a.Round()) {
		return Amount{}, fault.Invalidf("", "%s has more decimals than %s allows", number, c)
	}
	minor, err := a.Int64()
	if err != nil || minor > MaxMinor {
		return Amount{}, fault.Invalidf("", "%s %s is more than %d minor units", number, c, int64(MaxMinor))
	}
	return Amount{Minor: minor, Currency: c}, nil
}

// Add is a+b. It fails when the currencies differ or the sum overflows; the zero Amount adds to any currency.
func (a Amount) Add(b Amount) (Amount, error) {
	if a == (Amount{}) {
		return b, nil
	}
	if b == (Amount{}) {
		return a, nil
	}
	if a.Currency != b.Currency {
		return Amount{}, fmt.Errorf("money: %s and %s do not add", a.Currency, b.Currency)
	}
	sum := a.Minor + b.Minor
	if (sum > a.Minor) != (b.Minor > 0) && b.Minor != 0 {
		return Amount{}, fmt.Errorf("money: %d + %d overflows", a.Minor, b.Minor)
	}
	return Amount{Minor: sum, Currency: a.Currency}, nil
}

// Times is n times a. It fails when the product overflows.
func (a Amount) Times(n int64) (Amount, error) {
	if a.Minor == 0 || n == 0 {
		return Amount{Currency: a.Currency}, nil
	}
	product := a.Minor * n
	if product/n != a.Minor {
		return Amount{}, fmt.Errorf("money: %d * %d overflows", a.Minor, n)
	}
	return Amount{Minor: product, Currency: a.Currency}, nil
}

// String is the amount in major units with its code, "149.50 USD", for people.
func (a Amount) String() string {
	formatted, err := currency.NewAmountFromBigInt(big.NewInt(a.Minor), string(a.Currency))
	if err != nil {
		return strings.TrimSpace(fmt.Sprintf("%d minor units of %s", a.Minor, a.Currency)) // withdrawn since
	}
	return formatted.String()
}

// Grouped is String with the thousands separated: "80,000 JPY".
func (a Amount) Grouped() string {
	number, code, _ := strings.Cut(a.String(), " ")
	return strings.TrimSpace(text.Group(number) + " " + code)
}

// clip keeps a refused value short enough to be repeated in a message.
func clip(s string) string {
	const limit = 40
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}
