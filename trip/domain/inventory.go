package domain

import (
	"fmt"

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

// Offer is one row of an inventory to load; Source says where it stands ("demo.csv:12"), for messages.
type Offer[T any] struct {
	Row    T
	Source string
}

// Offers is an inventory to load, every row valid and given once.
type Offers struct {
	Flights []Offer[FlightDay]
	Nights  []Offer[HotelNight]
	// Fingerprint tells two inventories apart.
	Fingerprint string
	// OnlyAdd leaves what is offered already as it is.
	OnlyAdd bool
}

// LoadReport counts the rows of the file, and the flights on a day and hotel nights that they offer.
type LoadReport struct {
	Rows      int `json:"rows" doc:"Rows of the file. The others count flights on a day and hotel nights, of which a row may have many."`
	Added     int `json:"added"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
}

// LoadState tells how the last load of an inventory went; the zero LoadState means that there never was one.
type LoadState struct {
	Fingerprint string `json:"fingerprint" doc:"Of the file; empty when there never was a load."`
	Complete    bool   `json:"complete" doc:"False of a load that is under way, was interrupted or was refused in part: loading the same file again completes it."`
	Days        int    `json:"days,omitempty" doc:"Flights on a day and hotel nights that the file offers."`
}
