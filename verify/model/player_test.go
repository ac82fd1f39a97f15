package model

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/domain"
	"tripsaga/trip/relative"
	"tripsaga/verify/play"
)

// recorder is a table that notes the transactions that were committed.
type recorder struct {
	table.Table
	mu   sync.Mutex
	acts []act
}

func (r *recorder) Transact(ctx context.Context, ops ...table.Op) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.Table.Transact(ctx, ops...)
	if err == nil {
		r.acts = append(r.acts, act{ops: slices.Clone(ops)})
	}
	return err
}

// record records the scenario of a file, booked n times.
func record(t testing.TB, file string, n int) *history {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{TB: t, archive: archive, virtual: sim.NewVirtual(play.Begin)}
	p.open()
	offers := p.load()
	h := &history{base: Items{}}
	for _, a := range p.recorder.acts {
		apply(h.base, a.ops)
	}
	p.recorder.acts = nil
	for i := range n {
		name := string(rune('A' + i))
		h.trips = append(h.trips, p.terms(p.book(name), name, offers))
	}
	h.acts = p.recorder.acts
	return h
}

// player runs a scenario.
type player struct {
	testing.TB
	archive  *txtar.Archive
	virtual  *sim.Virtual
	faults   atomic.Pointer[sim.Plan]
	recorder *recorder
	sys      *local.System
}

func (p *player) setFaults(part string) {
	text, _ := play.Part(p.archive, part)
	plan, err := sim.ParsePlan(string(text))
	if err != nil {
		p.Fatal(err)
	}
	p.faults.Store(&plan)
}

func (p *player) open() {
	sys, err := local.Open(context.Background(), local.Options{
		Scheduler: p.virtual, Seed: rand.New(rand.NewPCG(1, 1)).Uint64, Random: rand.NewChaCha8([32]byte{1}),
		WrapTable: func(t table.Table) table.Table {
			p.recorder = &recorder{Table: t}
			return p.recorder
		},
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			return sim.Tasks(tasks, p.virtual, func(at sim.Label) sim.Fault { return p.faults.Load().Decide(at) })
		},
	})
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		if err := sys.Close(context.Background()); err != nil {
			p.Error(err)
		}
	})
	p.sys = sys
}

func (p *player) request() (r domain.Request) {
	data, _ := play.Part(p.archive, "trip.json")
	if err := json.Unmarshal(data, &r); err != nil {
		p.Fatal(err)
	}
	return r
}

// load offers what the scenario says, or of the demo inventory the days of the trip.
func (p *player) load() domain.Offers {
	r := p.request()
	offers, err := inventory.Demo(domain.Date(relative.Date("today-37", domain.Date(r.Flight.Date))))
	if csv, ok := play.Part(p.archive, "inventory.csv"); ok {
		offers, err = inventory.Parse("inventory.csv", bytes.NewReader(csv))
	}
	offers.Flights = slices.DeleteFunc(offers.Flights, func(o domain.Offer[domain.FlightDay]) bool {
		return string(o.Row.Date) != r.Flight.Date
	})
	offers.Nights = slices.DeleteFunc(offers.Nights, func(o domain.Offer[domain.HotelNight]) bool {
		return string(o.Row.Night) < r.Hotel.CheckIn || string(o.Row.Night) >= r.Hotel.CheckOut
	})
	if err == nil {
		_, err = p.sys.App.LoadInventory(context.Background(), offers)
	}
	if err != nil {
		p.Fatal(err)
	}
	return offers
}

// book runs one booking to its end, with a redrive if the scenario has one, and gives its id.
func (p *player) book(name string) string {
	ctx := context.Background()
	p.setFaults("faults")
	trip, err := p.sys.App.BookTrip(ctx, name, p.request())
	if err != nil {
		p.Fatal(err)
	}
	id := trip.ID()
	p.recorder.acts = append(p.recorder.acts, act{acked: id})
	p.virtual.Run()
	d, err := p.sys.Engine.Describe(ctx, id)
	if err != nil {
		p.Fatal(err)
	}
	_, redrive := play.Part(p.archive, "redrive")
	if !redrive || d.Status == asl.Succeeded {
		return id
	}
	p.recorder.acts = append(p.recorder.acts, act{stopped: id})
	p.setFaults("redrive")
	if err := p.sys.Engine.Redrive(ctx, id); err != nil {
		p.Fatal(err)
	}
	p.virtual.Run()
	return id
}

// terms are the trip's in raw words, with its price reckoned from the offers.
func (p *player) terms(id, name string, offers domain.Offers) Trip {
	r := p.request()
	t := Trip{ID: id, Name: name, Flight: "FLIGHT#" + r.Flight.Number + "#" + r.Flight.Date, Seats: int64(r.Flight.Seats),
		Rooms: int64(r.Hotel.Rooms), Currency: r.Currency}
	for _, o := range offers.Flights {
		if string(o.Row.Number) == r.Flight.Number {
			t.Minor += t.Seats * o.Row.Price.Minor
		}
	}
	for _, o := range offers.Nights {
		if string(o.Row.Hotel) == r.Hotel.ID {
			t.Nights = append(t.Nights, "HOTEL#"+r.Hotel.ID+"#"+string(o.Row.Night))
			t.Minor += t.Rooms * o.Row.Price.Minor
		}
	}
	slices.Sort(t.Nights)
	return t
}
