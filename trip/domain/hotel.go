package domain

import (
	"tripsaga/shared/fault"
	"tripsaga/shared/pattern"
	"tripsaga/shared/text"
)

// HotelID is the code of a hotel, such as "TYO-PARK": 3 to 32 characters of A-Z, 0-9 and hyphen.
type HotelID string

var hotelID = pattern.New(`^[A-Z0-9][A-Z0-9-]{1,30}[A-Z0-9]$`)

// ParseHotelID accepts any case. The error is Invalid and has no field.
func ParseHotelID(s string) (HotelID, error) {
	id := text.Upper(text.Trim(s))
	if !hotelID().MatchString(id) {
		return "", fault.Invalidf("", "%s is not a hotel id: 3 to 32 letters, digits and hyphens, such as TYO-PARK", quote(s))
	}
	return HotelID(id), nil
}

// The bounds of a stay.
const (
	MaxNights = 30
	MaxRooms  = 9
)

// Stay is the requested hotel stay of a trip.
type Stay struct {
	Hotel    HotelID `json:"id"`
	CheckIn  Date    `json:"check_in"`
	CheckOut Date    `json:"check_out"` // the morning after the last night
	Rooms    int     `json:"rooms"`
}

// NewStay reports all problems together, on the fields id, check_in, check_out and rooms.
func NewStay(r StayRequest) (Stay, error) {
	var p fault.Problems
	id, err := ParseHotelID(r.ID)
	p.Add("id", err)
	in, inErr := ParseDate(r.CheckIn)
	p.Add("check_in", inErr)
	out, outErr := ParseDate(r.CheckOut)
	p.Add("check_out", outErr)
	if inErr == nil && outErr == nil {
		p.Add("check_out", checkNights(in, out))
	}
	p.Add("rooms", within(r.Rooms, 1, MaxRooms))
	return Stay{Hotel: id, CheckIn: in, CheckOut: out, Rooms: r.Rooms}, p.Err()
}

func checkNights(in, out Date) error {
	nights := in.Until(out)
	if nights < 1 {
		return fault.Invalidf("", "%s is not after check_in %s", out, in)
	}
	if nights > MaxNights {
		return fault.Invalidf("", "%s is %d nights after check_in %s, allowed are 1 to %d", out, nights, in, MaxNights)
	}
	return nil
}

// Nights lists the days whose nights the stay includes.
func (s Stay) Nights() []Date {
	nights := make([]Date, 0, s.CheckIn.Until(s.CheckOut))
	first := s.CheckIn.Time()
	for d := s.CheckIn; d < s.CheckOut; d = DateOf(first.AddDate(0, 0, len(nights))) {
		nights = append(nights, d)
	}
	return nights
}
