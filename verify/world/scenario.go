package world

import (
	"fmt"
	"slices"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/shared/ident"
	"tripsaga/shared/money"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/domain"
	"tripsaga/verify/model"
)

// begin is the virtual time at which every run starts.
var begin = time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC)

// Scenario is a set of bookings. Without a fault each scenario has one end.
type Scenario struct {
	Name  string
	Means string
	trips []booking
	// At most one of the trips is confirmed, and exactly one if no fault outlasts the retries.
	oneWins bool
	apart   time.Duration // between the bookings
	given   []sim.Fault   // faults of every run
	single  bool          // given counts as a fault of the schedule, so that pairs are left out
}

// booking is one trip of a scenario.
type booking struct {
	name    string // "A"
	request domain.Request
	trip    model.Trip
}

const (
	day     = "2027-03-01"
	price   = 10_000 // of a seat, and of a room for one night
	flight  = "TS100"
	last    = "TS101" // has one seat left
	full    = "TS102" // has none
	hotel   = "GRAND"
	soldOut = "PLAZA" // has no room on the second night
)

// Scenarios lists all of them.
func Scenarios() []Scenario { return slices.Clone(scenarios) }

// ScenarioNames lists their names.
func ScenarioNames() []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.Name)
	}
	return names
}

func scenarioNamed(name string) (Scenario, bool) {
	i := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return Scenario{}, false
	}
	return scenarios[i], true
}

var scenarios = []Scenario{
	{Name: "booked", Means: "everything is there and paid for", trips: []booking{
		book("A", flight, 2, hotel, model.MustConfirm)}},
	{Name: "flight-full", Means: "the flight has too few seats", trips: []booking{
		book("A", full, 2, hotel, model.MustFail)}},
	{Name: "hotel-full", Means: "the hotel has no room on the second night", trips: []booking{
		book("A", flight, 2, soldOut, model.MustFail)}},
	{Name: "last-seat", Means: "two trips want the last seat", oneWins: true, trips: []booking{
		book("A", last, 1, hotel, model.Either), book("B", last, 1, hotel, model.Either)}},
	{Name: "two", Means: "two trips, one soon after the other, share flight and hotel", apart: 20 * time.Second, trips: []booking{
		book("A", flight, 1, hotel, model.MustConfirm), book("B", flight, 1, hotel, model.MustConfirm)}},
	{Name: "stopped", Means: "the confirmation is broken until it is mended: the saga stops, and stops again after a first redrive", trips: []booking{
		book("A", flight, 2, hotel, model.Either)}, single: true, given: []sim.Fault{
		{At: sim.Label{Saga: "A", Actor: "BookingConfirmed", N: 1}, Kind: Broken},
		{At: sim.Label{Saga: "A", Actor: Engine, N: 1, Op: opNotice, I: 1}, Kind: Redrive}}},
	{Name: "rivals", Means: "a second engine takes up the saga while the first is at work on it", trips: []booking{
		book("A", flight, 2, hotel, model.MustConfirm)}, single: true, given: []sim.Fault{
		{At: sim.Label{Saga: "A", Actor: "ReserveHotel", N: 1, Op: opPut, I: 1}, Kind: Rival}}},
	{Name: "rivals-fail", Means: "a second engine takes up a saga that fails", trips: []booking{
		book("A", flight, 2, soldOut, model.MustFail)}, single: true, given: []sim.Fault{
		{At: sim.Label{Saga: "A", Actor: "CancelFlight", N: 1, Op: opPut, I: 1}, Kind: Rival}}},
}

// Single reports whether the scenario has a fault of its own, so that pairs of further faults are left out.
func Single(name string) bool {
	s, _ := scenarioNamed(name)
	return s.single
}

func book(name, number string, seats int, at string, end model.Outcome) booking {
	const rooms = 1
	nights := []string{"2027-03-01", "2027-03-02"}
	trip := model.Trip{
		ID: ident.Derive("trip", name), Name: name, Flight: "FLIGHT#" + number + "#" + day, Seats: int64(seats), Rooms: rooms,
		Minor: price * int64(seats+rooms*len(nights)), Currency: "JPY", Outcome: end,
	}
	key := ident.Derive("payment", trip.ID)
	trip.IDs = model.IDs{Flight: ident.Derive("flight", trip.ID), Hotel: ident.Derive("hotel", trip.ID), Key: key,
		Charge: ident.Derive("charge", key), Refund: ident.Derive("refund", key)}
	for _, night := range nights {
		trip.Nights = append(trip.Nights, "HOTEL#"+at+"#"+night)
	}
	return booking{name: name, trip: trip, request: domain.Request{
		Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
		Flight:   domain.FlightRequest{Number: number, Date: day, Seats: seats},
		Hotel:    domain.StayRequest{ID: at, CheckIn: nights[0], CheckOut: "2027-03-03", Rooms: rooms},
		Payment:  domain.PaymentRequest{CardToken: bank.OK},
		Currency: "JPY",
	}}
}

// offers is the inventory of all scenarios.
func offers() domain.Offers {
	cost := money.Amount{Minor: price, Currency: "JPY"}
	o := domain.Offers{Fingerprint: "verify"}
	for number, seats := range map[string]int64{flight: 9, last: 1, full: 0} {
		o.Flights = append(o.Flights, domain.Offer[domain.FlightDay]{Row: domain.FlightDay{
			Number: domain.FlightNumber(number), Date: day, Airline: "Saga Air", Origin: "HND", Destination: "CTS",
			Departs: "08:30", Arrives: "10:05", Price: cost, Capacity: seats, Available: seats}})
	}
	for at, rooms := range map[string][]int64{hotel: {9, 9}, soldOut: {9, 0}} {
		for i, night := range []domain.Date{"2027-03-01", "2027-03-02"} {
			o.Nights = append(o.Nights, domain.Offer[domain.HotelNight]{Row: domain.HotelNight{
				Hotel: domain.HotelID(at), Night: night, Name: at, City: "Sapporo", Price: cost,
				Capacity: rooms[i], Available: rooms[i]}})
		}
	}
	return o
}

// offersOf is an inventory of one row, with this capacity and price. Not of more: a load reads its rows on several
// goroutines, in no order, and a run must be deterministic.
func offersOf(pk string, capacity, minor int64) (one domain.Offers) {
	one.Fingerprint = fmt.Sprintf("verify %s %d %d", pk, capacity, minor)
	all := offers()
	for _, o := range all.Flights {
		if pk == "FLIGHT#"+string(o.Row.Number)+"#"+string(o.Row.Date) {
			o.Row.Capacity, o.Row.Available, o.Row.Price.Minor = capacity, capacity, minor
			one.Flights = append(one.Flights, o)
		}
	}
	for _, o := range all.Nights {
		if pk == "HOTEL#"+string(o.Row.Hotel)+"#"+string(o.Row.Night) {
			o.Row.Capacity, o.Row.Available, o.Row.Price.Minor = capacity, capacity, minor
			one.Nights = append(one.Nights, o)
		}
	}
	return one
}

// partitions lists the partitions that a load of the offers writes.
func partitions() []string {
	all := []string{"INVENTORY"}
	for _, s := range scenarios {
		for _, b := range s.trips {
			for _, pk := range append([]string{b.trip.Flight}, b.trip.Nights...) {
				if !slices.Contains(all, pk) {
					all = append(all, pk)
				}
			}
		}
	}
	return all
}
