package store_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/shared/ident"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// TestServiceIsWhole wants every port but those that the caller may set. It runs before the others,
// which panic without one.
func TestServiceIsWhole(t *testing.T) {
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	callers := []string{"Starter", "Random", "Observer"}
	s := reflect.ValueOf(*store.Service(db, bank.New(db, time.Now), time.Now))
	for i := range s.NumField() {
		name, port := s.Type().Field(i).Name, s.Field(i)
		if port.Kind() == reflect.Interface && port.IsNil() && !slices.Contains(callers, name) {
			t.Errorf("the service has no %s: set it in Service in trip/adapters/store/trips.go", name)
		}
	}
}

// TestStoredBytes pins every kind of item that the trip and the bank store, byte for byte. A store and a backup of an
// earlier version must stay readable, and a later version must write what an earlier one can read after a rollback.
func TestStoredBytes(t *testing.T) {
	const golden = "testdata/items.txt"
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Date(2027, 1, 15, 9, 30, 0, 123456789, time.UTC)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	s := service(db, clock)
	s.Policy = domain.CancellationPolicy{Tiers: []domain.CancellationTier{{FeePercent: 20}}}
	stock(t, s, 5)
	for _, b := range []struct {
		key, card string
		rooms     int
		run       func(*walk)
	}{
		{"pending", bank.OK, 1, func(*walk) {}},
		{"confirmed", bank.OK, 1, func(w *walk) { w.flight(); w.hotel(); w.pay(); w.check(w.ConfirmTrip(w.Context(), w.ref)) }},
		{"refused", bank.OK, 9, func(w *walk) { w.flight(); w.hotel(); w.undo(w.CancelHotel); w.undo(w.CancelFlight); w.fail() }},
		{"declined", bank.Declined, 1, func(w *walk) { w.flight(); w.hotel(); w.pay() }},
		{"refunded", bank.RefundStuck, 1, func(w *walk) {
			w.flight()
			w.hotel()
			w.pay()
			w.undo(w.RefundPayment)
			w.stop("Overdue")
			w.stop("ServiceUnavailable")
			w.undo(w.RefundPayment)
			w.undo(w.CancelHotel)
			w.undo(w.CancelFlight)
			w.fail()
		}},
		{"cancelled", bank.OK, 1, func(w *walk) { w.undo(w.RefundPayment); w.undo(w.CancelHotel); w.undo(w.CancelFlight) }},
		{"given-back", bank.OK, 1, func(w *walk) {
			w.flight()
			w.hotel()
			w.pay()
			w.check(w.ConfirmTrip(w.Context(), w.ref))
			w.check(w.CancelTrip(w.Context(), w.ref.TripID, app.CancelRequest{Key: "key", Reason: "ill"}))
			w.undo(w.CancelHotel)
			w.undo(w.CancelFlight)
			w.undo(w.RefundBooking)
			w.check(w.CancelBooking(w.Context(), w.ref))
		}},
	} {
		w := newWalk(t, s, b.key, b.card, b.rooms)
		b.run(w)
	}
	everyRecord(t, s, db)
	var got strings.Builder
	for it, err := range db.Items(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%s  v%d  index %s  expires %d  %v\n    %s\n", it.Key, it.Version, it.Index, it.Expires, it.Ints, it.Data)
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || got.String() != string(want) {
		t.Errorf("%s differs (%v): stored items change for those who have a store; rewrite it with -update and read the difference. Got:\n%s",
			golden, err, got.String())
	}
}

// everyRecord wants a record of every step of the saga, and each of them in the details of its trip.
func everyRecord(t *testing.T, s *app.Service, db *embedded.Store) {
	t.Helper()
	for _, task := range saga.Booking().Steps() {
		stored := 0
		for it, err := range db.Items(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			id, trip := strings.CutPrefix(it.PK, "TRIP#")
			if !trip || it.SK != task.Record {
				continue
			}
			stored++
			if d, err := s.Trips.Details(t.Context(), id); err != nil || d.State(task.Record) == "" {
				t.Errorf("the details of %s are without its record %s (%v): addDetail in trip/adapters/store/trips.go "+
					"or State in trip/domain/reservation.go lacks it", it.PK, task.Record, err)
			}
		}
		if stored == 0 && task.Record != "" {
			t.Errorf("no booking of trip/adapters/store/record_test.go stores %s: call %s there", task.Record, task.Name)
		}
	}
}

func service(db *embedded.Store, clock func() time.Time) *app.Service {
	s := store.Service(db, bank.New(db, clock), clock)
	s.Starter = noSaga{}
	return s
}

func stock(t testing.TB, s *app.Service, seats int) {
	t.Helper()
	offers, err := inventory.Parse("stock.csv", strings.NewReader(fmt.Sprintf(
		"flight, JL5, Japan Airlines, HND, JFK, 11:05, 10:55, 2027-03-10, 2027-03-10, 1000, JPY, %d\n"+
			"hotel, TYO-PARK, Park & Garden <Hotel>, 東京, 2027-03-10, 2027-03-11, 200, JPY, %d\n", seats, seats-1)))
	if err == nil {
		_, err = s.LoadInventory(t.Context(), offers)
	}
	if err != nil {
		t.Fatal(err)
	}
}

type noSaga struct{}

func (noSaga) Start(context.Context, string, string, json.RawMessage) error { return nil }

// walk is one booking. A step may be refused or fail, and then leaves a record as well; check wants no internal error.
type walk struct {
	testing.TB
	*app.Service
	ref     app.TripRef
	request domain.Request
}

// newWalk books. The traveler's name has what JSON may escape, and the address an international domain.
func newWalk(t testing.TB, s *app.Service, key, card string, rooms int) *walk {
	t.Helper()
	w := &walk{TB: t, Service: s, ref: app.TripRef{TripID: ident.Derive("trip", key)}}
	w.request = domain.Request{
		Traveler: domain.TravelerRequest{Name: "Ada <Ödön> & Söhne", Email: "ada@例え.jp"},
		Flight:   domain.FlightRequest{Number: "JL5", Date: "2027-03-10", Seats: 1},
		Hotel:    domain.StayRequest{ID: "TYO-PARK", CheckIn: "2027-03-10", CheckOut: "2027-03-12", Rooms: rooms},
		Payment:  domain.PaymentRequest{CardToken: card}, Currency: "JPY",
	}
	if _, err := s.BookTrip(t.Context(), key, w.request); err != nil {
		t.Fatal(key, err)
	}
	return w
}

func (w *walk) flight() {
	w.check(w.ReserveFlight(w.Context(), app.ReserveFlightInput{TripID: w.ref.TripID, Flight: w.request.Flight, Currency: "JPY"}))
}

func (w *walk) hotel() {
	w.check(w.ReserveHotel(w.Context(), app.ReserveHotelInput{TripID: w.ref.TripID, Hotel: w.request.Hotel, Currency: "JPY"}))
}

func (w *walk) pay() {
	w.check(w.ProcessPayment(w.Context(), w.ref))
}

func (w *walk) undo(step func(context.Context, app.TripRef) (app.Cancelled, error)) {
	w.check(step(w.Context(), w.ref))
}

func (w *walk) fail() {
	w.check(w.FailTrip(w.Context(), app.FailInput{TripID: w.ref.TripID,
		Failure: app.Failure{Error: "HotelUnavailable", Cause: `{"errorType":"HotelUnavailable","errorMessage":"full"}`}}))
}

func (w *walk) stop(reason string) {
	w.check(nil, w.MarkNeedsAttention(w.Context(), app.ExecutionChange{Saga: domain.BookingSaga, TripID: w.ref.TripID, Status: "FAILED", Error: reason, State: "CancelHotel"}))
}

func (w *walk) check(_ any, err error) {
	if fault.KindOf(err) == fault.Internal && err != nil {
		w.Error(err)
	}
}

// BenchmarkAudit reads and decodes 2,000 confirmed trips with their reservations and their bank entries, as the audit
// does with everything that is stored. Reading is where the decoder matters most, see docs/adr/0006.
func BenchmarkAudit(b *testing.B) {
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := service(db, func() time.Time { return time.Date(2027, 1, 15, 9, 30, 0, 0, time.UTC) })
	stock(b, s, 100_000)
	for n := range 2000 {
		w := newWalk(b, s, fmt.Sprint(n), bank.OK, 1)
		w.flight()
		w.hotel()
		w.pay()
		w.check(w.ConfirmTrip(w.Context(), w.ref))
	}
	b.ResetTimer()
	for b.Loop() {
		if ledger, err := s.Audit(b.Context()); err != nil || !ledger.Balanced {
			b.Fatal(ledger, err)
		}
	}
}
