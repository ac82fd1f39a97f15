package capacity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/table/dynamo"
	"tripsaga/table/dynamo/dynamotest"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
	"tripsaga/trip/saga"
)

// The rush: more travelers at once than the flight has seats.
const (
	travelers = 64
	seats     = 40
)

const rush = `flight, JL5, Japan Airlines, HND, JFK, 11:05, 10:55, 2027-03-10, 2027-03-10, 1000, JPY, 40
hotel, TYO-PARK, Park Hotel, Tokyo, 2027-03-10, 2027-03-11, 200, JPY, 64
`

// TestPopularFlight lets all travelers book one flight at once. DynamoDB Local runs one transaction after another and
// never reports a TransactionConflict; the second run puts them back in, as DynamoDB has them: a transaction is cancelled
// when another one on the same item is under way.
func TestPopularFlight(t *testing.T) {
	t.Run("as DynamoDB Local is", func(t *testing.T) { bookAll(t, http.DefaultTransport) })
	t.Run("with conflicts", func(t *testing.T) {
		c := &contention{next: http.DefaultTransport, busy: map[string]bool{}, took: 10 * time.Millisecond}
		bookAll(t, c)
		t.Logf("%d transactions, of which %d were cancelled by a conflict", c.calls, c.cancelled)
		if c.cancelled == 0 {
			t.Error("no transaction met another")
		}
	})
}

func bookAll(t *testing.T, transport http.RoundTripper) {
	s, e := openRush(t, transport)
	began := time.Now()
	var trips []*domain.Trip
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range travelers {
		wg.Go(func() {
			trip, err := s.BookTrip(t.Context(), fmt.Sprint("traveler-", i), rushRequest)
			if err != nil {
				t.Errorf("traveler %d: %v", i, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			trips = append(trips, trip)
		})
	}
	wg.Wait()
	ends := map[string]int{}
	for _, trip := range trips {
		d, err := e.Wait(t.Context(), trip.ID())
		if err != nil {
			t.Fatal(err)
		}
		ends[string(d.Status)+" "+d.Error]++
		for _, name := range failures(t, e, trip.ID()) {
			if name != "FlightUnavailable" && name != "FlightBookingFailed" {
				t.Errorf("trip %s met %s: the table gave up", trip.ID(), name)
			}
		}
	}
	t.Logf("%v in %s", ends, time.Since(began).Round(time.Millisecond))
	if ends["SUCCEEDED "] != seats || ends["FAILED FlightBookingFailed"] != travelers-seats {
		t.Errorf("the sagas ended %v, want %d booked and %d refused", ends, seats, travelers-seats)
	}
	ledger, err := s.Audit(t.Context())
	if err != nil || !ledger.Balanced || ledger.SeatsHeld != seats {
		t.Errorf("ledger %+v, error %v; want %d seats held and balanced", ledger, err, seats)
	}
}

var rushRequest = domain.Request{
	Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
	Flight:   domain.FlightRequest{Number: "JL5", Date: "2027-03-10", Seats: 1},
	Hotel:    domain.StayRequest{ID: "TYO-PARK", CheckIn: "2027-03-10", CheckOut: "2027-03-12", Rooms: 1},
	Payment:  domain.PaymentRequest{CardToken: bank.OK},
	Currency: "JPY",
}

// openRush opens everything in real time over a table that is reached by the transport.
func openRush(t *testing.T, transport http.RoundTripper) (*app.Service, *engine.Engine) {
	client := dynamotest.ForTest(t)
	name := "rush-" + strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()[len("TestPopularFlight/"):]) + fmt.Sprint(time.Now().UnixNano())
	if err := dynamo.CreateTable(t.Context(), client, name); err != nil {
		t.Fatal(err)
	}
	contended := dynamodb.New(client.Options(), func(o *dynamodb.Options) { o.HTTPClient = &http.Client{Transport: transport} })
	records := dynamo.New(contended, name, dynamo.Options{})
	s := service(records, records, engine.NewVirtual(time.Now()))
	journal, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tasks := map[string]engine.Task{}
	for name, handle := range handlers.New(s) {
		tasks[name] = engine.Task(handle)
	}
	e, err := engine.Open(t.Context(), engine.Options{Name: "booking", Definition: saga.Definition(), Table: journal, Tasks: tasks})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()); journal.Close() })
	s.Starter = starter{e}
	load(t, s, rush)
	return s, e
}

// failures lists the errors that the saga met on its way.
func failures(t *testing.T, e *engine.Engine, name string) (names []string) {
	events, err := e.History(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		if failed, ok := failure(t, ev); ok {
			names = append(names, failed)
		}
	}
	return names
}

func failure(t *testing.T, ev asl.HistoryEvent) (name string, ok bool) {
	raw, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		Failed   *struct{ Error string } `json:"lambdaFunctionFailedEventDetails"`
		TimedOut *struct{ Error string } `json:"lambdaFunctionTimedOutEventDetails"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	switch {
	case e.Failed != nil:
		return e.Failed.Error, true
	case e.TimedOut != nil:
		return e.TimedOut.Error, true
	}
	return "", false
}

// contention cancels a transaction on an item that another transaction holds, and makes each take its time.
type contention struct {
	next http.RoundTripper
	took time.Duration // a transaction holds its items so long

	mu               sync.Mutex
	busy             map[string]bool // by item
	calls, cancelled int
}

func (c *contention) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems") {
		return c.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	items, err := itemsOf(body)
	if err != nil {
		return nil, err
	}
	met := c.hold(items)
	time.Sleep(c.took) // the time that is modelled here, not a wait for something to happen
	if met != nil {
		return cancelledBy(r, met), nil
	}
	c.release(items) // how long DynamoDB Local takes on top of it says nothing about DynamoDB
	return c.next.RoundTrip(r)
}

// hold takes all items, or tells which are held by another.
func (c *contention) hold(items []string) (met []bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	met, any := make([]bool, len(items)), false
	for i, item := range items {
		met[i] = c.busy[item]
		any = any || met[i]
	}
	if any {
		c.cancelled++
		return met
	}
	for _, item := range items {
		c.busy[item] = true
	}
	return nil
}

func (c *contention) release(items []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, item := range items {
		delete(c.busy, item)
	}
}

// itemsOf lists the keys of a transaction's items, in order.
func itemsOf(body []byte) ([]string, error) {
	var call struct {
		TransactItems []map[string]struct{ Key, Item map[string]map[string]any }
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return nil, err
	}
	var items []string
	for _, actions := range call.TransactItems {
		for _, a := range actions {
			key := a.Key
			if key == nil {
				key = a.Item
			}
			items = append(items, fmt.Sprint(key["PK"]["S"], "/", key["SK"]["S"]))
		}
	}
	return items, nil
}

// cancelledBy is DynamoDB's answer to a transaction that met others.
func cancelledBy(r *http.Request, met []bool) *http.Response {
	reasons := make([]map[string]any, len(met))
	for i, m := range met {
		reasons[i] = map[string]any{"Code": "None"}
		if m {
			reasons[i] = map[string]any{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
		}
	}
	body, _ := json.Marshal(map[string]any{
		"__type":              "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
		"Message":             "Transaction cancelled, please refer cancellation reasons for specific reasons",
		"CancellationReasons": reasons,
	})
	return &http.Response{
		StatusCode: http.StatusBadRequest, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:   io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}
