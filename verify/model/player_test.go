package model

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"

	"tripsaga/asl"
	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/trip/domain"
	"tripsaga/verify/play"
	"tripsaga/verify/play/playtest"
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

// scenario is the script of a scenario.
func scenario(t testing.TB, name string) play.Script {
	s, err := play.Read(os.DirFS(scenarios), name+".txtar", play.Today)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// record plays a script's booking n times.
func record(t testing.TB, script play.Script, n int) *history {
	p := &player{TB: t, Script: script, stage: play.NewStage(play.Begin, 1)}
	p.sys = playtest.Local(t, p.stage, func(t table.Table) table.Table {
		p.recorder = &recorder{Table: t}
		return p.recorder
	})
	offers, err := script.Offers()
	if err == nil {
		_, err = p.sys.App.LoadInventory(t.Context(), offers)
	}
	if err != nil {
		t.Fatal(err)
	}
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

// player plays a script.
type player struct {
	testing.TB
	play.Script
	stage    *play.Stage
	recorder *recorder
	sys      *local.System
}

// book runs one booking to its end, with a redrive if the script has one, and returns its id.
func (p *player) book(name string) string {
	ctx := p.Context()
	p.stage.SetFaults(p.Faults)
	trip, err := p.sys.App.BookTrip(ctx, name, p.Request())
	if err != nil {
		p.Fatal(err)
	}
	id := trip.ID()
	p.recorder.acts = append(p.recorder.acts, act{acked: id})
	p.stage.Scheduler.Run()
	d, err := p.sys.Engine.Describe(ctx, id)
	if err != nil {
		p.Fatal(err)
	}
	if p.Redrive == nil || d.Status == asl.Succeeded {
		return id
	}
	p.recorder.acts = append(p.recorder.acts, act{stopped: id})
	p.stage.SetFaults(*p.Redrive)
	if err := p.sys.Engine.Redrive(ctx, id); err != nil {
		p.Fatal(err)
	}
	p.stage.Scheduler.Run()
	return id
}

// terms are what the trip's client asked for, with the price computed from the offers.
func (p *player) terms(id, name string, offers domain.Offers) Trip {
	r := p.Request()
	t := Trip{ID: id, Name: name, Flight: "FLIGHT#" + r.Flight.Number + "#" + r.Flight.Date, Seats: int64(r.Flight.Seats),
		Rooms: int64(r.Hotel.Rooms), Currency: r.Currency}
	for _, o := range offers.Flights {
		if string(o.Row.Number) == r.Flight.Number && string(o.Row.Date) == r.Flight.Date {
			t.Minor += t.Seats * o.Row.Price.Minor
		}
	}
	for night := domain.Date(r.Hotel.CheckIn); night < domain.Date(r.Hotel.CheckOut); night = night.Next() {
		t.Nights = append(t.Nights, "HOTEL#"+r.Hotel.ID+"#"+string(night))
	}
	for _, o := range offers.Nights {
		if string(o.Row.Hotel) == r.Hotel.ID && r.Hotel.CheckIn <= string(o.Row.Night) && string(o.Row.Night) < r.Hotel.CheckOut {
			t.Minor += t.Rooms * o.Row.Price.Minor
		}
	}
	return t
}
