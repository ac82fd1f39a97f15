package domain

import (
	"testing"
	"time"

	"tripsaga/shared/fault"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestAFlightIsSoldUntilItDeparts(t *testing.T) {
	for _, tt := range []struct{ origin, day, departs, want string }{
		{"HND", "2027-03-10", "11:05", "2027-03-10T02:05:00Z"},
		{"HND", "2027-03-10", "00:05", "2027-03-09T15:05:00Z"}, // the day before in Greenwich
		{"JFK", "2027-03-10", "23:30", "2027-03-11T04:30:00Z"}, // the day after
		{"JFK", "2027-03-20", "23:30", "2027-03-21T03:30:00Z"}, // summer time
		{"HNL", "2027-03-10", "20:15", "2027-03-11T06:15:00Z"},
		{"CXI", "2027-03-10", "00:00", "2027-03-09T10:00:00Z"},
		{"XXX", "2027-03-10", "09:00", "2027-03-09T19:00:00Z"}, // nobody knows where: as if at UTC+14
		{"XXX", "2027-03-10", "", "2027-03-10T10:00:00Z"},      // nor when: at the day's end
	} {
		f := FlightDay{Number: "JL5", Date: Date(tt.day), Origin: tt.origin, Departs: tt.departs}
		want := at(t, tt.want)
		if err := f.CheckDeparture(want.Add(-time.Second)); err != nil {
			t.Errorf("%+v, a second before: %v", tt, err)
		}
		err := f.CheckDeparture(want)
		if !fault.Is(err, fault.NameFlightUnavailable) || fault.KindOf(err) != fault.Refused {
			t.Errorf("%+v, at departure: %v", tt, err)
		}
		if early := f.Date.MayHaveDeparted(want); tt.departs != "" && !early {
			t.Errorf("%+v has departed on a day of which nothing may have", tt)
		}
	}
	if Date("2027-03-10").MayHaveDeparted(at(t, "2027-03-09T09:59:59Z")) || !Date("2027-03-10").MayHaveDeparted(at(t, "2027-03-09T10:00:00Z")) {
		t.Error("a day begins at 10:00 UTC of the day before, at UTC+14")
	}
}

func TestANightIsSoldUntilNoonOfTheNextDay(t *testing.T) {
	s := Stay{Hotel: "TYO-PARK", CheckIn: "2027-02-28", CheckOut: "2027-03-02"}
	end := at(t, "2027-02-28T22:00:00Z") // noon of 1 March at UTC+14
	if err := s.CheckNights(end.Add(-time.Second)); err != nil {
		t.Error(err)
	}
	if err := s.CheckNights(end); !fault.Is(err, fault.NameHotelUnavailable) || fault.KindOf(err) != fault.Refused {
		t.Error(err)
	}
}
