package domain

import (
	"time"

	"tripsaga/shared/ident"
	"tripsaga/shared/money"
)

// EventType is the type of an event.
type EventType string

// The events. Each happens to a trip at most once, except TripNeedsAttention, which is repeated for another reason. The last
// three happen only if something was really compensated or, in the cancellation of a confirmed trip, returned.
const (
	TripRequested      EventType = "TripRequested"
	TripConfirmed      EventType = "TripConfirmed"
	TripFailed         EventType = "TripFailed"
	TripNeedsAttention EventType = "TripNeedsAttention"

	CancellationRequested EventType = "CancellationRequested" // by the client: TripCancelled follows
	TripCancelled         EventType = "TripCancelled"

	FlightCancelled EventType = "FlightCancelled"
	HotelCancelled  EventType = "HotelCancelled"
	PaymentRefunded EventType = "PaymentRefunded"
)

// Event is a domain event for other systems, stored in the transaction that makes it true. It contains no personal data.
type Event struct {
	ID     string       `json:"id"` // derived from trip, type and Again, so that a receiver can drop duplicates
	Type   EventType    `json:"type"`
	TripID string       `json:"trip_id"`
	Again  int64        `json:"again,omitzero"` // of a repeated TripNeedsAttention: the trip's version before; 0 for the booking's first
	At     time.Time    `json:"at"`
	Reason Reason       `json:"reason,omitzero"` // of TripFailed, TripNeedsAttention, and TripCancelled if nothing was booked
	Amount money.Amount `json:"amount,omitzero"` // of TripConfirmed and the compensations: what was paid or compensated; of TripCancelled: the refund
	Fee    money.Amount `json:"fee,omitzero"`    // of TripCancelled
}

func newEvent(what EventType, tripID string, now time.Time) Event {
	return Event{ID: ident.Derive("event", tripID, string(what)), Type: what, TripID: tripID, At: instant(now)}
}

// Compensated returns the event of a compensated step. amount is the step's price.
func Compensated(what EventType, tripID string, amount money.Amount, now time.Time) Event {
	e := newEvent(what, tripID, now)
	e.Amount = amount
	return e
}
