package app_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/table/tabletest"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// world is the whole bounded context over a table in memory whose pages are as short as the port allows, with a clock that a test moves and a starter that notes
// what it was asked to start.
type world struct {
	*app.Service
	table  table.Table
	books  table.Table // the bank's
	time   time.Time
	starts map[string]json.RawMessage
	asked  int
	broken bool // the starter refuses
}

const stock = `flight, JL5, Japan Airlines, HND, JFK, 11:05, 10:55, 2027-03-10, 2027-03-11, 1000, JPY, 5
flight, NH1, All Nippon Airways, HND, CTS, 11:05, 10:55, 2027-03-10, 2027-03-10, 500, JPY, 1
flight, UA1, United Airlines, SFO, HNL, 11:05, 10:55, 2027-03-10, 2027-03-10, 99.50, USD, 9
hotel, TYO-PARK, Park Hotel, Tokyo, 2027-03-10, 2027-03-10, 200, JPY, 4
hotel, TYO-PARK, Park Hotel, Tokyo, 2027-03-11, 2027-03-12, 300, JPY, 4
hotel, KYO-FULL, Full Hotel, Kyoto, 2027-03-10, 2027-03-10, 200, JPY, 4
hotel, KYO-FULL, Full Hotel, Kyoto, 2027-03-11, 2027-03-11, 200, JPY, 0
hotel, HNL-REEF, Reef Hotel, Honolulu, 2027-03-10, 2027-03-12, 10.25, USD, 4
`

// newWorld has the bank's books in a store of their own, as they are with a bank. wrap, when given, is around the records
// in place of faulty.Pages.
func newWorld(t testing.TB, wrap func(table.Table) table.Table) *world {
	t.Helper()
	if wrap == nil {
		wrap = faulty.Pages
	}
	w := &world{
		table: wrap(tabletest.NewMemory()), books: faulty.Pages(tabletest.NewMemory()),
		time: time.Date(2027, 1, 15, 9, 30, 0, 0, time.UTC), starts: map[string]json.RawMessage{},
	}
	w.Service = w.operator(w.table, w.books)
	w.load(t, stock)
	return w
}

// operator is somebody with use cases of his own over the tables.
func (w *world) operator(records, books table.Table) *app.Service {
	now := func() time.Time { return w.time }
	s := store.Service(records, bank.New(books, now), now)
	s.Trips, s.Inventory = shortTrips{s.Trips}, shortInventory{s.Inventory}
	s.Starter, s.Random = w, rand.Reader
	return s
}

// shortTrips and shortInventory give whoever asks for the longest pages one row at a time: what walks all pages needs no
// hundreds of rows to be seen walking.
type (
	shortTrips     struct{ domain.Trips }
	shortInventory struct{ domain.Inventory }
)

func short(limit int) int {
	if limit == domain.MaxPage {
		return 1
	}
	return limit
}

func (s shortTrips) List(ctx context.Context, q domain.TripQuery) (domain.Page[*domain.Trip], error) {
	q.Limit = short(q.Limit)
	return s.Trips.List(ctx, q)
}

func (s shortInventory) Flights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.FlightDay], error) {
	q.Limit = short(q.Limit)
	return s.Inventory.Flights(ctx, q)
}

func (s shortInventory) Nights(ctx context.Context, q domain.InventoryQuery) (domain.Page[domain.HotelNight], error) {
	q.Limit = short(q.Limit)
	return s.Inventory.Nights(ctx, q)
}

// Start implements app.Starter. It keeps a start of the booking under the trip's id alone.
func (w *world) Start(_ context.Context, saga, tripID string, input json.RawMessage) error {
	w.asked++
	if w.broken {
		return errors.New("the starter is broken")
	}
	if saga != domain.BookingSaga {
		tripID = saga + " " + tripID
	}
	w.starts[tripID] = input
	return nil
}

// offers parses each inventory once.
func offers(t testing.TB, file string) domain.Offers {
	t.Helper()
	if known, ok := parsed.Load(file); ok {
		return known.(domain.Offers)
	}
	offers, err := inventory.Parse("stock.csv", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	parsed.Store(file, offers)
	return offers
}

var parsed sync.Map

func (w *world) load(t testing.TB, file string) domain.LoadReport {
	t.Helper()
	offers := offers(t, file)
	report, err := w.LoadInventory(t.Context(), offers)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// request asks for two seats and one room for two nights: 2*1000 + 200 + 300 = 2500 JPY.
func request() domain.Request {
	return domain.Request{
		Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
		Flight:   domain.FlightRequest{Number: "JL5", Date: "2027-03-10", Seats: 2},
		Hotel:    domain.StayRequest{ID: "TYO-PARK", CheckIn: "2027-03-10", CheckOut: "2027-03-12", Rooms: 1},
		Payment:  domain.PaymentRequest{CardToken: bank.OK},
		Currency: "JPY",
	}
}

// book stores the trip that r asks for, changed by change.
func (w *world) book(t testing.TB, change func(*domain.Request)) string {
	t.Helper()
	r := request()
	if change != nil {
		change(&r)
	}
	trip, err := w.BookTrip(t.Context(), "", r)
	if err != nil {
		t.Fatal(err)
	}
	return trip.ID()
}

// The steps of the saga, with the input that the state machine makes for them from the execution's.

func (w *world) reserveFlight(ctx context.Context, id string) error {
	var in app.ReserveFlightInput
	w.input(id, &in)
	_, err := w.ReserveFlight(ctx, in)
	return err
}

func (w *world) reserveHotel(ctx context.Context, id string) error {
	var in app.ReserveHotelInput
	w.input(id, &in)
	_, err := w.ReserveHotel(ctx, in)
	return err
}

func (w *world) input(id string, into any) {
	if err := json.Unmarshal(w.starts[id], into); err != nil {
		panic(err)
	}
}

func (w *world) pay(ctx context.Context, id string) error {
	_, err := w.ProcessPayment(ctx, app.TripRef{TripID: id})
	return err
}

func (w *world) confirm(ctx context.Context, id string) error {
	_, err := w.ConfirmTrip(ctx, app.TripRef{TripID: id})
	return err
}

func (w *world) refund(ctx context.Context, id string) error {
	_, err := w.RefundPayment(ctx, app.TripRef{TripID: id})
	return err
}

func (w *world) cancelHotel(ctx context.Context, id string) error {
	_, err := w.CancelHotel(ctx, app.TripRef{TripID: id})
	return err
}

func (w *world) cancelFlight(ctx context.Context, id string) error {
	_, err := w.CancelFlight(ctx, app.TripRef{TripID: id})
	return err
}

func (w *world) fail(ctx context.Context, id string) error {
	failure := app.Failure{Error: "PaymentDeclined", Cause: `{"errorMessage":"no","errorType":"PaymentDeclined"}`}
	_, err := w.FailTrip(ctx, app.FailInput{TripID: id, Failure: failure})
	if fault.Is(err, fault.NameBookingFailed) {
		return nil
	}
	return err
}

type step = func(context.Context, string) error

// run takes the steps, each twice: whatever a step does, its repetition must change nothing.
func (w *world) run(t testing.TB, id string, steps ...step) {
	t.Helper()
	for i, s := range steps {
		for range 2 {
			if err := s(t.Context(), id); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
	}
}

// booked is a trip whose saga has ended well.
func (w *world) booked(t testing.TB, change func(*domain.Request)) string {
	t.Helper()
	id := w.book(t, change)
	w.run(t, id, w.reserveFlight, w.reserveHotel, w.pay, w.confirm)
	return id
}

func (w *world) audit(t testing.TB) app.Ledger {
	t.Helper()
	ledger, err := w.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ledger
}

// outbox lists the trip's events by type.
func (w *world) outbox(t testing.TB, id string) (events []domain.Event) {
	t.Helper()
	for item, err := range table.Items(t.Context(), w.table, table.Query{PK: "TRIP#" + id, Prefix: store.OutboxPrefix}) {
		if err != nil {
			t.Fatal(err)
		}
		var e domain.Event
		if err := json.Unmarshal(item.Data, &e); err != nil || e.TripID != id || e.ID == "" {
			t.Fatalf("event %s: %v", item.Data, err)
		}
		if want := e.At.Add(7 * 24 * time.Hour).Unix(); item.Expires != want {
			t.Errorf("%s expires at %d, want %d", e.Type, item.Expires, want)
		}
		events = append(events, e)
	}
	return events
}

// events lists the types of the trip's events.
func (w *world) events(t testing.TB, id string) string {
	t.Helper()
	var types []string
	for _, e := range w.outbox(t, id) {
		types = append(types, string(e.Type))
	}
	return strings.Join(types, " ")
}

func is(err error, name string) bool {
	return name == "" && err == nil || name != "" && fault.Is(err, name)
}
