package app

import (
	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
)

// TripRef is the input of the tasks that need to know only which trip.
type TripRef struct {
	TripID string `json:"trip_id"`
}

func (r TripRef) check() error {
	_, err := ident.Parse(r.TripID)
	return fault.In("trip_id", err)
}

// Cancelled is the output of a compensation: whether this run of it took something back.
type Cancelled struct {
	TakenBack bool `json:"taken_back"`
}

// Reserved is the output of a step that holds or charges something.
type Reserved struct {
	ReservationID string `json:"reservation_id"`
	AmountMinor   int64  `json:"amount_minor"`
	Currency      string `json:"currency"`
}

func reserved(id string, a money.Amount) Reserved {
	return Reserved{ReservationID: id, AmountMinor: a.Minor, Currency: string(a.Currency)}
}
