package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/table/faulty"
	"tripsaga/table/tabletest"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

const offers = `flight,JL317,Japan Airlines,HND,FUK,11:05,12:55,2027-03-15,2027-03-15,20000,JPY,5
hotel,FUK-CANAL,Canal,Fukuoka,2027-03-15,2027-03-16,10000,JPY,5
`

// machine is a system whose records forget in a crash whatever they may, and so do the bank's books, which are a store of
// their own: in one log, what the bank writes would make durable what was written before it.
type machine struct {
	t              *testing.T
	core           *local.Core
	v              *sim.Virtual
	tasks          string                // what goes wrong with them, a plan of engine/sim
	calls          faulty.Decide         // what goes wrong with calls to the records
	said           func(what, id string) // called when the bank has answered
	records, books *faulty.Volatile
}

// boot opens a new machine, or the next one after a crash of the machine from.
func (m *machine) boot(from *machine) *machine {
	m.t.Helper()
	m.records, m.books = faulty.NewVolatile(tabletest.NewMemory()), faulty.NewVolatile(tabletest.NewMemory())
	at := begin
	if from != nil {
		at, m.tasks = from.v.Now(), from.tasks
		err := errors.Join(from.records.Crash(m.records, 0), from.books.Crash(m.books, 0), m.records.Sync(m.t.Context()), m.books.Sync(m.t.Context()))
		if err != nil {
			m.t.Fatal(err)
		}
	}
	m.v = sim.NewVirtual(at)
	plan, err := sim.ParsePlan(m.tasks)
	if err != nil {
		m.t.Fatal(err)
	}
	m.core, err = local.OpenCore(m.t.Context(), faulty.Pages(faulty.Wrap(m.records, m.calls)), local.Options{
		Scheduler: m.v, Seed: rand.New(rand.NewPCG(1, 1)).Uint64, Random: rand.NewChaCha8([32]byte{1}),
		Provider: &teller{bank.New(faulty.Pages(m.books), m.v.Now), m},
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			return sim.Tasks(tasks, m.v, plan.Decide)
		},
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return m
}

// crashed is the machine after a crash at this moment. Nothing runs before its time does.
func (m *machine) crashed() *machine { return (&machine{t: m.t}).boot(m) }

// teller is the bank; what it says is heard.
type teller struct {
	*bank.Bank
	m *machine
}

func (b *teller) Confirm(ctx context.Context, id string, card domain.CardToken) (string, error) {
	b.hear("asked", id)
	charge, err := b.Bank.Confirm(ctx, id, card)
	if err == nil {
		b.hear("charged", id)
	}
	return charge, err
}

func (b *teller) Cancel(ctx context.Context, id string) (string, error) {
	refund, err := b.Bank.Cancel(ctx, id)
	if err == nil {
		b.hear("cancelled", id)
	}
	return refund, err
}

func (b *teller) hear(what, id string) {
	if b.m.said != nil {
		b.m.said(what, id)
	}
}

func (m *machine) load() {
	m.t.Helper()
	rows, err := inventory.Parse("offers.csv", strings.NewReader(offers))
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.core.App.LoadInventory(m.t.Context(), rows); err != nil {
		m.t.Fatal(err)
	}
	after := m.crashed().core.App
	flights, err := after.ShowFlights(m.t.Context(), domain.InventoryQuery{})
	state, stateErr := after.Inventory.LastLoad(m.t.Context())
	if err != nil || stateErr != nil || len(flights.Items) != 1 || !state.Complete {
		m.t.Errorf("loaded, after a crash: %d flights, %+v, %v, %v", len(flights.Items), state, err, stateErr)
	}
}

func (m *machine) book(card string) (id string, err error) {
	var r domain.Request
	if err := json.Unmarshal([]byte(strings.Replace(happy, "CARD", card, 1)), &r); err != nil {
		m.t.Fatal(err)
	}
	trip, err := m.core.App.BookTrip(m.t.Context(), "key", r)
	if err != nil {
		return "", err
	}
	return trip.ID(), nil
}

// shows is all that an operator can see of a trip.
func (m *machine) shows(id string) string {
	m.t.Helper()
	ctx := m.t.Context()
	d, err := m.core.App.GetTrip(ctx, id)
	if err != nil {
		return err.Error()
	}
	var said []any
	said = append(said, d.Trip.Snapshot(), d.Flight, d.Hotel, d.Payment)
	var errs [4]error
	add := func(v any, err error) error { said = append(said, v); return err }
	errs[0] = func() error { x, err := m.core.Engine.Describe(ctx, id); return add(x, err) }()
	errs[1] = func() error { x, err := m.core.Engine.History(ctx, id); return add(x, err) }()
	errs[2] = func() error { x, err := m.core.App.Audit(ctx); return add(x, err) }()
	errs[3] = func() error { x, err := m.core.App.ListTrips(ctx, domain.TripQuery{}); return add(len(x.Items), err) }()
	if err := errors.Join(errs[:]...); err != nil && !errors.Is(err, engine.ErrNotFound) {
		m.t.Fatal(err)
	}
	out, err := json.Marshal(said)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(out)
}

// stories are bookings, what goes wrong with their tasks, and how they end.
var stories = map[string]struct {
	card, tasks string
	end         domain.Status
}{
	"booked":                   {bank.OK, "", domain.Confirmed},
	"a reply lost":             {bank.OK, "ReserveHotel#1.reply=lost\nProcessPayment#1=late@3s", domain.Confirmed},
	"declined":                 {bank.Declined, "", domain.Failed},
	"charged, and not told":    {bank.TimeoutAfter, "", domain.Failed},
	"a compensation that ends": {bank.Declined, "CancelHotel#*=fail:InvalidRequest", domain.NeedsAttention},
}

// TestWhatTheSystemSaidHoldsAfterACrash crashes records and books whenever somebody has heard something: the traveler, the
// operator, or the saga from the bank.
func TestWhatTheSystemSaidHoldsAfterACrash(t *testing.T) {
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			m := &machine{t: t, tasks: story.tasks}
			var id string
			m.said = func(what, intent string) {
				after := m.crashed()
				d, err := after.core.App.GetTrip(t.Context(), id)
				in, booksErr := bank.New(after.books, after.v.Now).Get(t.Context(), intent)
				if err != nil || booksErr != nil || d.Payment == nil || d.Payment.Result.IntentID != intent {
					t.Fatalf("%s: after a crash nobody knows of the money: %+v, %v, %v", what, d.Payment, err, booksErr)
				}
				if what == "charged" && (len(in.Entries) != 1 || in.Entries[0].Kind != domain.Charge) {
					t.Errorf("charged, after a crash the bank has %+v", in)
				}
				if _, err := bank.New(after.books, after.v.Now).Confirm(t.Context(), intent, bank.OK); what == "cancelled" && err == nil {
					t.Error("cancelled, after a crash the bank charges")
				}
			}
			m.boot(nil)
			m.load()
			var err error
			for range 2 { // the second is told of the first
				if id, err = m.book(story.card); err != nil {
					t.Fatal(err)
				}
				after := m.crashed()
				if d, err := after.core.Engine.Describe(t.Context(), id); err != nil {
					t.Errorf("accepted, after a crash: %+v, %v", d, err)
				}
				if after, live := after.shows(id), m.shows(id); after != live {
					t.Errorf("accepted, after a crash\n%s\nlive\n%s", after, live)
				}
			}
			for more := true; more; {
				if more = m.v.Step(); m.records.Pending()+m.books.Pending() == 0 {
					continue // nothing is lost
				}
				if live, after := m.shows(id), m.crashed().shows(id); live != after {
					t.Fatalf("shown\n%s\nand after a crash\n%s", live, after)
				}
			}
			if d, err := m.core.App.GetTrip(t.Context(), id); err != nil || d.Trip.Status() != story.end {
				t.Errorf("the trip is %s, %v; want %s", d.Trip.Status(), err, story.end)
			}
		})
	}
}

// asked asks for the trip, and for nothing else that could make the answer true, and asks the same after a crash.
func (m *machine) asked(id string) {
	m.t.Helper()
	if m.records.Pending() == 0 {
		return
	}
	live, err := m.core.App.GetTrip(m.t.Context(), id)
	after, afterErr := m.crashed().core.App.GetTrip(m.t.Context(), id)
	if err != nil || afterErr != nil {
		m.t.Fatal(err, afterErr)
	}
	said, _ := json.Marshal([]any{live.Trip.Snapshot(), live.Flight, live.Hotel, live.Payment})
	says, _ := json.Marshal([]any{after.Trip.Snapshot(), after.Flight, after.Hotel, after.Payment})
	if string(said) != string(says) {
		m.t.Errorf("the trip was\n%s\nand after a crash\n%s", said, says)
	}
}

// repeated books again under the same key, and what the API returned about the trip still holds after a crash.
func (m *machine) repeated(id, card string) {
	m.t.Helper()
	pending := m.records.Pending()
	var r domain.Request
	if err := json.Unmarshal([]byte(strings.Replace(happy, "CARD", card, 1)), &r); err != nil {
		m.t.Fatal(err)
	}
	trip, err := m.core.App.BookTrip(m.t.Context(), "key", r)
	if err != nil || trip.ID() != id {
		m.t.Fatalf("booked again: %v", err)
	}
	if pending == 0 {
		return
	}
	after, err := m.crashed().core.App.Trips.Get(m.t.Context(), id)
	if err != nil || after.Status() != trip.Status() {
		m.t.Errorf("booked again and told that it is %s; after a crash it is %v, %v", trip.Status(), after.Status(), err)
	}
}

// TestACrashAtEveryCall crashes records and books after each call to the records in turn, and lets the next machine
// continue. A booking that was accepted has a trip, all sagas end as without the crash, and the books balance. The traveler
// also repeats the request at that moment.
func TestACrashAtEveryCall(t *testing.T) {
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			loaded := (&machine{t: t}).boot(nil)
			loaded.load()
			for n := int64(1); ; n++ {
				m := &machine{t: t}
				var after *machine
				accepted, told := "", ""
				m.calls = faulty.At(n, faulty.CrashAfter(func() {
					if after, told = m.crashed(), accepted; told != "" {
						m.asked(told)
						m.repeated(told, story.card)
					}
				}))
				loaded.tasks = story.tasks
				m.boot(loaded)
				id, err := m.book(story.card)
				if err != nil {
					t.Fatal(err)
				}
				accepted = id
				m.v.Run()
				if after == nil {
					if n < 20 {
						t.Errorf("only %d calls: the test shows nothing", n-1)
					}
					return
				}
				if !after.endsWell(story.end, told, func() error { _, err := after.book(story.card); return err }) {
					t.Fatalf("after a crash at call %d", n)
				}
			}
		})
	}
}

// endsWell lets the machine run, reconciles as it does when it begins, and judges. A saga may find another way after a
// crash, as a step that was interrupted is delivered again.
func (m *machine) endsWell(want domain.Status, accepted string, again func() error) bool {
	m.t.Helper()
	ctx := m.t.Context()
	_, err := m.core.App.Reconcile(ctx, app.Patience{})
	m.v.Run()
	if accepted == "" {
		err = errors.Join(err, again())
		m.v.Run()
	}
	page, listErr := m.core.App.ListTrips(ctx, domain.TripQuery{})
	ledger, auditErr := m.core.App.Audit(ctx)
	if err := errors.Join(err, listErr, auditErr); err != nil || len(page.Items) != 1 {
		m.t.Errorf("%d trips, %v", len(page.Items), err)
		return false
	}
	trip := page.Items[0]
	d, err := m.core.Engine.Describe(ctx, trip.ID())
	ended := trip.Status() == want || want == domain.Failed && trip.Status() == domain.Confirmed
	money := ledger.Currencies["JPY"]
	if err != nil || d.Status == "RUNNING" || !ended || want != domain.NeedsAttention && !ledger.Balanced ||
		money.Captured != money.Refunded+money.Confirmed || accepted != "" && trip.ID() != accepted {
		m.t.Errorf("trip %s is %s, the saga %s %v, the ledger %+v; accepted was %q", trip.ID(), trip.Status(), d.Status, err, ledger, accepted)
		return false
	}
	return true
}

// TestASagaStartedOtherwise starts the saga of a trip by hand, with other input: the booking gets a conflict.
func TestASagaStartedOtherwise(t *testing.T) {
	m := (&machine{t: t}).boot(nil)
	m.load()
	starter := m.core.App.Starter
	m.core.App.Starter = dead{}
	if _, err := m.book(bank.OK); err == nil {
		t.Fatal("the starter is dead and the booking succeeded")
	}
	m.core.App.Starter = starter
	page, err := m.core.App.ListTrips(t.Context(), domain.TripQuery{})
	if err != nil || len(page.Items) != 1 {
		t.Fatal(err)
	}
	id, other := page.Items[0].ID(), json.RawMessage(`{}`)
	if err := m.core.Engine.Start(t.Context(), id, other); err != nil {
		t.Fatal(err)
	}
	if _, err := m.book(bank.OK); !fault.Is(err, fault.NameIdempotencyMismatch) {
		t.Errorf("the traveler is told %v", err)
	}
	for range 2 { // while it runs, and when it has ended
		same, otherwise := starter.Start(t.Context(), "booking", id, other), starter.Start(t.Context(), "booking", id, json.RawMessage(`{"a":1}`))
		if same != nil || !fault.Is(otherwise, fault.NameIdempotencyMismatch) {
			t.Errorf("started again as it was: %v, otherwise: %v", same, otherwise)
		}
		m.v.Run()
	}
}

// TestTheAPIDropsNoErrorOfTheTable fails one call after the other under each GET.
func TestTheAPIDropsNoErrorOfTheTable(t *testing.T) {
	var fail, calls atomic.Int64 // an answer's reads come at once
	v := sim.NewVirtual(begin)
	sys, err := local.Open(t.Context(), local.Options{Scheduler: v, WrapTable: func(inner table.Table) table.Table {
		return faulty.Wrap(inner, func(faulty.Op) faulty.Fault {
			if fail.Load() == 0 {
				return faulty.Fault{}
			}
			return faulty.At(fail.Load(), faulty.Before(context.DeadlineExceeded))(faulty.Op{N: calls.Add(1)})
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Close(context.WithoutCancel(t.Context()))
	api := sys.API(slog.New(slog.DiscardHandler))
	rows, err := inventory.Parse("offers.csv", strings.NewReader(offers))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sys.App.LoadInventory(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	_, _, header := call(t, api, "POST", "/trips", "key", strings.Replace(happy, "CARD", bank.OK, 1))
	v.Run()
	place := header.Get("Location")
	for _, path := range []string{place, place + "/history", "/trips", "/inventory/flights", "/inventory/hotels", "/ledger"} {
		for n := int64(1); ; n++ {
			fail.Store(n)
			calls.Store(0)
			status, answer, _ := call(t, api, "GET", path, "", "")
			if made := calls.Load(); made < n {
				if status != http.StatusOK || n == 1 {
					t.Errorf("GET %s makes %d calls and answers %d", path, made, status)
				}
				break
			}
			if status != http.StatusServiceUnavailable && answer["saga_unread"] != true {
				t.Errorf("GET %s with call %d failing: %d", path, n, status)
			}
		}
	}
	fail.Store(0)
}
