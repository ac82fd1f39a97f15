package model

import (
	"strings"
	"time"
)

// The partitions begin so.
const (
	tripPK      = "TRIP#"
	flightPK    = "FLIGHT#"
	hotelPK     = "HOTEL#"
	bankPK      = "BANK#"
	executionPK = "EXEC#booking#"
	noticePK    = "NOTICE#booking"
)

// terms are a trip as it was asked for, in the words of the records.
type terms struct {
	Trip
	flight flight
	stay   stay
	seats  []string // the partition of the flight, as a list
}

func newTerms(t Trip) *terms {
	a := &terms{Trip: t, seats: []string{t.Flight}}
	a.flight.Number, a.flight.Date = split(t.Flight, flightPK)
	a.flight.Seats = t.Seats
	if n := len(t.Nights); n > 0 {
		a.stay.Hotel, a.stay.CheckIn = split(t.Nights[0], hotelPK)
		_, last := split(t.Nights[n-1], hotelPK)
		a.stay.CheckOut = dayAfter(last)
		a.stay.Rooms = t.Rooms
	}
	return a
}

// split takes "FLIGHT#TS100#2027-02-01" apart.
func split(partition, prefix string) (id, date string) {
	rest := strings.TrimPrefix(partition, prefix)
	at := strings.LastIndexByte(rest, '#')
	if at < 0 {
		return rest, ""
	}
	return rest[:at], rest[at+1:]
}

func dayAfter(date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return ""
	}
	return t.AddDate(0, 0, 1).Format(time.DateOnly)
}

// seatsOf is where a flight's seats are taken.
func (a *terms) seatsOf(f flight) []string {
	if a != nil && f.Number == a.flight.Number && f.Date == a.flight.Date {
		return a.seats
	}
	return []string{flightPK + f.Number + "#" + f.Date}
}

// nightsOf is where a stay's rooms are taken.
func (a *terms) nightsOf(s stay) []string {
	if a != nil && s.Hotel == a.stay.Hotel && s.CheckIn == a.stay.CheckIn && s.CheckOut == a.stay.CheckOut {
		return a.Nights
	}
	const longest = 400 // of a record that may say anything
	var nights []string
	for d := s.CheckIn; d != "" && d < s.CheckOut && len(nights) < longest; d = dayAfter(d) {
		nights = append(nights, hotelPK+s.Hotel+"#"+d)
	}
	return nights
}
