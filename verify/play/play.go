// Package play runs whole bookings, each described by a file, over any system that can book. The parts of a *.txtar
// file:
//
//	trip.json       the request
//	inventory.csv   what is on offer; without it the demo inventory of the trip's days
//	faults          a plan of engine/sim: which delivery of which task goes wrong, and how
//	redrive         present when the saga is to be redriven after it has failed, with the faults of this part
//	want            the report of what came of it
//
// The report is the same wherever the scenario runs: what a booking comes to does not depend on where the table is, nor
// on which process serves the tasks.
package play

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/relative"
)

// Begin is the virtual time at which every scenario starts.
var Begin = time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC)

// Env is what a system must run with, so that the report is the same at every run.
type Env struct {
	Scheduler *sim.Virtual
	Seed      func() uint64
	Random    io.Reader
	WrapTasks func(map[string]engine.Task) map[string]engine.Task // the faults
}

// System is an open system with empty records. It lives until the test ends.
type System struct {
	App    *app.Service
	Engine *engine.Engine
	Table  table.Table // with the domain's records
	// Events lists the keys of all outbox items in the order of their commits. Without it the report tells the events in
	// the order of their names, and so does what is wanted.
	Events func(context.Context) ([]table.Key, error)
}

// Open gives a system that is closed when t ends.
type Open func(t *testing.T, env Env) System

// Run runs every scenario of the folder over the systems that open gives, and compares the reports with what the files
// want.
func Run(t *testing.T, dir string, open Open) {
	Each(t, dir, func(t *testing.T, file string) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, ok := Part(archive, "want")
		if !ok {
			t.Fatal("the scenario has no part want; write it with -update")
		}
		got, ordered := report(t, archive, open)
		if !ordered {
			want = eventsByName(want)
		}
		if string(want) != got {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	})
}

// Each calls f for every scenario of the folder, in parallel.
func Each(t *testing.T, dir string, f func(t *testing.T, file string)) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			f(t, file)
		})
	}
}

// Part is one part of the file.
func Part(a *txtar.Archive, name string) ([]byte, bool) {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data, true
		}
	}
	return nil, false
}

// Report runs one scenario and tells what came of it.
func Report(t *testing.T, archive *txtar.Archive, open Open) string {
	text, _ := report(t, archive, open)
	return text
}

func report(t *testing.T, archive *txtar.Archive, open Open) (text string, ordered bool) {
	r := &run{t: t, archive: archive, virtual: sim.NewVirtual(Begin)}
	r.setFaults("faults")
	r.sys = open(t, Env{
		Scheduler: r.virtual, Seed: rand.New(rand.NewPCG(1, 1)).Uint64, Random: rand.NewChaCha8([32]byte{1}),
		WrapTasks: func(tasks map[string]engine.Task) map[string]engine.Task {
			return sim.Tasks(tasks, r.virtual, func(at sim.Label) sim.Fault { return r.faults.Load().Decide(at) })
		},
	})
	r.loadInventory()
	r.play()
	return r.out.String(), r.sys.Events != nil
}

// run is a scenario under way, in virtual time.
type run struct {
	t       *testing.T
	archive *txtar.Archive
	virtual *sim.Virtual
	faults  atomic.Pointer[sim.Plan]
	sys     System
	out     bytes.Buffer
}

func (r *run) setFaults(name string) {
	text, _ := Part(r.archive, name)
	plan, err := sim.ParsePlan(string(text))
	if err != nil {
		r.t.Fatalf("part %s: %v", name, err)
	}
	r.faults.Store(&plan)
}

func (r *run) loadInventory() {
	offers, err := r.offers()
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.sys.App.LoadInventory(r.t.Context(), offers); err != nil {
		r.t.Fatal(err)
	}
}

// offers are those of the scenario, or what the demo inventory of some weeks before has on the days of the trip.
func (r *run) offers() (domain.Offers, error) {
	if csv, ok := Part(r.archive, "inventory.csv"); ok {
		return inventory.Parse("inventory.csv", bytes.NewReader(csv))
	}
	trip := r.request()
	offers, err := inventory.Demo(domain.Date(relative.Date("today-37", domain.Date(trip.Flight.Date))))
	offers.Flights = slices.DeleteFunc(offers.Flights, func(o domain.Offer[domain.FlightDay]) bool {
		return string(o.Row.Date) != trip.Flight.Date
	})
	offers.Nights = slices.DeleteFunc(offers.Nights, func(o domain.Offer[domain.HotelNight]) bool {
		return string(o.Row.Night) < trip.Hotel.CheckIn || string(o.Row.Night) >= trip.Hotel.CheckOut
	})
	return offers, err
}

func (r *run) request() (request domain.Request) {
	data, _ := Part(r.archive, "trip.json")
	if err := json.Unmarshal(data, &request); err != nil {
		r.t.Fatalf("part trip.json: %v", err)
	}
	return request
}

func (r *run) play() {
	ctx := r.t.Context()
	trip, err := r.sys.App.BookTrip(ctx, "scenario", r.request())
	if err != nil {
		r.t.Fatal(err)
	}
	r.virtual.Run()
	r.tell(trip.ID())
	if _, ok := Part(r.archive, "redrive"); ok {
		r.setFaults("redrive")
		if err := r.sys.Engine.Redrive(ctx, trip.ID()); err != nil {
			r.t.Fatal(err)
		}
		r.virtual.Run()
		fmt.Fprintln(&r.out, "\nafter the redrive:")
		r.tell(trip.ID())
	}
}
