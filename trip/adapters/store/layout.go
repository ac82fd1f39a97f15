// Package store stores the bounded context in the single table: trips, inventory and the steps of the saga. Its types
// implement the repositories of package domain and the ports of package app.
//
// The layout, one line for each kind of item (partition key, sort key, content):
//
//	TRIP#<id>                 TRIP            the trip; indexed in TRIPS#<status>#<day>#<shard> by creation time;
//	                                          the day is ALL while it is CANCELLING
//	TRIP#<id>                 FLIGHT          step record: the seats held
//	TRIP#<id>                 HOTEL           step record: the rooms held
//	TRIP#<id>                 PAYMENT         step record: the intent to charge, then the charge
//	TRIP#<id>                 OUTBOX#<type>   an event to announce, kept for a week; #<n> after the type if it is repeated
//	TRIPDAYS                  <day>           a day on which trips were requested
//	FLIGHT#<number>#<date>    INVENTORY       what is offered; indexed in INVENTORY#FLIGHT by day
//	FLIGHT#<number>#<date>    AVAILABLE       the counter of free seats
//	HOTEL#<id>#<night>        INVENTORY       what is offered; indexed in INVENTORY#HOTEL by night
//	HOTEL#<id>#<night>        AVAILABLE       the counter of free rooms
//	INVENTORY                 LOAD            how the last load of an inventory went
//
// An offer and its counter are two items. A load rewrites the offer under a version condition and adds the change of the
// capacity to the counter, in one transaction. So it does not conflict with the bookings that add to the counter
// concurrently.
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

// OutboxPrefix is the prefix of the sort key of every event in the outbox.
const OutboxPrefix = "OUTBOX#"

// outboxLife is how long an event stays readable after it was announced.
const outboxLife = 7 * 24 * time.Hour

func tripKey(id, sk string) table.Key { return table.Key{PK: pkTrip + id, SK: sk} }

// beside returns the key of the item sk in the partition of key.
func beside(key table.Key, sk string) table.Key { return table.Key{PK: key.PK, SK: sk} }

func flightKey(n domain.FlightNumber, d domain.Date, sk string) table.Key {
	return table.Key{PK: "FLIGHT#" + string(n) + "#" + string(d), SK: sk}
}

func hotelKey(h domain.HotelID, night domain.Date, sk string) table.Key {
	return table.Key{PK: "HOTEL#" + string(h) + "#" + string(night), SK: sk}
}

// shards spread the trips of one status and day over partitions of the index.
const shards = 4

// shard is derived from the id's last digit, which is random in every kind of id.
func shard(id string) byte { return '0' + id[len(id)-1]%shards }

// dayIndex returns the partition of the trips of a status. Trips that are being cancelled are in one partition for all days:
// they may have been requested long ago, and are searched often.
func dayIndex(s domain.Status, day string, shard byte) string {
	if s == domain.Cancelling {
		day = "ALL"
	}
	return "TRIPS#" + string(s) + "#" + day + "#" + string(shard)
}

// millis is the format of a time in sort keys. It sorts like the time.
const millis = "2006-01-02T15:04:05.000Z"

// place is the position of a trip in the list of all trips.
func place(created time.Time, id string) string {
	b := make([]byte, 0, 64)
	b = created.UTC().AppendFormat(b, millis)
	return string(append(append(b, '#'), id...))
}

// dayOf returns the day with which a place begins.
func dayOf(place string) domain.Date { return domain.Date(place[:len(time.DateOnly)]) }
