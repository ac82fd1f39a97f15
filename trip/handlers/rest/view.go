package rest

import (
	"time"

	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// Trip is a trip as clients see it.
type Trip struct {
	ID       string          `json:"id"`
	Status   domain.Status   `json:"status" enum:"PENDING,CONFIRMED,FAILED,NEEDS_ATTENTION"`
	Reason   domain.Reason   `json:"reason,omitzero" doc:"Why it failed or needs attention."`
	Traveler domain.Traveler `json:"traveler"`
	Flight   domain.Flight   `json:"flight"`
	Hotel    domain.Stay     `json:"hotel"`
	Payment  Payment         `json:"payment"`
	Currency money.Currency  `json:"currency"`
	Total    money.Amount    `json:"total,omitzero" doc:"What was paid, once the trip is confirmed."`
	Version  int64           `json:"version" doc:"Counts the changes."`
	Created  time.Time       `json:"created"`
	Updated  time.Time       `json:"updated"`
}

// Payment is the card, masked, and in a [TripDetails] what became of the payment.
type Payment struct {
	CardToken string           `json:"card_token" example:"tok_***"`
	State     domain.StepState `json:"state,omitempty" enum:"STARTED,DONE,REFUSED,UNDONE"`
	Amount    money.Amount     `json:"amount,omitzero"`
	ChargeID  string           `json:"charge_id,omitempty"`
	RefundID  string           `json:"refund_id,omitempty"`
	Reason    domain.Reason    `json:"reason,omitzero" doc:"Why it was refused."`
}

// Reservation is a reservation; it stays visible after it was taken back.
type Reservation struct {
	State  domain.StepState `json:"state" enum:"STARTED,DONE,REFUSED,UNDONE"`
	ID     string           `json:"id,omitempty"`
	Amount money.Amount     `json:"amount,omitzero"`
	Reason domain.Reason    `json:"reason,omitzero" doc:"Why it was refused."`
}

// Reservations are the reservations made so far.
type Reservations struct {
	Flight *Reservation `json:"flight,omitempty"`
	Hotel  *Reservation `json:"hotel,omitempty"`
}

// TripDetails is one trip with what its saga has done.
type TripDetails struct {
	Trip
	Reservations Reservations `json:"reservations"`
	Saga         *Saga        `json:"saga,omitempty" doc:"Absent until the saga has been started, and when saga_unread is true."`
	SagaUnread   bool         `json:"saga_unread,omitzero" doc:"The saga could not be read just now. Only of trips that have ended: the rest of the answer is final."`
}

func viewTrip(t *domain.Trip) Trip {
	return Trip{
		ID: t.ID(), Status: t.Status(), Reason: t.Reason(),
		Traveler: t.Traveler(), Flight: t.Flight(), Hotel: t.Stay(),
		Payment: Payment{CardToken: t.Card().String()}, Currency: t.Currency(), Total: t.Total(),
		Version: t.Version(), Created: t.Created(), Updated: t.Updated(),
	}
}

func viewDetails(d domain.Details, saga *Saga) TripDetails {
	v := TripDetails{Trip: viewTrip(d.Trip), Saga: saga}
	if s := d.Flight; s != nil {
		v.Reservations.Flight = &Reservation{State: s.State, ID: s.Result.ID, Amount: s.Result.Amount, Reason: s.Reason}
	}
	if s := d.Hotel; s != nil {
		v.Reservations.Hotel = &Reservation{State: s.State, ID: s.Result.ID, Amount: s.Result.Amount, Reason: s.Reason}
	}
	if s := d.Payment; s != nil {
		v.Payment.State, v.Payment.Reason = s.State, s.Reason
		v.Payment.Amount = s.Result.Amount
		v.Payment.ChargeID, v.Payment.RefundID = s.Result.ChargeID, s.Result.RefundID
	}
	return v
}
