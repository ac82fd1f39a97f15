package app_test

import (
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/domain"
)

// JL5 leaves Haneda on 2027-03-10 at 11:05, which is 02:05 UTC. The night of that day is sold until 22:00 UTC.
var departure = time.Date(2027, 3, 10, 2, 5, 0, 0, time.UTC)

func fields(err error) (all string) {
	for _, e := range fault.All(err) {
		all += e.Field + " "
	}
	return all
}

func TestWhatHasPassedIsNotBooked(t *testing.T) {
	for _, tt := range []struct {
		now     time.Time
		change  func(*domain.Request)
		refused string
	}{
		{departure.Add(-time.Second), nil, ""},
		{departure, nil, "flight.date "},
		{departure.Add(20 * time.Hour), nil, "flight.date hotel.check_in "},
		{departure, func(r *domain.Request) { r.Flight.Date = "2027-03-11" }, ""},
		{departure, func(r *domain.Request) { r.Flight.Number = "JL99" }, ""}, // not offered: the saga says so
		{departure.Add(8 * time.Hour), func(r *domain.Request) { r.Flight.Number = "JL99" }, "flight.date "},
		{departure.Add(20 * time.Hour), func(r *domain.Request) { r.Flight.Date = "2027-03-11" }, "hotel.check_in "},
		{departure, func(r *domain.Request) { // no flight of yesterday's is left, and a stay that ended
			r.Flight.Date, r.Hotel.CheckIn, r.Hotel.CheckOut = "2020-01-01", "2020-01-01", "2020-01-03"
		}, "flight.date hotel.check_in "},
		{departure.Add(15 * time.Hour), func(r *domain.Request) { // it is 07:05 in San Francisco, and leaves at 11:05
			r.Flight.Number, r.Hotel.ID, r.Currency = "UA1", "HNL-REEF", "USD"
		}, ""},
	} {
		w := newWorld(t, nil)
		w.time = tt.now
		r := request()
		if tt.change != nil {
			tt.change(&r)
		}
		_, err := w.BookTrip(t.Context(), "key", r)
		if got := fields(err); got != tt.refused || err != nil && fault.KindOf(err) != fault.Invalid || (w.asked == 0) != (err != nil) {
			t.Errorf("%+v at %s: refused are %q, %v, want %q; asked to start %d", r.Flight, tt.now, got, err, tt.refused, w.asked)
		}
	}
}

// TestAReplayIsAnsweredAfterTheDeparture: the key has made the trip before, so nothing is sold.
func TestAReplayIsAnsweredAfterTheDeparture(t *testing.T) {
	w := newWorld(t, nil)
	trip, err := w.BookTrip(t.Context(), "key", request())
	if err != nil {
		t.Fatal(err)
	}
	w.run(t, trip.ID(), w.reserveFlight, w.reserveHotel, w.pay, w.confirm)
	w.time = departure.AddDate(1, 0, 0)
	again, replayed, err := w.BookOnce(t.Context(), "key", request())
	if err != nil || !replayed || again.ID() != trip.ID() || again.Status() != domain.Confirmed {
		t.Errorf("%+v, replayed %v, %v", again, replayed, err)
	}
	other := request()
	other.Flight.Seats = 1
	if _, err := w.BookTrip(t.Context(), "key", other); !fault.Is(err, fault.NameIdempotencyMismatch) {
		t.Errorf("another request under the key: %v", err)
	}
	if _, err := w.BookTrip(t.Context(), "another key", request()); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another key: %v", err)
	}
}

// TestASagaThatWaitedReservesNothingThatHasPassed: the refusals are business errors, each the same for ever; what was
// reserved in time stays reserved.
func TestASagaThatWaitedReservesNothingThatHasPassed(t *testing.T) {
	w := newWorld(t, nil)
	late, inTime := w.book(t, nil), w.book(t, nil)
	if err := w.reserveFlight(t.Context(), inTime); err != nil {
		t.Fatal(err)
	}
	w.time = departure
	for range 2 {
		if err := w.reserveFlight(t.Context(), late); !fault.Is(err, fault.NameFlightUnavailable) || fault.KindOf(err) != fault.Refused {
			t.Errorf("a flight that has departed: %v", err)
		}
		if err := w.reserveFlight(t.Context(), inTime); err != nil {
			t.Errorf("the same delivery again: %v", err)
		}
	}
	w.time = departure.Add(20 * time.Hour)
	for range 2 {
		if err := w.reserveHotel(t.Context(), inTime); !fault.Is(err, fault.NameHotelUnavailable) || fault.KindOf(err) != fault.Refused {
			t.Errorf("a night that has passed: %v", err)
		}
	}
	w.time = departure.Add(-time.Hour) // the clock is set back, and the refusals stand
	if err := w.reserveFlight(t.Context(), late); !fault.Is(err, fault.NameFlightUnavailable) {
		t.Errorf("the refusal is forgotten: %v", err)
	}
	flights, err := w.ShowFlights(t.Context(), domain.InventoryQuery{From: "2027-03-10", To: "2027-03-10", Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flights.Items {
		if f.Number == "JL5" && f.Available != 3 {
			t.Errorf("%d seats of JL5 are left, want 3", f.Available)
		}
	}
}
