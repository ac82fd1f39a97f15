package domain

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"tripsaga/shared/fault"
)

// The bounds of what a traveler may be called.
const (
	MaxName  = 100 // characters
	MaxEmail = 254 // bytes, RFC 5321 section 4.5.3.1.3
)

// Traveler is who the trip is for. It is personal data: it stays in the trip's own record.
type Traveler struct {
	Name  string `json:"name"`
	Email Email  `json:"email"`
}

// NewTraveler reports all of its problems at once, on the fields name and email.
func NewTraveler(r TravelerRequest) (Traveler, error) {
	var p fault.Problems
	name, err := parseName(r.Name)
	p.Add("name", err)
	email, err := ParseEmail(r.Email)
	p.Add("email", err)
	return Traveler{Name: name, Email: email}, p.Err()
}

// Email is an address without a display name, "ada@example.com".
type Email string

// ParseEmail accepts what RFC 5322 calls an addr-spec. The error is Invalid and has no field.
func ParseEmail(s string) (Email, error) {
	s = strings.TrimSpace(s)
	if len(s) > MaxEmail {
		return "", fault.Invalidf("", "%s has %d bytes, allowed are at most %d", quote(s), len(s), MaxEmail)
	}
	addr, err := mail.ParseAddress(s)
	if err != nil || addr.Address != s || strings.ContainsFunc(s, unprintable) {
		return "", fault.Invalidf("", "%s is no e-mail address, such as ada@example.com", quote(s))
	}
	return Email(s), nil
}

func parseName(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch n := utf8.RuneCountInString(s); {
	case n < 1 || n > MaxName:
		return "", fault.Invalidf("", "%s has %d characters, allowed are 1 to %d", quote(s), n, MaxName)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unprintable):
		return "", fault.Invalidf("", "%s has characters that cannot be printed", quote(s))
	}
	return s, nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
