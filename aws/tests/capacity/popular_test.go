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

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/engine"
	"tripsaga/engine/sim"
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

const rush = `flight, JL5, Japan Airlines, HND, JFK, 11:05, 10:55, 2999-03-10, 2999-03-10, 1000, JPY, 40
hotel, TYO-PARK, Park Hotel, Tokyo, 2999-03-10, 2999-03-11, 200, JPY, 64
`

// TestPopularFlight lets all travelers book one flight at once. DynamoDB Local runs one transaction after another and
// never reports a collision; the second run puts them in, as DynamoDB has them. How a crowd fares in time is asked by
// TestCrowd of package dynamo; here nothing depends on how fast this machine is.
func TestPopularFlight(t *testing.T) {
	t.Run("as DynamoDB Local is", func(t *testing.T) { bookAll(t, unhurried{}) })
	t.Run("with collisions", func(t *testing.T) {
		c := &collisions{left: map[string]int{}}
		bookAll(t, c)
		t.Logf("%d transactions, which met %d collisions", len(c.left), c.met)
		if c.met == 0 {
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
	Flight:   domain.FlightRequest{Number: "JL5", Date: "2999-03-10", Seats: 1},
	Hotel:    domain.StayRequest{ID: "TYO-PARK", CheckIn: "2999-03-10", CheckOut: "2999-03-12", Rooms: 1},
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
	s := service(records, records, sim.NewVirtual(time.Now()))
	journal, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tasks := map[string]engine.Task{}
	for name, handle := range handlers.New(s) {
		tasks[name] = engine.Task(handle)
	}
	e, err := engine.Open(t.Context(), engine.Options{
		Name: "booking", Definition: saga.Booking().Definition(), Table: journal, Tasks: tasks, Scheduler: patient{engine.RealTime},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()); journal.Close() })
	s.Starter = starter{map[string]*engine.Engine{domain.BookingSaga: e}}
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
		if f := ev.Failure(); f != nil {
			names = append(names, f.Error)
		}
	}
	return names
}

// unhurried passes calls on without their time limits.
type unhurried struct{}

func (unhurried) RoundTrip(r *http.Request) (*http.Response, error) {
	return http.DefaultTransport.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
}

// patient is real time in which an hour passes before the saga's shortest time limit does.
type patient struct{ engine.Scheduler }

func (p patient) AfterFunc(d time.Duration, f func()) engine.Timer {
	return p.Scheduler.AfterFunc(240*d, f)
}

// collisions cancels each transaction some times, up to maxCollisions, before it is let through.
type collisions struct {
	unhurried

	mu   sync.Mutex
	left map[string]int // by token
	met  int
}

const maxCollisions = 8

func (c *collisions) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems") {
		return c.unhurried.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var call struct {
		ClientRequestToken string
		TransactItems      []any
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return nil, err
	}
	if c.collides(call.ClientRequestToken) {
		return cancelled(r, len(call.TransactItems)), nil
	}
	return c.unhurried.RoundTrip(r)
}

func (c *collisions) collides(token string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, known := c.left[token]
	if !known {
		n = int(token[0]) % (maxCollisions + 1) // tokens are random
	}
	c.left[token] = n - 1
	if n <= 0 {
		return false
	}
	c.met++
	return true
}

// cancelled is DynamoDB's answer to a transaction whose last item another one holds.
func cancelled(r *http.Request, items int) *http.Response {
	reasons := make([]map[string]any, items)
	for i := range reasons {
		reasons[i] = map[string]any{"Code": "None"}
	}
	reasons[items-1] = map[string]any{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
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
