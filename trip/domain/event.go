package domain

import (
	"time"

	"tripsaga/shared/ident"
	"tripsaga/shared/money"
)

// EventType names what happened.
type EventType string

// The events. Each happens to a trip at most once, but for TripNeedsAttention, which happens again for another reason;
// the last three only when something was really taken back.
const (
	TripRequested      EventType = "TripRequested"
	TripConfirmed      EventType = "TripConfirmed"
	TripFailed         EventType = "TripFailed"
	TripNeedsAttention EventType = "TripNeedsAttention"
	FlightCancelled    EventType = "FlightCancelled"
	HotelCancelled     EventType = "HotelCancelled"
	PaymentRefunded    EventType = "PaymentRefunded"
)

// Event is announced to the outside, in the transaction that makes it true. It carries no personal data.
type Event struct {
	ID     string       `json:"id"` // follows from trip, type and Again: a receiver drops what it has seen
	Type   EventType    `json:"type"`
	TripID string       `json:"trip_id"`
	Again  int64        `json:"again,omitzero"` // of a repeated TripNeedsAttention: the trip's version before; 0 for the first
	At     time.Time    `json:"at"`
	Reason Reason       `json:"reason,omitzero"` // of TripFailed and TripNeedsAttention
	Amount money.Amount `json:"amount,omitzero"` // of TripConfirmed and the compensations: what was paid or taken back
}

func newEvent(what EventType, tripID string, now time.Time) Event {
	return Event{ID: ident.Derive("event", tripID, string(what)), Type: what, TripID: tripID, At: instant(now)}
}

// Compensated is the event of a step that was taken back; amount is what the step had cost.
func Compensated(what EventType, tripID string, amount money.Amount, now time.Time) Event {
	e := newEvent(what, tripID, now)
	e.Amount = amount
	return e
}
