package trip

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"tripsaga/shared/ident"
	"tripsaga/trip/domain"
	"tripsaga/verify/model"
	"tripsaga/verify/play"
	"tripsaga/verify/world"
)

// scenario is a script of the folder verify: a set of bookings.
type scenario struct {
	world.Scenario
	trips []booking
	// At most one of the trips is confirmed, and exactly one if no fault outlasts the retries.
	oneWins bool
	apart   time.Duration // interval between the bookings
}

// booking is one trip of a scenario.
type booking struct {
	name    string // "A"
	request domain.Request
	trip    model.Trip

	cancelAfter time.Duration // when the client cancels; 0: never
}

func scenarioNamed(name string) *scenario {
	i := slices.IndexFunc(scenarios(), func(s scenario) bool { return s.Name == name })
	return &scenarios()[i]
}

// scripts are the scenarios' files. They share one inventory.
var scripts = sync.OnceValue(func() []play.Script { return play.Embedded("verify", play.Today) })

var scenarios = sync.OnceValue(func() []scenario {
	var all []scenario
	for _, s := range scripts() {
		all = append(all, newScenario(s))
	}
	return all
})

func newScenario(script play.Script) scenario {
	e := script.Explore
	s := scenario{Scenario: world.Scenario{Name: script.Name, Means: script.Title}, oneWins: e.OneWins, apart: e.Apart}
	for _, text := range e.Given {
		f, err := (&world.Subject{Faults: faults}).ParseFault(text)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", script.File, err))
		}
		s.Given = append(s.Given, f)
	}
	for _, t := range script.Trips {
		b := newBooking(t, e.Ends[t.Name])
		b.cancelAfter = e.Cancels[t.Name]
		s.trips = append(s.trips, b)
		s.Sagas = append(s.Sagas, world.Saga{Name: b.name, ID: b.trip.ID, Record: tripKey(b.trip.ID), Field: "status"})
	}
	return s
}

// newBooking adds to a script's booking what the judge must know about it: its ids, what it reserves and the price.
func newBooking(t play.Trip, end string) booking {
	r := t.Request
	trip := model.Trip{
		ID: ident.Derive("trip", t.Name), Name: t.Name, Flight: "FLIGHT#" + r.Flight.Number + "#" + r.Flight.Date,
		Seats: int64(r.Flight.Seats), Rooms: int64(r.Hotel.Rooms), Currency: r.Currency,
		Outcome: map[string]model.Outcome{"": model.Either, "confirmed": model.MustConfirm, "failed": model.MustFail, "cancelled": model.MustCancel}[end],
	}
	trip.IDs = model.IDs{Flight: ident.Derive("flight", trip.ID), Hotel: ident.Derive("hotel", trip.ID),
		Keys: []string{ident.DeriveNear("payment", trip.ID), ident.DeriveNear("payment", trip.ID, "2"), ident.DeriveNear("payment", trip.ID, "3")}}
	for night := domain.Date(r.Hotel.CheckIn); night < domain.Date(r.Hotel.CheckOut); night = night.Next() {
		trip.Nights = append(trip.Nights, "HOTEL#"+r.Hotel.ID+"#"+string(night))
	}
	for _, o := range offers().Flights {
		if flightKey(o) == trip.Flight {
			trip.Minor += trip.Seats * o.Row.Price.Minor
			trip.Departs = o.Row.Departure()
		}
	}
	for _, o := range offers().Nights {
		if slices.Contains(trip.Nights, nightKey(o)) {
			trip.Minor += trip.Rooms * o.Row.Price.Minor
		}
	}
	return booking{name: t.Name, trip: trip, request: r}
}

// offers is the inventory of all scenarios.
func offers() domain.Offers {
	o, err := scripts()[0].Offers()
	if err != nil {
		panic(err)
	}
	o.Fingerprint = "verify"
	return o
}

func flightKey(o domain.Offer[domain.FlightDay]) string {
	return "FLIGHT#" + string(o.Row.Number) + "#" + string(o.Row.Date)
}

func nightKey(o domain.Offer[domain.HotelNight]) string {
	return "HOTEL#" + string(o.Row.Hotel) + "#" + string(o.Row.Night)
}

// offersOf returns an inventory of one row, with this capacity and a price that is higher by more. It has only one row because
// a load reads its rows on several goroutines in any order, and a run must be deterministic.
func offersOf(pk string, capacity, more int64) (one domain.Offers, price int64) {
	all := offers()
	for _, o := range all.Flights {
		if pk == flightKey(o) {
			o.Row.Capacity, o.Row.Price.Minor = capacity, o.Row.Price.Minor+more
			one.Flights, price = append(one.Flights, o), o.Row.Price.Minor
		}
	}
	for _, o := range all.Nights {
		if pk == nightKey(o) {
			o.Row.Capacity, o.Row.Price.Minor = capacity, o.Row.Price.Minor+more
			one.Nights, price = append(one.Nights, o), o.Row.Price.Minor
		}
	}
	one.Fingerprint = fmt.Sprintf("verify %s %d %d", pk, capacity, price)
	return one, price
}

// partitions lists the partitions that a load of the offers writes.
func partitions() []string {
	all := []string{"INVENTORY"}
	for _, s := range scenarios() {
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
