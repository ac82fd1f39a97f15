package domain

import (
	"time"

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
