package production

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tripsaga/aws/production"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/shared/fault"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers/rest"
	"tripsaga/trip/relative"
	"tripsaga/trip/wire"
)

// client calls the REST API over HTTP, as users do.
type client struct {
	*world
	url string
}

func serve(t *testing.T, opt production.Options) *client { return over(t, open(t, opt)) }

// over serves the system's API, with the inventory loaded.
func over(t *testing.T, w *world) *client {
	server := httptest.NewServer(rest.Guard(w.API(), nil))
	t.Cleanup(server.Close)
	c := &client{w, server.URL}
	if status, _ := c.call(http.MethodPost, "/inventory", inventoryFile(t), nil); status != http.StatusOK {
		t.Fatalf("POST /inventory = %d", status)
	}
	return c
}

// call returns the answer's status and headers, and decodes its body.
func (c *client) call(method, path string, body []byte, into any) (int, http.Header) {
	c.t.Helper()
	return c.callAs("key-"+c.t.Name(), method, path, body, into)
}

func (c *client) callAs(key, method, path string, body []byte, into any) (int, http.Header) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Idempotency-Key", key)
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	if path == "/inventory" {
		r.Header.Set("Content-Type", "text/csv")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			c.t.Fatalf("%s %s: status %d: %v: %s", method, path, answer.StatusCode, err, data)
		}
	}
	return answer.StatusCode, answer.Header
}

// book books and waits for the saga's end.
func (c *client) book(name string) wire.TripDetails { return c.bookOn(today, name) }

func (c *client) bookOn(day domain.Date, name string) wire.TripDetails {
	c.t.Helper()
	request := example(c.t, name, day)
	status, header := c.call(http.MethodPost, "/trips", request, nil)
	if status != http.StatusAccepted {
		c.t.Fatalf("POST /trips = %d", status)
	}
	place := header.Get("Location")
	if _, again := c.call(http.MethodPost, "/trips", request, nil); again.Get("Location") != place {
		c.t.Errorf("the same key made %s, and %s", place, again.Get("Location"))
	}
	return c.ended(place)
}

// ended waits for the end of the booking's saga, cancelled for that of the cancellation.
func (c *client) ended(place string) (trip wire.TripDetails) {
	return c.endOf(domain.BookingSaga, place)
}

func (c *client) cancelled(place string) (trip wire.TripDetails) {
	return c.endOf(domain.CancellationSaga, place)
}

func (c *client) endOf(saga, place string) (trip wire.TripDetails) {
	c.t.Helper()
	if _, err := c.Engines[saga].Wait(c.t.Context(), place[len("/trips/"):]); err != nil {
		c.t.Fatal(err)
	}
	if status, _ := c.call(http.MethodGet, place, nil, &trip); status != http.StatusOK {
		c.t.Fatalf("GET %s = %d", place, status)
	}
	return trip
}

// balanced checks the ledger; held are the seats and rooms that it must hold.
func (c *client) balanced(seats, rooms int64) {
	c.t.Helper()
	var l app.Ledger
	if status, _ := c.call(http.MethodGet, "/ledger", nil, &l); status != http.StatusOK {
		c.t.Fatalf("GET /ledger = %d", status)
	}
	if !l.Balanced || l.SeatsHeld != seats || l.RoomsHeld != rooms {
		c.t.Errorf("the ledger holds %d seats and %d rooms, want %d and %d: %+v", l.SeatsHeld, l.RoomsHeld, seats, rooms, l)
	}
}

// TestBookings books over HTTP, in real time, what must succeed and what must fail in each of its ways.
func TestBookings(t *testing.T) {
	c := serve(t, production.Options{})
	for _, want := range []struct {
		example string
		status  domain.Status
		reason  string
		flight  domain.StepState
		hotel   domain.StepState
		payment domain.StepState
	}{
		{"sold-out", domain.Failed, "FlightUnavailable", domain.StepRefused, "", ""},
		{"hotel-full", domain.Failed, "HotelUnavailable", domain.StepUndone, domain.StepRefused, ""},
		{"card-declined", domain.Failed, "PaymentDeclined", domain.StepUndone, domain.StepUndone, domain.StepRefused},
		{"insufficient-funds", domain.Failed, "PaymentDeclined", domain.StepUndone, domain.StepUndone, domain.StepRefused},
		{"happy", domain.Confirmed, "", domain.StepDone, domain.StepDone, domain.StepDone},
	} {
		t.Run(want.example, func(t *testing.T) {
			c := &client{&world{c.System, t, c.tableName, c.app}, c.url}
			trip := c.book(want.example)
			if trip.Status != want.status || trip.Reason.Name != want.reason || trip.Payment.State != want.payment ||
				stateOf(trip.Reservations.Flight) != want.flight || stateOf(trip.Reservations.Hotel) != want.hotel {
				t.Errorf("the trip is %+v", trip)
			}
			if want.status == domain.Failed {
				c.balanced(0, 0)
			}
		})
	}
	c.balanced(2, 3)
}

func stateOf(r *wire.Reservation) domain.StepState {
	if r == nil {
		return ""
	}
	return r.State
}

// TestBookingsAtOnce books more at once than there are processes of a function.
func TestBookingsAtOnce(t *testing.T) {
	c := serve(t, production.Options{})
	request := example(t, "happy", today)
	const travelers = 12
	var all sync.WaitGroup
	for i := range travelers {
		all.Go(func() {
			status, header := c.callAs(fmt.Sprint("traveler-", i), http.MethodPost, "/trips", request, nil)
			if status != http.StatusAccepted {
				t.Errorf("traveler %d: status %d", i, status)
				return
			}
			id := strings.TrimPrefix(header.Get("Location"), "/trips/")
			if end, err := c.Engine.Wait(t.Context(), id); err != nil || end.Status != "SUCCEEDED" && end.Error != "BookingFailed" {
				t.Errorf("traveler %d: %+v, %v", i, end, err)
			}
		})
	}
	all.Wait()
	c.balanced(2*10, 3*10) // the hotel has ten rooms
}

// TestRedrive lets a saga fail after the payment, where it is never undone, and resumes it over the API.
func TestRedrive(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	c := serve(t, production.Options{WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
		return sim.Tasks(tasks, engine.RealTime, func(at sim.Label) sim.Fault {
			if at.Actor == "BookingConfirmed" && at.Op == "" && broken.Load() {
				return sim.Fault{Kind: sim.Fail, Error: "Conflict"}
			}
			return sim.Fault{}
		})
	}})
	trip := c.book("happy")
	if trip.Status != domain.NeedsAttention || trip.Reason.Name != "Conflict" || trip.Saga.FailedState != "BookingConfirmed" {
		t.Fatalf("after the failure the trip is %+v, its saga %+v", trip, trip.Saga)
	}
	broken.Store(false)
	place := "/trips/" + trip.ID
	if status, _ := c.call(http.MethodPost, place+"/redrive", nil, nil); status != http.StatusAccepted {
		t.Fatalf("POST %s/redrive = %d", place, status)
	}
	trip = c.ended(place)
	if trip.Status != domain.Confirmed || trip.Saga.Status != "SUCCEEDED" {
		t.Errorf("after the redrive the trip is %+v, its saga %+v", trip, trip.Saga)
	}
	if d, err := c.Engine.Describe(t.Context(), trip.ID); err != nil || d.Redrives != 1 {
		t.Errorf("the execution is %+v, %v, want one redrive", d, err)
	}
	c.balanced(2, 3)
	var problem struct{ Name string }
	if status, _ := c.call(http.MethodPost, place+"/redrive", nil, &problem); status != http.StatusConflict || problem.Name != "NotRedrivable" {
		t.Errorf("redriving a success: %d %s", status, problem.Name)
	}
}

// TestCancellations cancels over HTTP, each twice: a trip long before its departure, which is free, and one that departs in
// four days, for a fee.
func TestCancellations(t *testing.T) {
	c := serve(t, production.Options{})
	from := domain.DateOf(time.Now())
	soon := strings.NewReplacer("SOON", relative.Date("today+4", from), "NEXT", relative.Date("today+5", from))
	c.wants(http.StatusOK, http.MethodPost, "/inventory", soon.Replace(`flight, JL9, Japan Airlines, HND, JFK, 11:05, 10:55, SOON, SOON, 100001, JPY, 2
hotel, NYC-SOON, Soon Inn, New York, SOON, SOON, 20000, JPY, 1
`))
	inAFewDays := soon.Replace(`{"traveler":{"name":"Ada Lovelace","email":"ada@example.com"},"currency":"JPY",
		"flight":{"number":"JL9","date":"SOON","seats":1},"hotel":{"id":"NYC-SOON","check_in":"SOON","check_out":"NEXT","rooms":1},
		"payment":{"card_token":"tok_ok"}}`)
	for _, want := range []struct {
		name    string
		request []byte
		fee     int64 // of 120001, rounded down
	}{
		{"free", example(t, "happy", today), 0},
		{"for-a-fee", []byte(inAFewDays), 24_000},
	} {
		_, header := c.callAs(want.name, http.MethodPost, "/trips", want.request, nil)
		place := header.Get("Location")
		if trip := c.ended(place); trip.Status != domain.Confirmed {
			t.Fatalf("%s: the trip is %+v", want.name, trip)
		}
		c.wants(http.StatusAccepted, http.MethodPost, place+"/cancel", `{"reason":"a test"}`)
		if trip := c.cancelled(place); trip.Status != domain.Cancelled || trip.Payment.State != domain.StepUndone {
			t.Errorf("%s: the trip is %+v", want.name, trip)
		}
		c.wants(http.StatusOK, http.MethodPost, place+"/cancel", `{"reason":"a test"}`)
		var l app.Ledger
		c.call(http.MethodGet, "/ledger", nil, &l)
		if a := l.Currencies["JPY"]; !l.Balanced || a.Captured-a.Refunded != want.fee || l.SeatsHeld+l.RoomsHeld != 0 {
			t.Errorf("%s: the ledger is %+v", want.name, l)
		}
	}
}

// TestCancelledWhileItIsBooked cancels a trip whose payment is about to begin: the saga compensates and charges nothing.
func TestCancelledWhileItIsBooked(t *testing.T) {
	reached, cancelled := make(chan struct{}), make(chan struct{})
	c := serve(t, production.Options{WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
		pay := tasks["ProcessPayment"]
		tasks["ProcessPayment"] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			close(reached)
			<-cancelled
			return pay(ctx, input)
		}
		return tasks
	}})
	_, header := c.call(http.MethodPost, "/trips", example(t, "happy", today), nil)
	place := header.Get("Location")
	<-reached
	c.wants(http.StatusAccepted, http.MethodPost, place+"/cancel", `{}`)
	close(cancelled)
	trip := c.ended(place)
	if trip.Status != domain.Cancelled || trip.Payment.State != domain.StepRefused || trip.Payment.Reason.Name != fault.NameTripCancelled {
		t.Errorf("the trip is %+v, its payment %+v", trip, trip.Payment)
	}
	c.balanced(0, 0)
}

// TestReconcilerStartsWhatWasOnlyStored stores a trip as a process does that dies before it starts the saga.
func TestReconcilerStartsWhatWasOnlyStored(t *testing.T) {
	c := serve(t, production.Options{Env: []string{"RECONCILE_GRACE=1s"}})
	data := example(t, "happy", today)
	var request domain.Request
	if err := json.Unmarshal(data, &request); err != nil {
		t.Fatal(err)
	}
	c.app.Starter = dead{}
	c.app.Now = func() time.Time { return time.Now().Add(-time.Minute) }
	trip, err := c.app.BookTrip(t.Context(), "key", request)
	if err == nil {
		t.Fatal("the starter is dead and the booking succeeded")
	}
	if err := c.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.ended("/trips/" + trip.ID()); got.Status != domain.Confirmed {
		t.Errorf("the trip is %+v", got)
	}
}

// TestOutsideOfTrips calls what a gateway could spoil: other methods and bodies, a query, errors.
func TestOutsideOfTrips(t *testing.T) {
	c := serve(t, production.Options{})
	var problem struct {
		Name   string
		Status int
	}
	for _, want := range []struct {
		method, path, body, name string
		status                   int
	}{
		{http.MethodGet, "/trips/00000000-0000-8000-8000-000000000000", "", "NotFound", http.StatusNotFound},
		{http.MethodDelete, "/trips", "", "MethodNotAllowed", http.StatusMethodNotAllowed},
		{http.MethodPost, "/trips", "{}", "InvalidRequest", http.StatusUnprocessableEntity},
		{http.MethodPost, "/trips", "{", "InvalidRequest", http.StatusBadRequest},
		{http.MethodGet, "/trips?limit=x", "", "InvalidRequest", http.StatusUnprocessableEntity},
	} {
		status, header := c.call(want.method, want.path, []byte(want.body), &problem)
		if status != want.status || problem.Status != want.status || problem.Name != want.name ||
			header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s = %d %+v, want %d %s", want.method, want.path, status, problem, want.status, want.name)
		}
	}
	var page wire.FlightPage
	if status, _ := c.call(http.MethodGet, "/inventory/flights?limit=1&from="+day(31), nil, &page); status != http.StatusOK ||
		len(page.Flights) != 1 || string(page.Flights[0].Date) != day(32) || page.NextCursor == "" {
		t.Errorf("GET /inventory/flights = %d %+v", status, page)
	}
	if loaded, err := c.KeepDemoInventory(t.Context()); err != nil || loaded {
		t.Errorf("the demo inventory over another one: loaded %v, %v", loaded, err)
	}
}
