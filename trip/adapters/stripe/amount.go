package stripe

import (
	"strings"

	"github.com/bojanz/currency"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
)

// digits are the decimals of Stripe's amounts, for currencies where they are not two. ISK and UGX have two there, which are
// always 00. Those of three must end in 0.
var digits = map[money.Currency]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "JPY": 0, "KMF": 0, "KRW": 0, "MGA": 0, "PYG": 0, "RWF": 0, "VND": 0,
	"VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3,
}

func minorDigits(c money.Currency) int {
	n, _ := currency.GetDigits(string(c))
	return int(n)
}

// scale returns by what an amount in minor units is multiplied and divided to be one of Stripe.
func scale(c money.Currency) (times, by int64) {
	ours := minorDigits(c)
	theirs, ok := digits[c]
	if !ok {
		theirs = 2
	}
	times, by = 1, 1
	for d := ours; d < theirs; d++ {
		times *= 10
	}
	for d := theirs; d < ours; d++ {
		by *= 10
	}
	return times, by
}

// Unit implements [domain.PaymentProvider].
func (p *Provider) Unit(c money.Currency) int64 {
	_, by := scale(c)
	if digits[c] == 3 {
		by *= 10
	}
	return by
}

// toStripe returns an amount as Stripe has it. The error is Conflict for one that Stripe cannot move.
func toStripe(a money.Amount) (amount int64, code string, err error) {
	refused := func(why string) (int64, string, error) {
		return 0, "", fault.New(fault.Conflict, fault.NameConflict, "Stripe cannot move %s: %s", a, why)
	}
	times, by := scale(a.Currency)
	amount = a.Minor * times
	switch {
	case a.Minor <= 0 || a.Minor > money.MaxMinor:
		return refused("allowed is more than 0, and at most what a price may be")
	case digits[a.Currency] == 0 && minorDigits(a.Currency) > 2:
		return refused("it is not known how many decimals this currency has there")
	case amount%by != 0:
		return refused("it has fewer decimals for this currency")
	}
	amount /= by
	if digits[a.Currency] == 3 && amount%10 != 0 {
		return refused("the last of the three decimals must be 0")
	}
	return amount, strings.ToLower(string(a.Currency)), nil
}

// fromStripe is the inverse of toStripe. The error is Conflict for an amount that has no whole minor units.
func fromStripe[C ~string](amount int64, code C) (money.Amount, error) {
	c := money.Currency(strings.ToUpper(string(code)))
	times, by := scale(c)
	minor := amount * by
	if minor%times != 0 {
		return money.Amount{}, fault.New(fault.Conflict, fault.NameConflict, "Stripe's amount %d %s has a part of a minor unit", amount, c)
	}
	return money.Amount{Minor: minor / times, Currency: c}, nil
}
