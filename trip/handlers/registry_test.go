package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

func TestTheRegistryServesExactlyTheSagasTasks(t *testing.T) {
	var want []string
	for _, s := range saga.All() {
		for _, task := range s.Tasks() {
			want = append(want, task.Name)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if got := slices.Sorted(maps.Keys(New(&app.Service{}))); !slices.Equal(got, want) {
		t.Errorf("trip/handlers/handlers.go serves %v\nthe sagas of trip/saga call %v", got, want)
	}
}

func TestBadInputIsInvalidRequest(t *testing.T) {
	const id = "0195d1f0-7a52-7c3e-9d3b-1f2e3d4c5b6a"
	inputs := []string{``, `null`, `[]`, `"x"`, `{`, `{"trip_id":7}`, `{"trip_id":"x"}`, `{"trip_id":"` + id + `","more":1}`,
		`{"trip_id":"` + id + `"} {}`, `{}`, `{"trip_id":"` + id + `","trip_id":"` + id + `"}`, `{"Trip_id":"` + id + `"}`,
		`{"trip_id":null}`, `{"trip_id":"\ud83d"}`, "{\"trip_id\":\"\xff\"}"}
	for name, handle := range New(&app.Service{}) {
		for _, input := range inputs {
			_, err := handle(t.Context(), payload(id, input))
			checkFault(t, name+" "+input, err, fault.NameInvalid)
		}
	}
}

// payload is what the state machine sends for the input, of the first delivery.
func payload(tripID, input string) json.RawMessage {
	return json.RawMessage(`{"delivery":{"attempt":0,"execution":"arn:x:` + tripID + `","trip_id":"` + tripID + `"},"input":` + input + `}`)
}

func checkFault(t *testing.T, what string, err error, name string) {
	t.Helper()
	f, ok := err.(*fault.Error)
	if !ok || f.Name != name || f.Error() == "" {
		t.Errorf("%s: error %T %v, want a *fault.Error %s", what, err, err, name)
	}
}

func TestErrorsLeaveAsOneType(t *testing.T) {
	tests := map[string]error{
		fault.NameInternal:          errors.New("plain"),
		fault.NameFlightUnavailable: fmt.Errorf("x: %w", fault.New(fault.Refused, fault.NameFlightUnavailable, "sold out")),
		fault.NameInvalid:           errors.Join(fault.Invalidf("a", "bad"), fault.Invalidf("b", "bad")),
	}
	for name, failure := range tests {
		handle := task(func(context.Context, app.TripRef) (struct{}, error) { return struct{}{}, failure })
		_, err := handle(t.Context(), json.RawMessage(`{}`))
		checkFault(t, name, err, name)
	}
}

// wiring is the bounded context over a table in memory, with the demo's inventory.
func wiring(t testing.TB) (*app.Service, Registry) {
	t.Helper()
	books, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { books.Close() })
	now := func() time.Time { return time.Date(2027, 1, 15, 9, 30, 0, 0, time.UTC) }
	s := store.Service(books, bank.New(books, now), now, store.DeferCreate())
	s.Starter, s.Random = starter{}, rand.NewChaCha8([32]byte{})
	offers, err := inventory.Demo("2027-02-01")
	if err != nil {
		t.Fatal(err)
	}
	for i := range offers.Flights { // enough for a benchmark
		offers.Flights[i].Row.Capacity = 1 << 40
	}
	for i := range offers.Nights {
		offers.Nights[i].Row.Capacity = 1 << 40
	}
	if _, err := s.LoadInventory(t.Context(), offers); err != nil {
		t.Fatal(err)
	}
	return s, New(s)
}

type starter struct{}

func (starter) Start(context.Context, string, string, json.RawMessage) error { return nil }

var request = domain.Request{
	Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
	Flight:   domain.FlightRequest{Number: "JL5", Date: "2027-03-10", Seats: 2},
	Hotel:    domain.StayRequest{ID: "TYO-PARK", CheckIn: "2027-03-10", CheckOut: "2027-03-12", Rooms: 1},
	Payment:  domain.PaymentRequest{CardToken: bank.OK},
	Currency: "JPY",
}

// forward are the saga's steps of a booking that succeeds, with the input that the state machine makes for each.
func forward(id string) [4][2]string {
	ref := `{"trip_id":"` + id + `"}`
	return [4][2]string{
		{"ReserveFlight", `{"trip_id":"` + id + `","flight":{"number":"JL5","date":"2027-03-10","seats":2},"currency":"JPY"}`},
		{"ReserveHotel", `{"trip_id":"` + id + `","hotel":{"id":"TYO-PARK","check_in":"2027-03-10",` +
			`"check_out":"2027-03-12","rooms":1},"currency":"JPY"}`},
		{"ProcessPayment", ref},
		{"BookingConfirmed", ref},
	}
}

func TestABookingThroughTheHandlers(t *testing.T) {
	s, registry := wiring(t)
	trip, err := s.BookTrip(t.Context(), "", request)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range forward(trip.ID()) {
		output, err := registry[step[0]](t.Context(), payload(trip.ID(), step[1]))
		if err != nil || !json.Valid(output) {
			t.Fatalf("%s: %s, %v", step[0], output, err)
		}
	}
	ref := payload(trip.ID(), `{"trip_id":"`+trip.ID()+`","failure":{"Error":"E","Cause":""}}`)
	_, err = registry["BookingFailed"](t.Context(), ref)
	checkFault(t, "failing a confirmed trip", err, fault.NameConflict)
}

// BenchmarkBooking is what the bounded context costs of one booking: the request and the four steps, deferred as the
// local engine runs them, the bank's own writes included.
func BenchmarkBooking(b *testing.B) {
	s, registry := wiring(b)
	ctx := table.Deferred(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		trip, err := s.BookTrip(ctx, "", request)
		if err != nil {
			b.Fatal(err)
		}
		for _, step := range forward(trip.ID()) {
			if _, err := registry[step[0]](ctx, payload(trip.ID(), step[1])); err != nil {
				b.Fatal(step[0], err)
			}
		}
	}
}
