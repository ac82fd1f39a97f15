package domain

import (
	"regexp"

	"tripsaga/shared/fault"
)

// CardToken stands for a card at the bank, such as "tok_ok". It prints as asterisks; convert it to string for the bank.
type CardToken string

var cardToken = regexp.MustCompile(`^tok_[A-Za-z0-9_]{1,60}$`)

// ParseCardToken accepts "tok_" and 1 to 60 letters, digits and underscores. The error is Invalid, has no field and
// does not repeat the value.
func ParseCardToken(s string) (CardToken, error) {
	if !cardToken.MatchString(s) {
		return "", fault.Invalidf("", "the value is no card token: tok_ and 1 to 60 letters, digits and underscores")
	}
	return CardToken(s), nil
}

func (CardToken) String() string { return "tok_***" }

// GoString keeps the token out of %#v too.
func (t CardToken) GoString() string { return t.String() }
