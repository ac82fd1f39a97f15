package main

import (
	"context"
	"fmt"

	"tripsaga/local"
	"tripsaga/shared/money"
	"tripsaga/trip/domain"
)

// The bookings of the benchmark are two seats and two nights in one room, spread over this many flights and hotels.
const benchPlaces = 100

// The days are fixed, so that runs compare, and so far ahead that they can be sold in any year.
const (
	benchDay      = domain.Date("2999-03-01")
	benchNights   = 2
	benchCheckOut = domain.Date("2999-03-03")
)

// loadBenchInventory makes room for n bookings and to spare.
func loadBenchInventory(ctx context.Context, sys *local.System, n int) error {
	capacity := int64(2*n + 100)
	price := money.Amount{Minor: 12_000, Currency: "JPY"}
	var offers domain.Offers
	offers.Fingerprint = fmt.Sprintf("bench-%d", n)
	for i := range benchPlaces {
		offers.Flights = append(offers.Flights, domain.Offer[domain.FlightDay]{Row: domain.FlightDay{
			Number: benchFlight(i), Date: benchDay, Airline: "Bench Air", Origin: "HND", Destination: "CTS",
			Departs: "09:00", Arrives: "10:35", Price: price, Capacity: capacity,
		}, Source: "bench"})
		for night, k := benchDay, 0; k < benchNights; night, k = night.Next(), k+1 {
			offers.Nights = append(offers.Nights, domain.Offer[domain.HotelNight]{Row: domain.HotelNight{
				Hotel: benchHotel(i), Night: night, Name: "Bench Inn", City: "Sapporo", Price: price, Capacity: capacity,
			}, Source: "bench"})
		}
	}
	_, err := sys.App.LoadInventory(ctx, offers)
	return err
}

func benchFlight(i int) domain.FlightNumber { return domain.FlightNumber(fmt.Sprintf("BA%d", 100+i)) }

func benchHotel(i int) domain.HotelID { return domain.HotelID(fmt.Sprintf("BENCH-%d", i)) }

// bookBenchTrip books the i-th trip and waits for its end.
func bookBenchTrip(ctx context.Context, sys *local.System, i int) error {
	place := i % benchPlaces
	trip, err := sys.App.BookTrip(ctx, "", domain.Request{
		Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
		Flight:   domain.FlightRequest{Number: string(benchFlight(place)), Date: string(benchDay), Seats: 2},
		Hotel: domain.StayRequest{
			ID: string(benchHotel(place)), CheckIn: string(benchDay), CheckOut: string(benchCheckOut), Rooms: 1,
		},
		Payment:  domain.PaymentRequest{CardToken: "tok_ok"},
		Currency: "JPY",
	})
	if err != nil {
		return err
	}
	end, err := sys.Engine.Wait(ctx, trip.ID())
	if err != nil {
		return err
	}
	if end.Error != "" {
		return fmt.Errorf("trip %s failed: %s: %s", trip.ID(), end.Error, end.Cause)
	}
	return nil
}
