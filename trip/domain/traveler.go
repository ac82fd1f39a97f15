package domain

import (
	"tripsaga/shared/fault"
	"tripsaga/shared/text"
)

// MaxName is the length of the longest name, in characters (code points of its stored form).
const MaxName = 100

// Traveler is who the trip is for. It is personal data: it stays in the trip's own record.
type Traveler struct {
	Name  string `json:"name"`
	Email Email  `json:"email"`
}

// NewTraveler reports all of its problems at once, on the fields name and email.
func NewTraveler(r TravelerRequest) (Traveler, error) {
	var p fault.Problems
	name, err := text.Clean(r.Name, MaxName)
	p.Add("name", err)
	email, err := ParseEmail(r.Email)
	p.Add("email", err)
	return Traveler{Name: name, Email: email}, p.Err()
}
