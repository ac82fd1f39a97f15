package main

import (
	"time"

	"tripsaga/trip/domain"
)

// demoStart is the demo's first moment, in virtual time; its trips are some weeks later.
var demoStart = time.Date(2027, 2, 1, 9, 0, 0, 0, time.UTC)

// demoNights is the length of the one stay that is confirmed.
const demoNights = 3

var demoScenarios = []demoScenario{
	{
		name: "booked", title: "Booked: flight, hotel and payment all happen",
		request: demoRequest("JL5", "2027-03-10", 2, "NYC-HUDSON", "2027-03-10", "2027-03-13", "tok_ok"),
		want: demoOutcome{ExecutionStatus: "SUCCEEDED", TripStatus: "CONFIRMED",
			States: []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "BookingConfirmed"}},
	},
	{
		name: "flight-sold-out", title: "The flight has too few seats left: nothing has happened yet, nothing is compensated",
		request: demoRequest("NH853", "2027-03-10", 3, "TPE-LANTERN", "2027-03-10", "2027-03-12", "tok_ok"),
		want: demoOutcome{ExecutionStatus: "FAILED", Error: "FlightBookingFailed", TripStatus: "FAILED",
			States: []string{"ReserveFlight", "FlightBookingFailed"}},
	},
	{
		name: "hotel-full", title: "The hotel is full on the second night: no night is taken, the seats go back",
		request: demoRequest("JL317", "2027-03-10", 2, "KYO-RYOKAN", "2027-03-10", "2027-03-12", "tok_ok"),
		want: demoOutcome{ExecutionStatus: "FAILED", Error: "BookingFailed", TripStatus: "FAILED",
			States: []string{"ReserveFlight", "ReserveHotel", "CancelFlight", "BookingFailed"}},
	},
	{
		name: "card-declined", title: "The card is declined: rooms and seats go back",
		request: demoRequest("NH53", "2027-03-12", 1, "SPK-ODORI", "2027-03-12", "2027-03-14", "tok_declined"),
		want: demoOutcome{ExecutionStatus: "FAILED", Error: "BookingFailed", TripStatus: "FAILED",
			States: []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "CancelHotel", "CancelFlight", "BookingFailed"}},
	},
	{
		name: "reply-lost", title: "The payment is committed, but every reply is lost: nobody knows, so it is refunded",
		request: demoRequest("JL317", "2027-03-15", 2, "FUK-CANAL", "2027-03-15", "2027-03-17", "tok_ok"),
		faults:  "ProcessPayment#*.reply=lost",
		want: demoOutcome{ExecutionStatus: "FAILED", Error: "BookingFailed", TripStatus: "FAILED",
			States: []string{"ReserveFlight", "ReserveHotel", "ProcessPayment", "RefundPayment", "CancelHotel", "CancelFlight", "BookingFailed"}},
	},
}

func demoRequest(flight, date string, seats int, hotel, in, out, card string) domain.Request {
	return domain.Request{
		Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
		Flight:   domain.FlightRequest{Number: flight, Date: date, Seats: seats},
		Hotel:    domain.StayRequest{ID: hotel, CheckIn: in, CheckOut: out, Rooms: 1},
		Payment:  domain.PaymentRequest{CardToken: card},
		Currency: "JPY",
	}
}
