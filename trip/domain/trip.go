// Package domain is the heart of the bounded context: the Trip aggregate, the value objects it is made of, the events
// it announces, what can be reserved, and the interfaces of the repositories. It does no I/O and reads no clock.
//
// Values that come from outside go through the constructors (New..., Parse...), which return errors of kind Invalid
// that name the field, the value and what is allowed. Values of these types elsewhere are valid.
package domain

import (
	"strconv"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
)

// Status is where a trip stands.
type Status string

// The statuses. A trip ends CONFIRMED or FAILED. NEEDS_ATTENTION means that its saga stopped without an end; when it is
// redriven, the trip still ends one way or the other.
const (
	Pending        Status = "PENDING"
	Confirmed      Status = "CONFIRMED"
	Failed         Status = "FAILED"
	NeedsAttention Status = "NEEDS_ATTENTION"
)

// Statuses lists all of them, each after those from which a trip comes to it.
func Statuses() []Status { return []Status{Pending, NeedsAttention, Confirmed, Failed} }

// Reason tells why a trip failed or needs attention, or why a step was refused.
type Reason struct {
	Name    string `json:"name"` // a stable name of package fault, or one of the state machine's
	Message string `json:"message"`
}

// Trip is the aggregate root: what was asked for and how it stands. Its verbs (RequestTrip, Confirm, Fail,
// MarkNeedsAttention) return the events to announce; no event means that nothing changed and nothing is to be saved.
type Trip struct {
	id          string
	traveler    Traveler
	flight      Flight
	stay        Stay
	card        CardToken
	currency    money.Currency
	fingerprint string
	status      Status
	reason      Reason
	total       money.Amount
	version     int64
	created     time.Time
	updated     time.Time
}

// ID is a UUID; it names the trip's saga too.
func (t *Trip) ID() string { return t.id }

// Traveler is who it is for.
func (t *Trip) Traveler() Traveler { return t.traveler }

// Flight is the flight asked for.
func (t *Trip) Flight() Flight { return t.flight }

// Stay is the hotel stay asked for.
func (t *Trip) Stay() Stay { return t.stay }

// Card is the token that the bank charges.
func (t *Trip) Card() CardToken { return t.card }

// Currency is what the traveler pays in; flight and hotel must be priced in it.
func (t *Trip) Currency() money.Currency { return t.currency }

// Fingerprint tells two requests apart that came under one id.
func (t *Trip) Fingerprint() string { return t.fingerprint }

// Status is where the trip stands.
func (t *Trip) Status() Status { return t.status }

// Ended tells that the trip is CONFIRMED or FAILED, which is for good.
func (t *Trip) Ended() bool { return t.status == Confirmed || t.status == Failed }

// Reason is the zero Reason unless the trip failed or needs attention.
func (t *Trip) Reason() Reason { return t.reason }

// Total is what was paid, the zero Amount before the trip is confirmed.
func (t *Trip) Total() money.Amount { return t.total }

// Version counts the changes; a trip never saved has 0.
func (t *Trip) Version() int64 { return t.version }

// Created is when the trip was asked for, to the millisecond, in UTC.
func (t *Trip) Created() time.Time { return t.created }

// Updated is when the trip last changed, to the millisecond, in UTC.
func (t *Trip) Updated() time.Time { return t.updated }

// change moves the trip to another status.
func (t *Trip) change(to Status, reason Reason, now time.Time) {
	t.status, t.reason, t.updated = to, reason, instant(now)
}

// instant cuts a time to what the records keep.
func instant(now time.Time) time.Time { return now.UTC().Truncate(time.Millisecond) }

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

// Confirm ends the trip well; total is what was paid. A trip confirmed already stays as it is. Errors: Conflict when it
// has failed, or when the total is not in the trip's currency.
func (t *Trip) Confirm(total money.Amount, now time.Time) ([]Event, error) {
	switch {
	case t.status == Confirmed:
		return nil, nil
	case t.status == Failed:
		return nil, fault.New(fault.Conflict, fault.NameConflict, "trip %s has failed and cannot be confirmed", t.id)
	case total.Currency != t.currency:
		return nil, fault.New(fault.Conflict, fault.NameConflict,
			"trip %s is in %s, it cannot be confirmed with %s", t.id, t.currency, total)
	}
	t.change(Confirmed, Reason{}, now)
	t.total = total
	e := newEvent(TripConfirmed, t.id, now)
	e.Amount = total
	return []Event{e}, nil
}

// Fail ends the trip badly. A trip that has failed already keeps its first reason. Errors: Conflict when it is
// confirmed.
func (t *Trip) Fail(reason Reason, now time.Time) ([]Event, error) {
	switch t.status {
	case Failed:
		return nil, nil
	case Confirmed:
		return nil, fault.New(fault.Conflict, fault.NameConflict, "trip %s is confirmed and cannot fail", t.id)
	}
	t.change(Failed, reason, now)
	e := newEvent(TripFailed, t.id, now)
	e.Reason = reason
	return []Event{e}, nil
}

// ReasonOverdue is the reason's name while a trip's saga may be running still, only for too long.
const ReasonOverdue = "Overdue"

// MarkNeedsAttention notes that the trip's saga stopped without an end, or is overdue. A trip that has ended stays as it
// is: news of a stop may come late, when a redrive has ended the trip. One that is marked is marked again, and announced
// again, when the reason is another: the saga that was overdue has stopped, or one that was redriven has failed elsewhere.
// Being overdue is no news of a trip that is marked.
func (t *Trip) MarkNeedsAttention(reason Reason, now time.Time) []Event {
	again := t.status == NeedsAttention && reason != t.reason && reason.Name != ReasonOverdue
	if t.status != Pending && !again {
		return nil
	}
	t.change(NeedsAttention, reason, now)
	e := newEvent(TripNeedsAttention, t.id, now)
	e.Reason = reason
	if again {
		e.Again = t.version
		e.ID = ident.Derive("event", t.id, string(TripNeedsAttention), strconv.FormatInt(e.Again, 10))
	}
	return []Event{e}
}

// CheckRedrive refuses to resume the saga of a trip that has failed: all that was done is compensated already, and the
// saga could only record the failure again. Errors: NotRedrivable of kind Conflict.
func (t *Trip) CheckRedrive() error {
	if t.status != Failed {
		return nil
	}
	return fault.New(fault.Conflict, "NotRedrivable",
		"trip %s has FAILED (%s) and everything is compensated, nothing is left to resume; book a new trip", t.id, t.reason.Name)
}

// Snapshot is a trip laid open for storage.
type Snapshot struct {
	ID          string
	Traveler    Traveler
	Flight      Flight
	Stay        Stay
	Card        CardToken
	Currency    money.Currency
	Fingerprint string
	Status      Status
	Reason      Reason
	Total       money.Amount
	Version     int64
	Created     time.Time
	Updated     time.Time
}

// RestoreTrip is the back door by which storage returns a trip; nothing is checked.
func RestoreTrip(s Snapshot) *Trip {
	return &Trip{id: s.ID, traveler: s.Traveler, flight: s.Flight, stay: s.Stay, card: s.Card, currency: s.Currency,
		fingerprint: s.Fingerprint, status: s.Status, reason: s.Reason, total: s.Total,
		version: s.Version, created: s.Created, updated: s.Updated}
}

// Snapshot is what [RestoreTrip] takes.
func (t *Trip) Snapshot() Snapshot {
	return Snapshot{ID: t.id, Traveler: t.traveler, Flight: t.flight, Stay: t.stay, Card: t.card, Currency: t.currency,
		Fingerprint: t.fingerprint, Status: t.status, Reason: t.reason, Total: t.total,
		Version: t.version, Created: t.created, Updated: t.updated}
}
