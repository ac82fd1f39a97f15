package domain

import (
	"strings"
	"testing"
	"time"

	"tripsaga/shared/fault"
)

var now = time.Date(2027, 1, 15, 9, 30, 0, 123456789, time.UTC)

// request is one that is valid; a test changes what it is about.
func request(change func(*Request)) Request {
	r := Request{
		Traveler: TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
		Flight:   FlightRequest{Number: "JL5", Date: "2027-03-10", Seats: 2},
		Hotel:    StayRequest{ID: "TYO-PARK", CheckIn: "2027-03-10", CheckOut: "2027-03-12", Rooms: 1},
		Payment:  PaymentRequest{CardToken: "tok_ok"},
		Currency: "JPY",
	}
	if change != nil {
		change(&r)
	}
	return r
}

func TestRequestTripIsPendingAndAnnounced(t *testing.T) {
	trip, events, err := RequestTrip("id-1", request(nil), now)
	if err != nil {
		t.Fatal(err)
	}
	if trip.Status() != Pending || trip.Version() != 0 || !trip.Created().Equal(now.Truncate(time.Millisecond)) {
		t.Errorf("trip %+v", trip.Snapshot())
	}
	if len(events) != 1 || events[0].Type != TripRequested || events[0].TripID != "id-1" || events[0].ID == "" {
		t.Errorf("events %+v", events)
	}
}

func TestRequestTripRefusesEachBadField(t *testing.T) {
	tests := []struct {
		field  string
		change func(*Request)
	}{
		{"traveler.name", func(r *Request) { r.Traveler.Name = " " }},
		{"traveler.name", func(r *Request) { r.Traveler.Name = strings.Repeat("x", MaxName+1) }},
		{"traveler.name", func(r *Request) { r.Traveler.Name = "Ada\x00" }},
		{"traveler.name", func(r *Request) { r.Traveler.Name = "\u3164" }},
		{"traveler.name", func(r *Request) { r.Traveler.Name = "\xff" }},
		{"traveler.email", func(r *Request) { r.Traveler.Email = "ada" }},
		{"traveler.email", func(r *Request) { r.Traveler.Email = "Ada <ada@example.com>" }},
		{"traveler.email", func(r *Request) { r.Traveler.Email = strings.Repeat("a", MaxEmail) + "@example.com" }},
		{"flight.number", func(r *Request) { r.Flight.Number = "123" }},
		{"flight.date", func(r *Request) { r.Flight.Date = "2027-02-29" }},
		{"flight.seats", func(r *Request) { r.Flight.Seats = 0 }},
		{"flight.seats", func(r *Request) { r.Flight.Seats = MaxSeats + 1 }},
		{"hotel.id", func(r *Request) { r.Hotel.ID = "A#B" }},
		{"hotel.check_in", func(r *Request) { r.Hotel.CheckIn = "10.3.2027" }},
		{"hotel.check_out", func(r *Request) { r.Hotel.CheckOut = "2027-3-12" }},
		{"hotel.check_out", func(r *Request) { r.Hotel.CheckOut = r.Hotel.CheckIn }},
		{"hotel.check_out", func(r *Request) { r.Hotel.CheckOut = "2027-04-10" }},
		{"hotel.check_out", func(r *Request) { r.Hotel.CheckIn, r.Hotel.CheckOut = "2020-01-01", "2020-01-03" }},
		{"hotel.check_out", func(r *Request) { r.Hotel.CheckIn, r.Hotel.CheckOut = "2027-03-08", "2027-03-10" }},
		{"hotel.rooms", func(r *Request) { r.Hotel.Rooms = -1 }},
		{"payment.card_token", func(r *Request) { r.Payment.CardToken = "4242424242424242" }},
		{"currency", func(r *Request) { r.Currency = "YEN" }},
	}
	for _, tt := range tests {
		_, _, err := RequestTrip("id-1", request(tt.change), now)
		all := fault.All(err)
		if len(all) != 1 || all[0].Field != tt.field || all[0].Kind != fault.Invalid || all[0].Message == "" {
			t.Errorf("%s: got %v", tt.field, err)
		}
	}
}

// TestStayAroundTheFlight: a stay begins with the flight, after a night on board, or on the day before over the date
// line; it ends after the flight's day.
func TestStayAroundTheFlight(t *testing.T) {
	for _, stay := range [][2]string{{"2027-03-10", "2027-03-11"}, {"2027-03-11", "2027-03-12"}, {"2027-03-09", "2027-03-11"}, {"2027-04-20", "2027-04-22"}} {
		_, _, err := RequestTrip("id-1", request(func(r *Request) { r.Hotel.CheckIn, r.Hotel.CheckOut = stay[0], stay[1] }), now)
		if err != nil {
			t.Errorf("stay %v: %v", stay, err)
		}
	}
}

func TestRequestTripReportsAllProblemsTogether(t *testing.T) {
	_, _, err := RequestTrip("id-1", Request{}, now)
	want := []string{"traveler.name", "traveler.email", "flight.number", "flight.date", "flight.seats",
		"hotel.id", "hotel.check_in", "hotel.check_out", "hotel.rooms", "payment.card_token", "currency"}
	var got []string
	for _, e := range fault.All(err) {
		got = append(got, e.Field)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestACardNumberIsNotRepeated(t *testing.T) {
	const number = "4242424242424242"
	_, _, err := RequestTrip("id-1", request(func(r *Request) { r.Payment.CardToken = number }), now)
	if strings.Contains(err.Error(), number) {
		t.Errorf("the message repeats it: %v", err)
	}
}

func TestFingerprintFollowsTheNormalForm(t *testing.T) {
	make := func(change func(*Request)) string {
		t.Helper()
		trip, _, err := RequestTrip("id-1", request(change), now)
		if err != nil {
			t.Fatal(err)
		}
		return trip.Fingerprint()
	}
	same := make(nil)
	if same != make(func(r *Request) { r.Traveler.Name = "  Ada  Lovelace\u3000"; r.Traveler.Email = "ada@EXAMPLE.com" }) {
		t.Error("two spellings of one traveler differ")
	}
	if same != make(func(r *Request) { r.Flight.Number = "jl 005"; r.Currency = "jpy"; r.Hotel.ID = " tyo-park " }) {
		t.Error("two spellings of one request differ")
	}
	changes := []func(*Request){
		func(r *Request) { r.Traveler.Name = "Ada King" },
		func(r *Request) { r.Traveler.Email = "king@example.com" },
		func(r *Request) { r.Flight.Number = "JL6" },
		func(r *Request) { r.Flight.Date = "2027-03-11" },
		func(r *Request) { r.Flight.Seats = 1 },
		func(r *Request) { r.Hotel.ID = "TYO-STATION" },
		func(r *Request) { r.Hotel.CheckIn = "2027-03-09" },
		func(r *Request) { r.Hotel.CheckOut = "2027-03-13" },
		func(r *Request) { r.Hotel.Rooms = 2 },
		func(r *Request) { r.Payment.CardToken = "tok_declined" },
		func(r *Request) { r.Currency = "USD" },
	}
	for i, change := range changes {
		if make(change) == same {
			t.Errorf("change %d makes no difference", i)
		}
	}
}
