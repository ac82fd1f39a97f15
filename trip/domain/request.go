package domain

import (
	"strconv"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
)

// Request is a booking as it comes from outside, nothing of it checked.
type Request struct {
	Traveler TravelerRequest `json:"traveler"`
	Flight   FlightRequest   `json:"flight"`
	Hotel    StayRequest     `json:"hotel"`
	Payment  PaymentRequest  `json:"payment"`
	Currency string          `json:"currency"` // ISO 4217
}

// TravelerRequest becomes a [Traveler].
type TravelerRequest struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// FlightRequest becomes a [Flight].
type FlightRequest struct {
	Number string `json:"number"`
	Date   string `json:"date"`
	Seats  int    `json:"seats"`
}

// StayRequest becomes a [Stay].
type StayRequest struct {
	ID       string `json:"id"`
	CheckIn  string `json:"check_in"`
	CheckOut string `json:"check_out"`
	Rooms    int    `json:"rooms"`
}

// PaymentRequest names the means of payment.
type PaymentRequest struct {
	CardToken string `json:"card_token"`
}

// RequestTrip makes a new trip, PENDING, and its event TripRequested. All problems of the request are reported together
// (see fault.All), each with the path of its field, such as "hotel.check_out".
func RequestTrip(id string, r Request, now time.Time) (*Trip, []Event, error) {
	var p fault.Problems
	traveler, err := NewTraveler(r.Traveler)
	p.Add("traveler", err)
	flight, err := NewFlight(r.Flight)
	p.Add("flight", err)
	stay, err := NewStay(r.Hotel)
	p.Add("hotel", err)
	p.Add("hotel.check_out", checkOrder(flight, stay))
	card, err := ParseCardToken(r.Payment.CardToken)
	p.Add("payment.card_token", err)
	currency, err := money.ParseCurrency(r.Currency)
	p.Add("currency", err)
	if err := p.Err(); err != nil {
		return nil, nil, err
	}
	t := &Trip{id: id, traveler: traveler, flight: flight, stay: stay, card: card, currency: currency,
		status: Pending, created: instant(now), updated: instant(now)}
	t.fingerprint = fingerprint(t)
	return t, []Event{newEvent(TripRequested, id, now)}, nil
}

// checkOrder wants the stay to have a night on or after the day of the flight. A stay may begin earlier: a flight over the
// date line lands on the day before it left. Days that were refused already are not compared.
func checkOrder(f Flight, s Stay) error {
	if f.Date == "" || s.CheckOut <= s.CheckIn || s.CheckOut > f.Date {
		return nil
	}
	return fault.Invalidf("", "%s is not after the flight's day %s: the stay would end before the flight leaves", s.CheckOut, f.Date)
}

// fingerprint covers everything that was asked for, in its normal form.
func fingerprint(t *Trip) string {
	return ident.Fingerprint(t.traveler.Name, string(t.traveler.Email),
		string(t.flight.Number), string(t.flight.Date), strconv.Itoa(t.flight.Seats),
		string(t.stay.Hotel), string(t.stay.CheckIn), string(t.stay.CheckOut), strconv.Itoa(t.stay.Rooms),
		string(t.card), string(t.currency))
}
