package domain

import (
	"fmt"
	"time"

	"tripsaga/shared/airport"
	"tripsaga/shared/fault"
	"tripsaga/shared/money"
)

// FlightDay is one flight on one day.
type FlightDay struct {
	Number      FlightNumber
	Date        Date
	Airline     string
	Origin      string // IATA airport codes
	Destination string
	Departs     string // local times, 15:04
	Arrives     string
	Price       money.Amount // of one seat
	Capacity    int64
	Available   int64 // set when read
}

func (f FlightDay) String() string { return fmt.Sprintf("flight %s on %s", f.Number, f.Date) }

// HotelNight is one hotel on one night.
type HotelNight struct {
	Hotel     HotelID
	Night     Date // the day on which the night begins
	Name      string
	City      string
	Price     money.Amount // of one room for this night
	Capacity  int64
	Available int64 // set when read
}

func (h HotelNight) String() string {
	return fmt.Sprintf("hotel %s on the night of %s", h.Hotel, h.Night)
}

// Offer is one row of an inventory to load. Source is its position in the file ("demo.csv:12"), for messages.
type Offer[T any] struct {
	Row    T
	Source string
}

// Offers is an inventory to load. Every row is valid and unique.
type Offers struct {
	Flights []Offer[FlightDay]
	Nights  []Offer[HotelNight]
	// Fingerprint differs for different inventories.
	Fingerprint string
	// OnlyAdd adds new offers and does not change existing ones.
	OnlyAdd bool
}

// LoadReport counts the rows of the file, and the flights on a day and hotel nights that they offer.
type LoadReport struct {
	Rows      int `json:"rows" doc:"Rows of the file. The other figures count flights on a day and hotel nights, of which a row may have many."`
	Added     int `json:"added"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

// LoadState is the state of the last load of an inventory. The zero LoadState means that there was no load.
type LoadState struct {
	Fingerprint string `json:"fingerprint" doc:"Of the file; empty if there was never a load."`
	Complete    bool   `json:"complete" doc:"False for a load that is running, was interrupted or was partly refused: loading the same file again completes it."`
	Days        int    `json:"days,omitempty" doc:"Flights on a day and hotel nights that the file offers."`
}

// A flight that has departed and a night that has passed are not sold. The service's own clock decides, since a client's
// may be wrong. The moment of departure is the flight's local time in the time zone of its airport.

// Departure returns the moment when the flight leaves. A flight without a known time leaves at the end of its day. An airport
// without a known time zone counts as one where the day ends first.
func (f FlightDay) Departure() time.Time {
	zone := airport.Zone(f.Origin)
	if t, err := time.ParseInLocation(time.DateOnly+" 15:04", string(f.Date)+" "+f.Departs, zone); err == nil {
		return t
	}
	y, m, d := f.Date.Time().Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, zone)
}

// CheckDeparture refuses a flight that has left at now. The error is FlightUnavailable.
func (f FlightDay) CheckDeparture(now time.Time) error {
	t := f.Departure()
	if now.Before(t) {
		return nil
	}
	return fault.New(fault.Refused, fault.NameFlightUnavailable, "%s has departed: sold until %s, now it is %s", f, moment(t), moment(now))
}

// MayHaveDeparted reports whether a flight of the day d, at any airport, can have departed at now.
func (d Date) MayHaveDeparted(now time.Time) bool {
	return !now.In(airport.First).Before(d.in(airport.First))
}

// CheckNights refuses a stay whose first night has passed at now. The hotel's time zone is unknown. So a night lasts until noon
// of the next day, in the time zone where the day ends first. The error is HotelUnavailable.
func (s Stay) CheckNights(now time.Time) error {
	noon := s.CheckIn.in(airport.First).Add((24 + 12) * time.Hour)
	if now.Before(noon) {
		return nil
	}
	return fault.New(fault.Refused, fault.NameHotelUnavailable, "%s has passed: sold until %s, now it is %s",
		HotelNight{Hotel: s.Hotel, Night: s.CheckIn}, moment(noon), moment(now))
}

// in returns the day's start in a time zone.
func (d Date) in(zone *time.Location) time.Time {
	y, m, day := d.Time().Date()
	return time.Date(y, m, day, 0, 0, 0, 0, zone)
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
