package crash

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/shared/money"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// hasty runs in real time whose timers are a thousand times too fast, so that time-outs and back-offs of many seconds
// happen between two kills.
type hasty struct{}

func (hasty) Now() time.Time { return time.Now() }
func (hasty) Go(f func())    { go f() }
func (hasty) AfterFunc(d time.Duration, f func()) engine.Timer {
	return time.AfterFunc(d/1000, f)
}

// open opens the system on dir; with a seed, one delivery in ten goes wrong.
func open(ctx context.Context, dir string, seed uint64) (*local.System, error) {
	opt := local.Options{Dir: dir, Scheduler: hasty{}}
	if seed != 0 {
		f := &faults{rng: rand.New(rand.NewPCG(seed, 1))}
		opt.WrapTasks = func(tasks map[string]engine.Task) map[string]engine.Task {
			return sim.Tasks(tasks, hasty{}, f.decide)
		}
	}
	return local.Open(ctx, opt)
}

type faults struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (f *faults) decide(at sim.Label) sim.Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := sim.Fault{Error: "Injected", After: time.Duration(f.rng.IntN(60_000)) * time.Millisecond}
	kinds := []sim.Kind{sim.Fail, sim.Twice, sim.Late, sim.Again}
	if at.Op == sim.Reply {
		kinds = []sim.Kind{sim.Fail, sim.Lost}
	}
	if i := f.rng.IntN(60); i < len(kinds) {
		fault.Kind = kinds[i]
	}
	return fault
}

// The inventory is scarce, so that flights sell out and hotels are full while the test runs. Its day is far ahead of the
// real clock in any year.
const (
	places  = 8
	seats   = 400
	rooms   = 300
	firstAt = domain.Date("2999-03-01")
)

func prepare(ctx context.Context, dir string) error {
	sys, err := open(ctx, dir, 0)
	if err != nil {
		return err
	}
	defer sys.Close(ctx)
	price := money.Amount{Minor: 10_000, Currency: "USD"}
	offers := domain.Offers{Fingerprint: "crash"}
	for i := range places {
		offers.Flights = append(offers.Flights, domain.Offer[domain.FlightDay]{Source: "test", Row: domain.FlightDay{
			Number: flight(i), Date: firstAt, Airline: "Test Air", Origin: "SFO", Destination: "JFK",
			Departs: "08:00", Arrives: "16:30", Price: price, Capacity: seats,
		}})
		for night, k := firstAt, 0; k < 3; night, k = night.Next(), k+1 {
			offers.Nights = append(offers.Nights, domain.Offer[domain.HotelNight]{Source: "test", Row: domain.HotelNight{
				Hotel: hotel(i), Night: night, Name: "Test Inn", City: "New York", Price: price, Capacity: rooms,
			}})
		}
	}
	_, err = sys.App.LoadInventory(ctx, offers)
	return err
}

func flight(i int) domain.FlightNumber { return domain.FlightNumber(fmt.Sprintf("TA%d", 10+i)) }
func hotel(i int) domain.HotelID       { return domain.HotelID(fmt.Sprintf("TEST-%d", i)) }

// runChild books until it is killed, and reports on stdout what has been acknowledged to it.
func runChild(dir string, seed uint64) error {
	ctx := context.Background()
	sys, err := open(ctx, dir, seed)
	if err != nil {
		return err
	}
	if _, err := sys.App.Reconcile(ctx, app.Patience{}); err != nil {
		return err
	}
	say := &sayer{w: os.Stdout}
	say.line("open")
	failed := make(chan error)
	for worker := range 16 {
		rng := rand.New(rand.NewPCG(seed, uint64(worker)+2))
		go func() { failed <- bookForEver(ctx, sys, say, rng) }()
	}
	return <-failed
}

type sayer struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *sayer) line(words ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	io.WriteString(s.w, strings.Join(words, " ")+"\n") // when it fails the parent is gone
}

func bookForEver(ctx context.Context, sys *local.System, say *sayer, rng *rand.Rand) error {
	for {
		key, request := fmt.Sprintf("%x", rng.Uint64()), randomRequest(rng)
		for range 1 + rng.IntN(2) { // some bookings are sent twice
			trip, err := sys.App.BookTrip(ctx, key, request)
			if err != nil {
				return err
			}
			say.line("booked", trip.ID(), ".")
			if _, err := sys.Engine.Wait(ctx, trip.ID()); err != nil {
				return err
			}
			if trip, err = sys.App.Trips.Get(ctx, trip.ID()); err != nil {
				return err
			}
			say.line("ended", trip.ID(), string(trip.Status()), ".")
		}
	}
}

func randomRequest(rng *rand.Rand) domain.Request {
	cards := []string{"tok_ok", "tok_ok", "tok_ok", "tok_declined", "tok_insufficient_funds", "tok_timeout_before", "tok_timeout_after"}
	return domain.Request{
		Traveler: domain.TravelerRequest{Name: "Grace Hopper", Email: "grace@example.com"},
		Flight:   domain.FlightRequest{Number: string(flight(rng.IntN(places))), Date: string(firstAt), Seats: 1 + rng.IntN(3)},
		Hotel: domain.StayRequest{
			ID: string(hotel(rng.IntN(places))), CheckIn: string(firstAt), CheckOut: "2999-03-04", Rooms: 1 + rng.IntN(2),
		},
		Payment:  domain.PaymentRequest{CardToken: cards[rng.IntN(len(cards))]},
		Currency: "USD",
	}
}
