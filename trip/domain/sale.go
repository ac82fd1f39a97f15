package domain

import (
	"time"

	"tripsaga/shared/airport"
	"tripsaga/shared/fault"
)

// What has departed or passed is not sold. The service's own clock decides, since a client's may be wrong or lie; a
// flight's moment of departure follows from its local time and the time zone of its airport.

// Departure is when the flight leaves. A flight whose time is not known leaves at the end of its day, and an airport whose
// time zone is not known is where days end first.
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

// MayHaveDeparted reports whether any flight of the day d, anywhere, can have left at now.
func (d Date) MayHaveDeparted(now time.Time) bool {
	return !now.In(airport.First).Before(d.in(airport.First))
}

// CheckNights refuses a stay whose first night has passed at now. Where the hotel is is not known, so a night lasts until
// noon of the next day where days end first. The error is HotelUnavailable.
func (s Stay) CheckNights(now time.Time) error {
	noon := s.CheckIn.in(airport.First).Add((24 + 12) * time.Hour)
	if now.Before(noon) {
		return nil
	}
	return fault.New(fault.Refused, fault.NameHotelUnavailable, "%s has passed: sold until %s, now it is %s",
		HotelNight{Hotel: s.Hotel, Night: s.CheckIn}, moment(noon), moment(now))
}

// in is the day's start in a zone.
func (d Date) in(zone *time.Location) time.Time {
	y, m, day := d.Time().Date()
	return time.Date(y, m, day, 0, 0, 0, 0, zone)
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
