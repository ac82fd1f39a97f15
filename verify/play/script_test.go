package play

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"tripsaga/trip/domain"
)

const trip = `-- trip.json --
{
  "flight": { "number": "RH{100}", "date": "today+1", "seats": 2 },
  "hotel": { "id": "INN-{0}", "check_in": "today+1", "check_out": "today+3", "rooms": 1 }
}
`

func read(text string) (Script, error) {
	return Read(fstest.MapFS{"a/3-one.txtar": {Data: []byte(text)}}, "a/3-one.txtar", "2027-01-31")
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "a/3-one.txtar: the script has no booking",
		trip + "-- wnat --\n":                  "a/3-one.txtar:6: part wnat: unknown part; allowed are NAME.json, ",
		trip + trip:                            "a/3-one.txtar:1: part trip.json: the part is there twice",
		"\n-- trip.json --\n{":                 "a/3-one.txtar:2: part trip.json: unexpected EOF",
		"-- trip.json --\n{\"a\":1}":           `a/3-one.txtar:1: part trip.json: json: unknown field "a"`,
		trip + "-- places --\n0\n":             "a/3-one.txtar:6: part places: \"0\\n\" is not a number of places",
		trip + "-- faults --\nx\n":             "a/3-one.txtar:6: part faults: ",
		trip + "-- redrive --\nx\n":            "a/3-one.txtar:6: part redrive: ",
		trip + "-- explore --\nx\n":            `a/3-one.txtar:6: part explore: "x" is not a line`,
		trip + "-- explore --\napart 1":        `a/3-one.txtar:6: part explore: time: missing unit`,
		trip + "-- inventory.csv --\nbus, 1\n": "a/3-one.txtar:6: part inventory.csv: 3-one.txtar:1: kind: ",
	} {
		if _, err := read(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\n%v, want\n%s", text, err, want)
		}
	}
}

func TestPlaces(t *testing.T) {
	s, err := read("A title\n\n" + trip + `-- places --
3
-- inventory.csv --
flight, RH{100}, Air, HND, CTS, 09:00, 10:35, today+1, today+1, 12000, JPY, 7
hotel, INN-{0}, Inn, Sapporo, today+1, today+2, 12000, JPY, 7
hotel, FULL, Inn, Sapporo, today+1, today+1, 12000, JPY, 0
`)
	if err != nil {
		t.Fatal(err)
	}
	offers, err := s.Offers()
	if err != nil || len(offers.Flights) != 3 || len(offers.Nights) != 2*3+1 || offers.Flights[2].Row.Number != "RH102" {
		t.Errorf("%v, %+v", err, offers)
	}
	r := AtPlace(s.Request(), 0, 2)
	if want := (domain.StayRequest{ID: "INN-2", CheckIn: "2027-02-01", CheckOut: "2027-02-03", Rooms: 1}); r.Hotel != want {
		t.Errorf("%+v, want %+v", r.Hotel, want)
	}
	if r.Flight.Number != "RH100" || s.Name != "one" || s.Title != "A title" {
		t.Errorf("%+v, named %q, title %q", r.Flight, s.Name, s.Title)
	}
}

func TestEnd(t *testing.T) {
	got := endOf(`saga FAILED BookingFailed at BookingFailed
trip FAILED HotelUnavailable: hotel full: sorry
flight UNDONE
hotel REFUSED
payment none
events TripRequested
history
  ReserveFlight
    timed out States.Timeout
    ok
  (redriven)
  BookingFailed
    failed BookingFailed
`)
	want := End{Saga: "FAILED", Error: "BookingFailed", State: "BookingFailed", Trip: domain.Failed, Reason: "HotelUnavailable",
		Flight: domain.StepUndone, Hotel: domain.StepRefused, States: []string{"ReserveFlight", "BookingFailed"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want\n%+v", got, want)
	}
}

// TestDemoComparesEnds lets the demo check ends that differ from the scripts', in each way.
func TestDemoComparesEnds(t *testing.T) {
	var d Demo
	good, err := d.Run(t.Context())
	if err != nil || good.Wrong != nil || len(good.Bookings) == 0 {
		t.Fatalf("%v, %d bookings: %v", err, len(good.Bookings), good.Wrong)
	}
	for name, spoil := range map[string]func(*DemoEnd){
		"an end":       func(e *DemoEnd) { e.Bookings[0].Wrong = true },
		"seats":        func(e *DemoEnd) { e.Ledger.SeatsHeld++ },
		"rooms":        func(e *DemoEnd) { e.Ledger.RoomsHeld-- },
		"the balance":  func(e *DemoEnd) { e.Ledger.Balanced = false },
		"what is held": func(e *DemoEnd) { e.Bookings = e.Bookings[1:] },
	} {
		end := good
		end.Bookings = append([]Booked(nil), good.Bookings...)
		spoil(&end)
		if end.check(); len(end.Wrong) != 1 {
			t.Errorf("%s differs: %v", name, end.Wrong)
		}
	}
}

// TestEmbedded reads all scripts of the command.
func TestEmbedded(t *testing.T) {
	for name, want := range map[string]int{"demo": 5, "check": 4, "verify": 8, "bench.txtar": 1, "rehearsal.txtar": 1} {
		scripts := Embedded(name, Today)
		if len(scripts) < want {
			t.Errorf("%s has %d scripts, want %d or more", name, len(scripts), want)
		}
		for _, s := range scripts {
			if _, err := s.Offers(); err != nil || s.Title == "" {
				t.Errorf("%s: title %q, offers %v", s.File, s.Title, err)
			}
		}
	}
}
