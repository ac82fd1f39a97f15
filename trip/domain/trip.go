// Package domain is the core of the bounded context: the aggregate [Trip], its value objects, the events it announces,
// what can be reserved, and the interfaces of the repositories. It does no I/O and reads no clock.
//
// Values from outside go through a constructor (New..., Parse...). Its errors are of kind Invalid and name the field,
// the value and what is allowed. A value of these types anywhere else is valid.
//
// A new field of a booking is added to the request below, to its value object or to [Snapshot], and to [RequestTrip]
// with its fingerprint. A field of [Snapshot] needs a line in adapters/store's tripRecord, too: the two are converted
// into each other, so the compiler finds what is missing. The API's JSON (package wire) is separate on purpose: clients depend
// on it, and records and clients change at different times. Its request is converted into [Request], field by field, too.
package domain

import (
	"fmt"
	"strconv"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
)

// Status is the status of a trip.
type Status string

// The statuses. A booking ends CONFIRMED or FAILED, or CANCELLED if the client has cancelled it before it was confirmed. A
// cancellation of a confirmed trip ends CANCELLED. NEEDS_ATTENTION means that the trip's saga, of either kind, stopped
// without an end, or takes too long. A redrive then still ends the trip one way or the other.
const (
	Pending        Status = "PENDING"
	NeedsAttention Status = "NEEDS_ATTENTION"
	Confirmed      Status = "CONFIRMED"
	Cancelling     Status = "CANCELLING"
	Cancelled      Status = "CANCELLED"
	Failed         Status = "FAILED"
)

// Statuses lists all statuses, each after those that a trip can have before it. The exception is that NEEDS_ATTENTION can also
// follow CANCELLING.
func Statuses() []Status {
	return []Status{Pending, NeedsAttention, Confirmed, Cancelling, Cancelled, Failed}
}

// Reason says why a trip failed or needs attention, or why a step was refused.
type Reason struct {
	Name    string `json:"name"` // a stable name of package fault, or one of the state machine's
	Message string `json:"message"`
}

// Trip is the aggregate root: a request and its status. Its verbs (RequestTrip, Confirm, Fail, RequestCancellation, Cancel,
// MarkNeedsAttention) return the events to announce. If they return no event, nothing has changed and nothing must be saved.
type Trip struct{ s Snapshot }

// Snapshot is the state of a trip, for storage.
type Snapshot struct {
	ID          string // a UUID; the trip's sagas have the same id
	Traveler    Traveler
	Flight      Flight
	Stay        Stay
	Card        CardToken // the bank charges it; missing once the booking has ended
	Currency    money.Currency
	Fingerprint string
	Status      Status
	Reason      Reason
	Total       money.Amount

	Cancellation Cancellation

	Created time.Time
	Updated time.Time
	Version int64
}

// RestoreTrip is for storage: it returns the trip of a snapshot and checks nothing.
func RestoreTrip(s Snapshot) *Trip { return &Trip{s} }

// Snapshot returns what [RestoreTrip] takes.
func (t *Trip) Snapshot() Snapshot { return t.s }

// ID returns the trip's id, a UUID. The trip's sagas have the same id.
func (t *Trip) ID() string { return t.s.ID }

// Traveler returns the person who travels.
func (t *Trip) Traveler() Traveler { return t.s.Traveler }

// Flight returns the requested flight.
func (t *Trip) Flight() Flight { return t.s.Flight }

// Stay returns the requested hotel stay.
func (t *Trip) Stay() Stay { return t.s.Stay }

// Card returns the token that the bank charges.
func (t *Trip) Card() CardToken { return t.s.Card }

// Currency returns the currency of the payment. The prices of flight and hotel must be in this currency.
func (t *Trip) Currency() money.Currency { return t.s.Currency }

// Fingerprint returns a hash of the request, which detects a different request with the same id.
func (t *Trip) Fingerprint() string { return t.s.Fingerprint }

// Status returns the trip's status.
func (t *Trip) Status() Status { return t.s.Status }

// Ended reports whether the trip's saga has ended: the trip is CONFIRMED, CANCELLED or FAILED. The last two are final.
func (t *Trip) Ended() bool {
	return t.s.Status == Confirmed || t.s.Status == Cancelled || t.s.Status == Failed
}

// Reason returns why the trip failed, needs attention or was cancelled before it was confirmed; otherwise the zero Reason.
func (t *Trip) Reason() Reason { return t.s.Reason }

// Total returns what was paid; the zero Amount before the trip is confirmed.
func (t *Trip) Total() money.Amount { return t.s.Total }

// Version returns the number of changes. It is 0 for a trip that was never saved.
func (t *Trip) Version() int64 { return t.s.Version }

// Created returns the time of the request, to the millisecond, in UTC.
func (t *Trip) Created() time.Time { return t.s.Created }

// Updated returns the time of the last change, to the millisecond, in UTC.
func (t *Trip) Updated() time.Time { return t.s.Updated }

// Request is an unchecked booking from a client.
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

// PaymentRequest is the means of payment.
type PaymentRequest struct {
	CardToken string `json:"card_token"`
}

// RequestTrip creates a PENDING trip and its event TripRequested. It reports all problems of the request together (see
// fault.All), each with the path of its field, such as "hotel.check_out".
func RequestTrip(id string, r Request, now time.Time) (*Trip, []Event, error) {
	s := Snapshot{ID: id, Status: Pending, Created: instant(now), Updated: instant(now)}
	var p fault.Problems
	var err error
	s.Traveler, err = NewTraveler(r.Traveler)
	p.Add("traveler", err)
	s.Flight, err = NewFlight(r.Flight)
	p.Add("flight", err)
	s.Stay, err = NewStay(r.Hotel)
	p.Add("hotel", err)
	p.Add("hotel.check_out", checkOrder(s.Flight, s.Stay))
	s.Card, err = ParseCardToken(r.Payment.CardToken)
	p.Add("payment.card_token", err)
	s.Currency, err = money.ParseCurrency(r.Currency)
	p.Add("currency", err)
	if err := p.Err(); err != nil {
		return nil, nil, err
	}
	s.Fingerprint = s.fingerprint()
	return &Trip{s}, []Event{newEvent(TripRequested, id, now)}, nil
}

// checkOrder requires a night on or after the day of the flight. A stay may begin a day earlier: a flight over the date
// line lands on the day before its departure. Days that were refused already are not compared.
func checkOrder(f Flight, s Stay) error {
	if f.Date == "" || s.CheckOut <= s.CheckIn || s.CheckOut > f.Date {
		return nil
	}
	return fault.Invalidf("", "%s is not after the flight's day %s: the stay would end before the flight leaves", s.CheckOut, f.Date)
}

// fingerprint covers every requested field in its normal form, so that two spellings of one request are the same.
func (s *Snapshot) fingerprint() string {
	return ident.Fingerprint(s.Traveler.Name, string(s.Traveler.Email),
		string(s.Flight.Number), string(s.Flight.Date), strconv.Itoa(s.Flight.Seats),
		string(s.Stay.Hotel), string(s.Stay.CheckIn), string(s.Stay.CheckOut), strconv.Itoa(s.Stay.Rooms),
		string(s.Card), string(s.Currency))
}

// Confirm ends the booking successfully. total is what was paid. If the client has requested a cancellation meanwhile, the trip
// becomes CANCELLING. A trip that was confirmed before does not change, whatever its status is now: a retried confirmation may
// be late. Errors: Conflict when the trip has failed, or when total is not in the trip's currency.
func (t *Trip) Confirm(total money.Amount, now time.Time) ([]Event, error) {
	switch {
	case t.Confirmed():
		return nil, nil
	case t.Ended():
		return nil, fault.New(fault.Conflict, fault.NameConflict, "trip %s is %s and cannot be confirmed", t.s.ID, t.s.Status)
	case total.Currency != t.s.Currency:
		return nil, fault.New(fault.Conflict, fault.NameConflict,
			"trip %s is in %s, it cannot be confirmed with %s", t.s.ID, t.s.Currency, total)
	}
	t.s.Total = total
	if _, requested := t.Cancellation(); requested {
		t.cancelling(now)
	} else {
		t.change(Confirmed, Reason{}, now)
	}
	e := newEvent(TripConfirmed, t.s.ID, now)
	e.Amount = total
	return []Event{e}, nil
}

// Fail ends the trip without a booking: FAILED, or CANCELLED if the client has requested that. A trip that has already ended in
// one of these ways keeps its first reason. Errors: Conflict when the trip was confirmed.
func (t *Trip) Fail(reason Reason, now time.Time) ([]Event, error) {
	switch {
	case t.Confirmed():
		return nil, fault.New(fault.Conflict, fault.NameConflict, "trip %s is confirmed and cannot fail", t.s.ID)
	case t.Ended():
		return nil, nil
	}
	if _, requested := t.Cancellation(); requested {
		t.change(Cancelled, reason, now)
		return []Event{t.cancelled(now)}, nil
	}
	t.change(Failed, reason, now)
	e := newEvent(TripFailed, t.s.ID, now)
	e.Reason = reason
	return []Event{e}, nil
}

// ReasonOverdue is the reason's name while the trip's saga may still be running, but has been running for too long.
const ReasonOverdue = "Overdue"

// MarkNeedsAttention records that the saga with this name stopped without an end, or is overdue.
//
// A report about a saga other than the current one changes nothing. Neither does a report about a trip that has ended, since it
// may arrive after a redrive has ended the trip. A trip that is already marked is marked and announced again if the reason
// differs: an overdue saga has now stopped, or a redriven one has failed in another state. An overdue report for a marked trip
// changes nothing.
func (t *Trip) MarkNeedsAttention(saga string, reason Reason, now time.Time) []Event {
	again := t.s.Status == NeedsAttention
	if t.Ended() || saga != t.Saga() || again && (reason == t.s.Reason || reason.Name == ReasonOverdue) {
		return nil
	}
	t.change(NeedsAttention, reason, now)
	e := newEvent(TripNeedsAttention, t.s.ID, now)
	e.Reason = reason
	if again || saga != BookingSaga { // the booking may have been marked before
		e.Again = t.s.Version
		e.ID = ident.Derive("event", t.s.ID, string(TripNeedsAttention), strconv.FormatInt(e.Again, 10))
	}
	return []Event{e}
}

// CheckRedrive refuses a redrive of a trip that has failed or was cancelled: everything is compensated or refunded, and the
// saga could only record the same end again. Errors: NotRedrivable of kind Conflict.
func (t *Trip) CheckRedrive() error {
	why := ""
	switch t.s.Status {
	case Failed:
		why = fmt.Sprintf("FAILED (%s) and everything is compensated", t.s.Reason.Name)
	case Cancelled:
		why = "been CANCELLED and everything that is due is given back"
	default:
		return nil
	}
	return fault.New(fault.Conflict, "NotRedrivable", "trip %s has %s, nothing is left to resume; book a new trip", t.s.ID, why)
}

func (t *Trip) change(to Status, reason Reason, now time.Time) {
	t.s.Status, t.s.Reason, t.s.Updated = to, reason, instant(now)
}

// instant rounds a time down to the precision that is stored.
func instant(now time.Time) time.Time { return now.UTC().Truncate(time.Millisecond) }
