package domain

import (
	"strings"

	"tripsaga/shared/fault"
	"tripsaga/shared/pattern"
	"tripsaga/shared/text"
)

// FlightNumber is an airline designator of two characters and up to four digits without leading zeros, perhaps with an
// operational suffix: "JL5", "9W123A" (IATA Standard Schedules Information Manual, chapter 2).
type FlightNumber string

var (
	flightNumber = pattern.New(`^([A-Z][A-Z0-9]|[0-9][A-Z])0*([1-9][0-9]{0,3})([A-Z]?)$`)
	plainNumber  = pattern.New(`^(?:[A-Z][A-Z0-9]|[0-9][A-Z])[1-9][0-9]{0,3}[A-Z]?$`) // without leading zeros, as it is stored
)

// ParseFlightNumber accepts any case, one space or hyphen-free form as printed on a ticket ("jl 005" is JL5). The error
// is Invalid and has no field.
func ParseFlightNumber(s string) (FlightNumber, error) {
	const longest = len("JL 0005A")
	compact := strings.Replace(text.Upper(text.Trim(s)), " ", "", 1)
	if plainNumber().MatchString(compact) {
		return FlightNumber(compact), nil
	}
	m := flightNumber().FindStringSubmatch(compact)
	if m == nil || len(compact) > longest-1 {
		return "", fault.Invalidf("", "%s is not a flight number: a 2-character airline designator and 1 to 4 digits, "+
			"such as JL5 or NH 106", quote(s))
	}
	return FlightNumber(m[1] + m[2] + m[3]), nil
}

// MaxSeats is the maximum number of seats of one trip.
const MaxSeats = 9

// Flight is the requested flight of a trip.
type Flight struct {
	Number FlightNumber `json:"number"`
	Date   Date         `json:"date"` // of departure, local to the airport
	Seats  int          `json:"seats"`
}

// NewFlight reports all problems together, on the fields number, date and seats.
func NewFlight(r FlightRequest) (Flight, error) {
	var p fault.Problems
	number, err := ParseFlightNumber(r.Number)
	p.Add("number", err)
	date, err := ParseDate(r.Date)
	p.Add("date", err)
	p.Add("seats", within(r.Seats, 1, MaxSeats))
	return Flight{Number: number, Date: date, Seats: r.Seats}, p.Err()
}
