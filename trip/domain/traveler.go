package domain

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"tripsaga/shared/fault"
	"tripsaga/shared/pattern"
	"tripsaga/shared/text"
)

// MaxName is the length of the longest name, in characters (code points of its stored form).
const MaxName = 100

// Traveler is the person who travels. It is personal data and stored only in the trip's own record.
type Traveler struct {
	Name  string `json:"name"`
	Email Email  `json:"email"`
}

// NewTraveler reports all problems together, on the fields name and email.
func NewTraveler(r TravelerRequest) (Traveler, error) {
	var p fault.Problems
	name, err := text.Clean(r.Name, MaxName)
	p.Add("name", err)
	email, err := ParseEmail(r.Email)
	p.Add("email", err)
	return Traveler{Name: name, Email: email}, p.Err()
}

// The maximum lengths of an address and of its local part, in bytes of the stored form (RFC 5321, section 4.5.3.1).
const (
	MaxEmail      = 254
	maxEmailLocal = 64
)

// Email is an address without a display name in its stored form: the local part in Unicode NFC, the domain in lower case
// and in ASCII ("Ada@MÜNCHEN.de" is "Ada@xn--mnchen-3ya.de").
type Email string

// ParseEmail accepts a dot-atom and a domain of the Internet (RFC 5321, with the letters of RFC 6531): no quoted local
// part, no address literal, no comment, no display name. The domain has two labels or more and is valid as an internationalized name (UTS #46).
// Spaces around the address are dropped. The error is Invalid and has no field.
func ParseEmail(s string) (Email, error) {
	s = text.Trim(s)
	local, host, _ := strings.Cut(s, "@")
	local = norm.NFC.String(local)
	domain, why := emailDomain(host)
	switch {
	case len(s) > 2*MaxEmail: // checked before the value is repeated or processed
		return "", fault.Invalidf("", "%s has %d bytes, allowed are at most %d", quote(s), len(s), MaxEmail)
	case !emailLocal(local):
		why = "what is before the @ may have letters, digits, single dots within and !#$%&'*+-/=?^_`{|}~"
	case why == "" && len(local) > maxEmailLocal:
		why = "there are more than 64 bytes before the @"
	case why == "" && len(local)+1+len(domain) > MaxEmail:
		why = "it has more than 254 bytes"
	}
	if why != "" {
		return "", fault.Invalidf("", "%s is not an e-mail address, such as ada@example.com: %s", quote(s), why)
	}
	return Email(local + "@" + domain), nil
}

var dotAtom = pattern.New("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+)*$")

// emailLocal applies the rule for all text to letters beyond ASCII, and allows no spaces.
func emailLocal(s string) bool {
	if !dotAtom().MatchString(s) || text.Hides(s) {
		return false
	}
	return !strings.ContainsFunc(s, text.Space)
}

var (
	ascii     = idna.New(idna.ValidateForRegistration())
	allDigits = pattern.New(`^[0-9]+$`)
)

// emailDomain returns the stored form of the domain, or why it is refused. Only "." separates labels.
func emailDomain(host string) (domain, why string) {
	host = norm.NFC.String(strings.ToLower(host))
	if len(host) > 2*MaxEmail {
		return "", "the domain is too long"
	}
	domain, err := ascii.ToASCII(host)
	dot := strings.LastIndexByte(domain, '.')
	switch {
	case host == "" || err != nil:
		return "", "what is after the @ is not a domain of letters, digits and hyphens, such as example.com"
	case dot < 0 || dot == len(domain)-1:
		return "", "the domain needs two labels or more, such as example.com, and no dot at its end"
	case allDigits().MatchString(domain[dot+1:]):
		return "", "the domain's last label cannot be a number"
	}
	return domain, ""
}

// CardToken represents a card at the bank, such as "tok_ok" or Stripe's "pm_card_visa". It prints as asterisks. Convert it to string for the bank.
type CardToken string

var cardToken = pattern.New(`^(tok|pm)_[A-Za-z0-9_]{1,60}$`)

// ParseCardToken accepts "tok_" or "pm_" and 1 to 60 letters, digits and underscores. The error is Invalid, has no field and
// does not repeat the value.
func ParseCardToken(s string) (CardToken, error) {
	if !cardToken().MatchString(s) {
		return "", fault.Invalidf("", "the value is not a card token: tok_ or pm_, and 1 to 60 letters, digits and underscores")
	}
	return CardToken(s), nil
}

func (CardToken) String() string { return "tok_***" }

// GoString keeps the token out of %#v too.
func (t CardToken) GoString() string { return t.String() }
