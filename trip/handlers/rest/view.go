package rest

import (
	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

func viewTrip(t *domain.Trip) wire.Trip {
	return wire.Trip{
		ID: t.ID(), Status: t.Status(), Reason: t.Reason(),
		Traveler: t.Traveler(), Flight: t.Flight(), Hotel: t.Stay(),
		Payment: wire.Payment{CardToken: t.Card().String()}, Currency: t.Currency(), Total: t.Total(),
		Version: t.Version(), Created: t.Created(), Updated: t.Updated(),
	}
}

func viewDetails(d domain.Details, saga *wire.Saga) wire.TripDetails {
	v := wire.TripDetails{Trip: viewTrip(d.Trip), Saga: saga}
	if s := d.Flight; s != nil {
		v.Reservations.Flight = &wire.Reservation{State: s.State, ID: s.Result.ID, Amount: s.Result.Amount, Reason: s.Reason}
	}
	if s := d.Hotel; s != nil {
		v.Reservations.Hotel = &wire.Reservation{State: s.State, ID: s.Result.ID, Amount: s.Result.Amount, Reason: s.Reason}
	}
	if s := d.Payment; s != nil {
		v.Payment.State, v.Payment.Reason = s.State, s.Reason
		v.Payment.Amount = s.Result.Amount
		v.Payment.ChargeID, v.Payment.RefundID = s.Result.ChargeID, s.Result.RefundID
	}
	return v
}
