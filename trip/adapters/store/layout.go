// Package store keeps the bounded context in the single table: trips, inventory and the saga's steps. Its types
// implement the repositories of package domain and the ports of package app.
//
// The layout, one line an item (partition key, sort key):
//
//	TRIP#<id>                 TRIP            the trip; indexed in TRIPS#<status>#<day>#<shard> by creation time
//	TRIP#<id>                 FLIGHT          step record: the seats held
//	TRIP#<id>                 HOTEL           step record: the rooms held
//	TRIP#<id>                 PAYMENT         step record: the intent to charge, then the charge
//	TRIP#<id>                 OUTBOX#<type>   an event to announce, kept for a week; #<n> behind the type of a repeated one
//	TRIPDAYS                  <day>           a day on which trips were asked for
//	FLIGHT#<number>#<date>    INVENTORY       what is offered; indexed in INVENTORY#FLIGHT by day
//	FLIGHT#<number>#<date>    AVAILABLE       the counter of free seats
//	HOTEL#<id>#<night>        INVENTORY       what is offered; indexed in INVENTORY#HOTEL by night
//	HOTEL#<id>#<night>        AVAILABLE       the counter of free rooms
//	INVENTORY                 LOAD            how the last load of an inventory went
//
// An offer and its counter are two items: a load rewrites the offer under a version condition and moves the counter by
// the change of the capacity, in one transaction, and so never meets the bookings that add to the counter meanwhile.
package store

import (
	"time"

	"tripsaga/table"
	"tripsaga/trip/domain"
)

const (
	skTrip      = "TRIP"
	skFlight    = "FLIGHT"
	skHotel     = "HOTEL"
	skPayment   = "PAYMENT"
	skInventory = "INVENTORY"
	skAvailable = "AVAILABLE"

	pkTrip = "TRIP#"
	pkDays = "TRIPDAYS"

	indexFlights = "INVENTORY#FLIGHT"
	indexHotels  = "INVENTORY#HOTEL"

	available = "available" // the attribute of the counters
)

var keyLoad = table.Key{PK: "INVENTORY", SK: "LOAD"}

// OutboxPrefix begins the sort key of every event that waits to be announced.
const OutboxPrefix = "OUTBOX#"

// outboxLife is how long an announced event stays readable.
const outboxLife = 7 * 24 * time.Hour

func tripKey(id, sk string) table.Key { return table.Key{PK: pkTrip + id, SK: sk} }

func flightKey(n domain.FlightNumber, d domain.Date, sk string) table.Key {
	return table.Key{PK: "FLIGHT#" + string(n) + "#" + string(d), SK: sk}
}

func hotelKey(h domain.HotelID, night domain.Date, sk string) table.Key {
	return table.Key{PK: "HOTEL#" + string(h) + "#" + string(night), SK: sk}
}

// shards spread the trips of one status and day over partitions of the index.
const shards = 4

// shard follows from the id's last digit, which is random in every kind of id.
func shard(id string) byte { return '0' + id[len(id)-1]%shards }

func dayIndex(s domain.Status, day string, shard byte) string {
	return "TRIPS#" + string(s) + "#" + day + "#" + string(shard)
}

// millis is the form of a time in sort keys: it sorts as the time does.
const millis = "2006-01-02T15:04:05.000Z"

// place is where a trip stands in the list of all trips.
func place(created time.Time, id string) string { return created.UTC().Format(millis) + "#" + id }
