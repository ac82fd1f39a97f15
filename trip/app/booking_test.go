package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tripsaga/shared/fault"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

func TestBookTripStartsTheSagaWithoutPersonalData(t *testing.T) {
	w := newWorld(t, nil)
	id := w.book(t, nil)
	want := `{"trip_id":"` + id + `","flight":{"number":"JL5","date":"2027-03-10","seats":2},` +
		`"hotel":{"id":"TYO-PARK","check_in":"2027-03-10","check_out":"2027-03-12","rooms":1},"currency":"JPY"}`
	if got := string(w.starts[id]); got != want {
		t.Errorf("input %s\nwant  %s", got, want)
	}
	if got := w.events(t, id); got != "TripRequested" {
		t.Errorf("events %s", got)
	}
}

func TestBookTripOnceAnIdempotencyKey(t *testing.T) {
	w := newWorld(t, nil)
	first, err := w.BookTrip(t.Context(), "key-1", request())
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.BookTrip(t.Context(), "key-1", request())
	if err != nil || again.ID() != first.ID() || again.Version() != first.Version() || len(w.starts) != 1 || w.asked != 2 {
		t.Errorf("again: %v, %v, starts %d of %d asked", again, err, len(w.starts), w.asked)
	}
	other := request()
	other.Flight.Seats = 1
	if _, err := w.BookTrip(t.Context(), "key-1", other); !fault.Is(err, fault.NameIdempotencyMismatch) {
		t.Errorf("another request under the key: %v", err)
	}
	second, err := w.BookTrip(t.Context(), "key-2", request())
	if err != nil || second.ID() == first.ID() {
		t.Errorf("another key: %v, %v", second, err)
	}
}

func TestBookTripWhoseSagaHasEndedIsNotStartedAgain(t *testing.T) {
	w := newWorld(t, nil)
	trip, err := w.BookTrip(t.Context(), "key-1", request())
	if err != nil {
		t.Fatal(err)
	}
	w.run(t, trip.ID(), w.reserveFlight, w.reserveHotel, w.pay, w.confirm)
	again, err := w.BookTrip(t.Context(), "key-1", request())
	if err != nil || again.Status() != domain.Confirmed || w.asked != 1 {
		t.Errorf("got %v, %v, asked %d times", again, err, w.asked)
	}
}

func TestBookTripRefusesBadInput(t *testing.T) {
	w := newWorld(t, nil)
	for _, key := range []string{"a b", "ключ", "\x7f", strings.Repeat("k", app.MaxIdempotencyKey+1)} {
		if _, err := w.BookTrip(t.Context(), key, request()); fault.KindOf(err) != fault.Invalid {
			t.Errorf("key %.20q: %v", key, err)
		}
	}
	if _, err := w.BookTrip(t.Context(), "", domain.Request{}); len(fault.All(err)) < 10 {
		t.Errorf("an empty request: %v", err)
	}
	if w.asked != 0 {
		t.Error("a saga was started")
	}
}

func TestABookingThatSucceeds(t *testing.T) {
	w := newWorld(t, nil)
	id := w.booked(t, nil)
	d, err := w.GetTrip(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	total := money.Amount{Minor: 2500, Currency: "JPY"}
	if d.Trip.Status() != domain.Confirmed || d.Trip.Total() != total || d.Payment.Result.Amount != total ||
		d.Flight.Result.Amount.Minor != 2000 || d.Hotel.Result.Amount.Minor != 500 || d.Payment.Result.ChargeID == "" {
		t.Errorf("trip %+v, flight %+v, hotel %+v, payment %+v", d.Trip.Snapshot(), d.Flight, d.Hotel, d.Payment)
	}
	if got := w.events(t, id); got != "TripConfirmed TripRequested" {
		t.Errorf("events %s", got)
	}
	l := w.audit(t)
	if !l.Balanced || l.SeatsHeld != 2 || l.RoomsHeld != 2 || l.Currencies["JPY"] != (app.Account{Captured: 2500, Confirmed: 2500}) ||
		l.Trips[domain.Confirmed] != 1 {
		t.Errorf("ledger %+v", l)
	}
}

// ending is a booking that fails: where, with what, what then is undone, and what must be left.
type ending struct {
	name     string
	change   func(*domain.Request)
	before   func(*world) []step
	failing  func(*world) step
	err      string
	after    func(*world) []step
	events   string
	captured int64 // and refunded
}

func TestABookingThatFails(t *testing.T) {
	flight := func(w *world) step { return w.reserveFlight }
	hotel := func(w *world) step { return w.reserveHotel }
	pay := func(w *world) step { return w.pay }
	none := func(*world) []step { return nil }
	toHotel := func(w *world) []step { return []step{w.reserveFlight} }
	toPay := func(w *world) []step { return []step{w.reserveFlight, w.reserveHotel} }
	fromHotel := func(w *world) []step { return []step{w.cancelFlight, w.fail} }
	fromPay := func(w *world) []step { return []step{w.cancelHotel, w.cancelFlight, w.fail} }
	unknown := func(w *world) []step { return []step{w.refund, w.cancelHotel, w.cancelFlight, w.fail} }
	card := func(token string) func(*domain.Request) {
		return func(r *domain.Request) { r.Payment.CardToken = token }
	}
	const failed, noHotel, all = "TripFailed TripRequested", "FlightCancelled TripFailed TripRequested",
		"FlightCancelled HotelCancelled TripFailed TripRequested"
	tests := []ending{
		{"sold out", func(r *domain.Request) { r.Flight.Number = "NH1" }, none, flight,
			fault.NameFlightUnavailable, func(w *world) []step { return []step{w.fail} }, failed, 0},
		{"no such flight", func(r *domain.Request) { r.Flight.Number = "JL9" }, none, flight,
			fault.NameFlightUnavailable, func(w *world) []step { return []step{w.fail} }, failed, 0},
		{"flight in another currency", func(r *domain.Request) { r.Flight.Number = "UA1" }, none, flight,
			fault.NameFlightUnavailable, func(w *world) []step { return []step{w.fail} }, failed, 0},
		{"full on the second night", func(r *domain.Request) { r.Hotel.ID = "KYO-FULL" }, toHotel, hotel,
			fault.NameHotelUnavailable, fromHotel, noHotel, 0},
		{"not offered on the last night", func(r *domain.Request) { r.Hotel.CheckOut = "2027-03-14" }, toHotel, hotel,
			fault.NameHotelUnavailable, fromHotel, noHotel, 0},
		{"hotel in another currency", func(r *domain.Request) { r.Hotel.ID = "HNL-REEF" }, toHotel, hotel,
			fault.NameHotelUnavailable, fromHotel, noHotel, 0},
		{"card declined", card(bank.Declined), toPay, pay, fault.NamePaymentDeclined, fromPay, all, 0},
		{"insufficient funds", card(bank.InsufficientFunds), toPay, pay, fault.NamePaymentDeclined, fromPay, all, 0},
		{"unknown card", card("tok_unheard_of"), toPay, pay, fault.NamePaymentDeclined, fromPay, all, 0},
		{"bank silent, nothing charged", card(bank.TimeoutBefore), toPay, pay, fault.NameUnavailable, unknown, all, 0},
		{"bank silent, charged", card(bank.TimeoutAfter), toPay, pay, fault.NameUnavailable, unknown,
			"FlightCancelled HotelCancelled PaymentRefunded TripFailed TripRequested", 2500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newWorld(t, nil)) })
	}
}

func (e ending) run(t *testing.T, w *world) {
	id := w.book(t, e.change)
	w.run(t, id, e.before(w)...)
	for range 3 {
		if err := e.failing(w)(t.Context(), id); !is(err, e.err) {
			t.Errorf("error %v, want %s", err, e.err)
		}
	}
	w.run(t, id, e.after(w)...)
	if got := w.events(t, id); got != e.events {
		t.Errorf("events %q, want %q", got, e.events)
	}
	l := w.audit(t)
	if !l.Balanced || l.SeatsHeld != 0 || l.RoomsHeld != 0 ||
		l.Currencies["JPY"] != (app.Account{Captured: e.captured, Refunded: e.captured}) || l.Trips[domain.Failed] != 1 {
		t.Errorf("ledger %+v", l)
	}
	e.late(t, w, id)
}

// late delivers every step that was taken once more, after everything was undone: nothing may move.
func (e ending) late(t *testing.T, w *world, id string) {
	t.Helper()
	before, _ := json.Marshal(w.audit(t))
	for i, s := range append(e.before(w), e.failing(w), w.confirm) {
		if err := s(t.Context(), id); err == nil {
			t.Errorf("late step %d succeeded", i)
		}
	}
	if after, _ := json.Marshal(w.audit(t)); string(after) != string(before) {
		t.Errorf("ledger after late steps %s\nbefore %s", after, before)
	}
}

func TestTheLastSeatIsSoldOnce(t *testing.T) {
	w := newWorld(t, nil)
	one := func(r *domain.Request) { r.Flight.Number, r.Flight.Seats = "NH1", 1 }
	first, second := w.book(t, one), w.book(t, one)
	w.run(t, first, w.reserveFlight)
	if err := w.reserveFlight(t.Context(), second); !fault.Is(err, fault.NameFlightUnavailable) {
		t.Fatalf("the second booking: %v", err)
	}
	w.run(t, first, w.cancelFlight)
	if err := w.reserveFlight(t.Context(), second); !fault.Is(err, fault.NameFlightUnavailable) {
		t.Errorf("a refusal must stand after a seat came back: %v", err)
	}
	third := w.book(t, one)
	w.run(t, third, w.reserveFlight)
}

func TestMoneyComesFromTheRecordsAlone(t *testing.T) {
	w := newWorld(t, nil)
	id := w.book(t, nil)
	w.run(t, id, w.reserveFlight, w.reserveHotel)
	w.load(t, strings.ReplaceAll(stock, "1000, JPY", "9000, JPY"))
	w.run(t, id, w.pay, w.confirm)
	if l := w.audit(t); l.Currencies["JPY"].Confirmed != 2500 {
		t.Errorf("a price that changed after the reservation was charged: %+v", l)
	}
}

func TestPaymentWithoutReservationsIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	id := w.book(t, nil)
	if err := w.pay(t.Context(), id); !fault.Is(err, fault.NameStepCancelled) {
		t.Errorf("error %v", err)
	}
	if err := w.confirm(t.Context(), id); !fault.Is(err, fault.NameNotFound) {
		t.Errorf("an unpaid trip: %v", err)
	}
}

// TestCardIsForgotten wants the token of the card in the records as long as the card may be charged, and not after.
func TestCardIsForgotten(t *testing.T) {
	confirmed := func(w *world) []step { return []step{w.reserveFlight, w.reserveHotel, w.pay, w.confirm} }
	refunded := func(w *world) []step {
		return []step{w.reserveFlight, w.reserveHotel, w.pay, w.refund, w.cancelHotel, w.cancelFlight, w.fail}
	}
	for name, steps := range map[string]func(*world) []step{"confirmed": confirmed, "refunded": refunded} {
		w := newWorld(t, nil)
		trip, err := w.BookTrip(t.Context(), "key-1", request())
		if err != nil {
			t.Fatal(err)
		}
		all := steps(w)
		w.run(t, trip.ID(), all[:len(all)-1]...)
		if !w.knowsCard(t, trip.ID()) {
			t.Errorf("%s: the card is forgotten before the end", name)
		}
		w.run(t, trip.ID(), all[len(all)-1])
		if w.knowsCard(t, trip.ID()) {
			t.Errorf("%s: the card is still in the trip's record", name)
		}
		if again, err := w.BookTrip(t.Context(), "key-1", request()); err != nil || again.ID() != trip.ID() {
			t.Errorf("%s: the same booking again: %v, %v", name, again, err)
		}
	}
}

func (w *world) knowsCard(t *testing.T, id string) bool {
	t.Helper()
	item, ok, err := w.table.Get(t.Context(), table.Key{PK: "TRIP#" + id, SK: "TRIP"})
	if err != nil || !ok {
		t.Fatalf("the trip's record: %v, %v", ok, err)
	}
	return strings.Contains(string(item.Data), "tok_")
}
