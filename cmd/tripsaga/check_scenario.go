package main

import (
	"tripsaga/shared/fault"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/domain"
)

// scenario is a booking and how it must end.
type scenario struct {
	name, title string
	change      func(*domain.Request) // what makes it fail; nil changes nothing
	repeat      bool                  // send it again under its key, and another booking under that key, too
	want        expectation
}

// expectation is how a booking must end. What it costs and what it holds follows from the states of its steps: a step
// that is DONE or UNDONE has its price on record, and only what is DONE is held or captured.
type expectation struct {
	status    domain.Status
	reason    string
	saga      string
	sagaError string // also the state at which the saga fails
	states    []string

	flight, hotel, payment domain.StepState // "" for a step that is never taken
}

// checkSeats and checkRooms are what each booking asks for.
const (
	checkSeats  = 2
	checkNights = 2
	checkRooms  = 1
)

// notOffered are a flight and a hotel that no inventory has; nothing is ever reserved under these names.
const (
	notOfferedFlight = "ZZ9999"
	notOfferedHotel  = "CHECK-NOT-OFFERED"
)

var happyPath = scenario{
	name: "happy-path", title: "Everything is booked", repeat: true,
	want: expectation{
		status: domain.Confirmed, saga: "SUCCEEDED",
		states: []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "BookingConfirmed"},
		flight: domain.StepDone, hotel: domain.StepDone, payment: domain.StepDone,
	},
}

var compensations = []scenario{
	{
		name: "flight", title: "The flight is not offered: nothing was done, nothing is taken back",
		change: func(r *domain.Request) { r.Flight.Number = notOfferedFlight },
		want: expectation{
			status: domain.Failed, reason: fault.NameFlightUnavailable,
			saga: "FAILED", sagaError: fault.NameFlightBookingFailed,
			states: []string{"ReserveFlight", "FlightBookingFailed"},
			flight: domain.StepRefused,
		},
	},
	{
		name: "hotel", title: "The hotel is not offered: the flight is taken back",
		change: func(r *domain.Request) { r.Hotel.ID = notOfferedHotel },
		want: expectation{
			status: domain.Failed, reason: fault.NameHotelUnavailable,
			saga: "FAILED", sagaError: fault.NameBookingFailed,
			states: []string{"ReserveFlight", "ReserveHotel", "CancelFlight", "BookingFailed"},
			flight: domain.StepUndone, hotel: domain.StepRefused,
		},
	},
	{
		name: "payment", title: "The card is declined: hotel and flight are taken back",
		change: func(r *domain.Request) { r.Payment.CardToken = bank.Declined },
		want: expectation{
			status: domain.Failed, reason: fault.NamePaymentDeclined,
			saga: "FAILED", sagaError: fault.NameBookingFailed,
			states: []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "CancelHotel", "CancelFlight", "BookingFailed"},
			flight: domain.StepUndone, hotel: domain.StepUndone, payment: domain.StepRefused,
		},
	},
}

func (s scenario) request(o offer) domain.Request {
	r := domain.Request{
		Traveler: domain.TravelerRequest{Name: "Tripsaga Check", Email: "check@example.com"},
		Flight:   domain.FlightRequest{Number: string(o.flight.Number), Date: string(o.flight.Date), Seats: checkSeats},
		Hotel: domain.StayRequest{
			ID: string(o.nights[0].Hotel), CheckIn: string(o.nights[0].Night),
			CheckOut: string(o.nights[len(o.nights)-1].Night.Next()), Rooms: checkRooms,
		},
		Payment:  domain.PaymentRequest{CardToken: bank.OK},
		Currency: string(o.flight.Price.Currency),
	}
	if s.change != nil {
		s.change(&r)
	}
	return r
}
