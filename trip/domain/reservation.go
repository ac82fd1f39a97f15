package domain

import (
	"tripsaga/shared/money"
)

// FlightReservation is the seats held for a trip.
type FlightReservation struct {
	ID     string       `json:"id"`
	Flight Flight       `json:"flight"`
	Amount money.Amount `json:"amount"` // for all seats
}

// HotelReservation is the rooms held for a trip.
type HotelReservation struct {
	ID     string       `json:"id"`
	Stay   Stay         `json:"stay"`
	Amount money.Amount `json:"amount"` // for all rooms and nights
}

// Payment is the money taken for a trip.
type Payment struct {
	Key      string       `json:"key"`                 // under which the bank knows it
	Amount   money.Amount `json:"amount"`              // frozen before the bank is asked
	ChargeID string       `json:"charge_id,omitempty"` // the bank's, once charged
	RefundID string       `json:"refund_id,omitempty"` // the bank's, once refunded
}

// StepState is what became of one step of a trip.
type StepState string

// The states of a step.
const (
	StepStarted StepState = "STARTED" // the bank has been asked, or is about to be
	StepDone    StepState = "DONE"
	StepRefused StepState = "REFUSED"
	StepUndone  StepState = "UNDONE" // taken back, or cancelled before it was done
)

// Step is one step of a trip as it was recorded. Result is what was made, kept after it was taken back; the zero value
// when nothing ever was.
type Step[R any] struct {
	State  StepState
	Result R
	Reason Reason // when refused
}

// Details is a trip with what its saga has done so far; a step not yet taken is nil.
type Details struct {
	Trip    *Trip
	Flight  *Step[FlightReservation]
	Hotel   *Step[HotelReservation]
	Payment *Step[Payment]
}

// State is the state of the step with this record ("FLIGHT", "HOTEL" or "PAYMENT"); "" if the step has left none.
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

// Entry is one entry of the bank's ledger: money moves from account to account, so that an entry's debits equal its
// credits.
type Entry struct {
	ID       string         `json:"id"`
	Kind     EntryKind      `json:"kind"`
	Currency money.Currency `json:"currency"`
	Postings []Posting      `json:"postings"`
}

// EntryKind tells what moved.
type EntryKind string

// The kinds of entry.
const (
	Charge EntryKind = "CHARGE"
	Refund EntryKind = "REFUND"
)

// Posting is one side of an entry, in minor units; either Debit or Credit is 0.
type Posting struct {
	Account string `json:"account"`
	Debit   int64  `json:"debit,omitempty"`
	Credit  int64  `json:"credit,omitempty"`
}

// Totals are an entry's sums.
func (e Entry) Totals() (debit, credit int64) {
	for _, p := range e.Postings {
		debit += p.Debit
		credit += p.Credit
	}
	return debit, credit
}
