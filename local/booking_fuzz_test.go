package local_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tripsaga/trip/domain"
	"tripsaga/trip/wire"
)

// FuzzBooking posts any body under any key. What is accepted is there, has ended when its saga has, is the same trip
// when it is posted again, and reads as a booking that asks for the very same.
func FuzzBooking(f *testing.F) {
	z := newFuzzed(f)
	good := strings.Replace(happy, "CARD", "tok_ok", 1)
	f.Add("", good)
	f.Add("k", strings.Replace(good, "JL317", " jl 0317 ", 1))
	f.Add("k", strings.Replace(good, "Ada Lovelace", "  Ada   Ω Lovelace\u00a0", 1))
	f.Add("~", strings.Replace(happy, "CARD", "tok_declined", 1))
	for _, change := range [][2]string{
		{`"seats": 2`, `"seats": 9223372036854775808`}, {`"seats": 2`, `"seats": 2e0`}, {"2027-03-15", "9999-12-31"}, {"2027-03-15", "0001-01-01"},
		{"FUK-CANAL", "fuk-canal"}, {"JPY", "jpy"}, {"ada@example.com", "\\\"a b\\\"@example.com"}, {"Ada Lovelace", "\\ud800"},
		{"traveler", "TRAVELER"}, {"Ada Lovelace", "\xff"}, {`"currency"`, `"currency": "JPY", "currency"`},
	} {
		f.Add("k2", strings.Replace(good, change[0], change[1], 1))
	}
	f.Fuzz(func(t *testing.T, key, body string) {
		before := z.Store.Metrics().Transactions
		w := z.ask(t, "POST", "/trips", body, "Idempotency-Key", key)
		z.checkAnswer(t, "POST", w, before)
		z.clock.Run()
		if w.Code == http.StatusAccepted {
			z.checkBooked(t, key, body, w.Body.Bytes())
		}
	})
}

func (z *fuzzed) checkBooked(t *testing.T, key, body string, answer []byte) {
	t.Helper()
	var trip, stored wire.Trip
	if err := json.Unmarshal(answer, &trip); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	place := "/trips/" + trip.ID
	z.checkTrip(t, place)
	if err := json.Unmarshal(z.ask(t, "GET", place, "").Body.Bytes(), &stored); err != nil || asked(stored) != asked(trip) {
		t.Errorf("accepted %s, stored %s, %v", asked(trip), asked(stored), err)
	}
	if again := z.ask(t, "POST", "/trips", body, "Idempotency-Key", key); key != "" && again.Header().Get("Location") != place {
		t.Errorf("the same again: %d %s", again.Code, again.Body)
	}
	reads, _, err := domain.RequestTrip(trip.ID, domain.Request{
		Traveler: domain.TravelerRequest{Name: trip.Traveler.Name, Email: string(trip.Traveler.Email)},
		Flight:   domain.FlightRequest{Number: string(trip.Flight.Number), Date: string(trip.Flight.Date), Seats: trip.Flight.Seats},
		Hotel: domain.StayRequest{
			ID: string(trip.Hotel.Hotel), CheckIn: string(trip.Hotel.CheckIn), CheckOut: string(trip.Hotel.CheckOut), Rooms: trip.Hotel.Rooms,
		},
		Payment: domain.PaymentRequest{CardToken: "tok_ok"}, Currency: string(trip.Currency),
	}, begin)
	if err != nil {
		t.Fatalf("%s is no booking: %v", asked(trip), err)
	}
	if got := fmt.Sprint(reads.Traveler(), reads.Flight(), reads.Stay(), reads.Currency()); got != asked(trip) {
		t.Errorf("%s reads as %s", asked(trip), got)
	}
}

func asked(trip wire.Trip) string {
	return fmt.Sprint(trip.Traveler, trip.Flight, trip.Hotel, trip.Currency)
}
