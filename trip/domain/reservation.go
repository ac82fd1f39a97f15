package domain

import (
	"cmp"

	"tripsaga/shared/money"
)

// FlightReservation is a trip's reservation of seats.
type FlightReservation struct {
	ID     string       `json:"id"`
	Flight Flight       `json:"flight"`
	Amount money.Amount `json:"amount"` // for all seats
}

// HotelReservation is a trip's reservation of rooms.
type HotelReservation struct {
	ID     string       `json:"id"`
	Stay   Stay         `json:"stay"`
	Amount money.Amount `json:"amount"` // for all rooms and nights
}

// Payment is the charge of a trip.
type Payment struct {
	Key      string       `json:"key"`                 // the idempotency key under which the intent was created
	IntentID string       `json:"intent_id,omitempty"` // the provider's; missing in a payment of an older version
	Amount   money.Amount `json:"amount"`              // fixed before the provider is called
	ChargeID string       `json:"charge_id,omitempty"` // the provider's, once charged
	RefundID string       `json:"refund_id,omitempty"` // the provider's, once refunded
	Refunded money.Amount `json:"refunded,omitzero"`   // what was refunded: after a cancellation, Amount less the fee
}

// Intent returns the id by which the provider knows the payment; "" if no intent was created. A payment of an older version is
// known by its key.
func (p Payment) Intent() string { return cmp.Or(p.IntentID, p.Key) }

// StepState is the state of one step of a trip.
type StepState string

// The states of a step.
const (
	StepStarted StepState = "STARTED" // the provider has been called, or is about to be
	StepDone    StepState = "DONE"
	StepRefused StepState = "REFUSED"
	StepUndone  StepState = "UNDONE" // compensated, or cancelled before it was done
)

// Step is the record of one step of a trip. Result is the step's result, which is kept after a compensation. It is the zero
// value if the step was never done.
type Step[R any] struct {
	State  StepState
	Result R
	Reason Reason // when refused
}

// Details is a trip and the steps of its saga so far. A step without a record is nil.
type Details struct {
	Trip    *Trip
	Flight  *Step[FlightReservation]
	Hotel   *Step[HotelReservation]
	Payment *Step[Payment]
}

// State returns the state of the step with this record ("FLIGHT", "HOTEL" or "PAYMENT"); "" if the step has no record.
func (d Details) State(record string) StepState {
	switch {
	case record == "FLIGHT" && d.Flight != nil:
		return d.Flight.State
	case record == "HOTEL" && d.Hotel != nil:
		return d.Hotel.State
	case record == "PAYMENT" && d.Payment != nil:
		return d.Payment.State
	}
	return ""
}

// Entry is one entry of the provider's ledger. Money moves between accounts, so the debits of an entry equal its credits.
type Entry struct {
	ID       string         `json:"id"`
	Kind     EntryKind      `json:"kind"`
	Currency money.Currency `json:"currency"`
	Postings []Posting      `json:"postings"`
}

// EntryKind is the kind of an entry.
type EntryKind string

// The kinds of entry.
const (
	Charge EntryKind = "CHARGE"
	Refund EntryKind = "REFUND"
)

// Posting is one side of an entry, in minor units. Either Debit or Credit is 0.
type Posting struct {
	Account string `json:"account"`
	Debit   int64  `json:"debit,omitempty"`
	Credit  int64  `json:"credit,omitempty"`
}

// Totals returns the sums of an entry's debits and credits, in minor units.
func (e Entry) Totals() (debit, credit int64) {
	for _, p := range e.Postings {
		debit += p.Debit
		credit += p.Credit
	}
	return debit, credit
}
