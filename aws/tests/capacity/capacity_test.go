// Package capacity measures what a booking costs on DynamoDB, in the units that are billed, as DynamoDB Local reports
// them; and what happens when many want the same flight.
package capacity

import (
	"context"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamotest"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
	"tripsaga/trip/saga"
	"tripsaga/verify/play"
)

var update = flag.Bool("update", false, "write the report in docs/capacity.md and the usage of the estimate of the costs anew")

func TestMain(m *testing.M) { dynamotest.Main(m) }

// maxWriteUnits is what a booking of two nights that goes well may cost, the built-in bank's books not counted.
const maxWriteUnits = 24

// paths are the ways through the saga, each by the booking and the faults that lead there.
var paths = []struct {
	name, why string
	change    func(*domain.Request)
	faults    string
}{
	{"happy", "flight, two nights, payment", nil, ""},
	{"flight sold out", "nothing to compensate", func(r *domain.Request) { r.Flight.Number = "NH1" }, ""},
	{"hotel full", "the flight is compensated", func(r *domain.Request) { r.Hotel.ID = "FUK-FULL" }, ""},
	{"payment declined", "hotel and flight are compensated", func(r *domain.Request) { r.Payment.CardToken = bank.Declined }, ""},
	{"payment unknown", "every reply of the payment is lost: refund, hotel and flight are compensated", nil, "ProcessPayment#*.reply=lost"},
	{"flight unknown", "every reply of the reservation is lost: the flight is compensated", nil, "ReserveFlight#*.reply=lost"},
}

func TestReport(t *testing.T) {
	var b strings.Builder
	for _, p := range paths {
		m := newMeasured(t, p.faults)
		m.book(t, nil) // the first trip of a day costs one item more
		spent := m.book(t, p.change)
		spent.report(&b, p.name, p.why)
		if units := spent.total().write; p.name == "happy" && units > maxWriteUnits {
			t.Errorf("a booking costs %g write units, allowed are %d", units, maxWriteUnits)
		}
	}
	m := newMeasured(t, "")
	m.book(t, nil)
	m.book(t, nil)
	spent := m.cancel(t)
	spent.report(&b, "cancelled", "what the client's cancellation of a confirmed trip adds: hotel, flight and payment are given back")
	compare(t, "../../../docs/capacity.md", b.String())
}

// measured is everything but the engine's journal and the bank's books on a table that tells what it consumes.
type measured struct {
	app     *app.Service
	records table.Table
	engines map[string]*engine.Engine // by the saga's name
	virtual *sim.Virtual
	faults  sim.Plan

	mu     sync.Mutex
	on     bool
	step   string // that runs now; the saga runs one at a time
	client string // the client's call, whose part is what no step spends
	spent  spent
}

func newMeasured(t *testing.T, faults string) *measured {
	plan, err := sim.ParsePlan(faults)
	if err != nil {
		t.Fatal(err)
	}
	m := &measured{virtual: sim.NewVirtual(play.Begin), faults: plan, engines: map[string]*engine.Engine{}}
	m.records = newMeter(t, m.add)
	m.app = service(m.records, dynamotest.NewTable(t, dynamo.Options{}), m.virtual)
	journal, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, e := range m.engines {
			e.Close(context.Background())
		}
		journal.Close()
	})
	for _, of := range saga.All() {
		m.engines[of.Name()], err = engine.Open(t.Context(), engine.Options{
			Name: of.Name(), Definition: of.Definition(), Table: journal, Scheduler: m.virtual,
			Seed: rand.New(rand.NewPCG(1, 1)).Uint64, Tasks: m.tasks(),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	m.app.Starter = starter{m.engines}
	load(t, m.app, offered)
	return m
}

func service(records, books table.Table, v *sim.Virtual) *app.Service {
	s := store.Service(records, bank.New(books, v.Now), v.Now)
	s.Random = rand.NewChaCha8([32]byte{1})
	return s
}

// offered is what the bookings take, and what they cannot have: a flight without seats, a hotel without rooms.
const offered = `flight, JL317, Japan Airlines, HND, FUK, 11:05, 13:05, 2999-03-15, 2999-03-15, 15000, JPY, 9
flight, NH1, All Nippon Airways, HND, FUK, 11:05, 13:05, 2999-03-15, 2999-03-15, 15000, JPY, 0
hotel, FUK-CANAL, Canal Hotel, Fukuoka, 2999-03-15, 2999-03-16, 12000, JPY, 9
hotel, FUK-FULL, Full Hotel, Fukuoka, 2999-03-15, 2999-03-15, 12000, JPY, 9
hotel, FUK-FULL, Full Hotel, Fukuoka, 2999-03-16, 2999-03-16, 12000, JPY, 0
`

func load(t *testing.T, s *app.Service, csv string) {
	offers, err := inventory.Parse("inventory", strings.NewReader(csv))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.LoadInventory(t.Context(), offers); err != nil {
		t.Fatal(err)
	}
}

type starter struct{ engines map[string]*engine.Engine }

func (s starter) Start(ctx context.Context, saga, tripID string, input json.RawMessage) error {
	return s.engines[saga].Start(ctx, tripID, input)
}

// tasks notes which step spends.
func (m *measured) tasks() map[string]engine.Task {
	all := map[string]engine.Task{}
	for name, handle := range handlers.New(m.app) {
		all[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			m.enter(name)
			defer m.enter("")
			return handle(ctx, input)
		}
	}
	decide := func(at sim.Label) sim.Fault {
		if !m.on {
			return sim.Fault{}
		}
		return m.faults.Decide(at)
	}
	return sim.Tasks(all, m.virtual, decide)
}

func (m *measured) enter(step string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.step = step
}

func (m *measured) add(u units) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.on {
		return
	}
	step := m.step
	if step == "" {
		step = m.client
	}
	m.spent.add(step, u)
}

// book books one trip to its end and tells what it spent, when it is not the first.
func (m *measured) book(t *testing.T, change func(*domain.Request)) spent {
	r := domain.Request{
		Traveler: domain.TravelerRequest{Name: "Ada Lovelace", Email: "ada@example.com"},
		Flight:   domain.FlightRequest{Number: "JL317", Date: "2999-03-15", Seats: 2},
		Hotel:    domain.StayRequest{ID: "FUK-CANAL", CheckIn: "2999-03-15", CheckOut: "2999-03-17", Rooms: 1},
		Payment:  domain.PaymentRequest{CardToken: bank.OK},
		Currency: "JPY",
	}
	if change != nil {
		change(&r)
	}
	m.spent, m.client = spent{}, "(book)"
	if _, err := m.app.BookTrip(t.Context(), "", r); err != nil {
		t.Fatal(err)
	}
	m.virtual.Run()
	m.on = true
	return m.spent
}

// cancel cancels the newest trip and measures it.
func (m *measured) cancel(t *testing.T) spent {
	id := m.newest(t)
	m.spent, m.client = spent{}, "(cancel)"
	if _, err := m.app.CancelTrip(t.Context(), id, app.CancelRequest{}); err != nil {
		t.Fatal(err)
	}
	m.virtual.Run()
	done := m.spent
	if trip, err := m.app.Trips.Get(t.Context(), id); err != nil || trip.Status() != domain.Cancelled {
		t.Fatalf("the cancelled trip is %v, %v", trip, err)
	}
	return done
}

func (m *measured) newest(t *testing.T) (id string) {
	page, err := m.app.Trips.List(t.Context(), domain.TripQuery{Limit: 1})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("the newest trip is %v, error %v", page.Items, err)
	}
	return page.Items[0].ID()
}

// compare holds the generated part of a document to got.
func compare(t *testing.T, file, got string) {
	const begin, end = "<!-- capacity: generated -->\n", "<!-- end -->"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	want, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no part between %q and %q", file, begin, end)
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+got+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s is not what is measured; run this test with -update and read the difference. Measured:\n%s", file, got)
	}
}
