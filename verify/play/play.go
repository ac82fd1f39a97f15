// Package play plays scripts of bookings. A script is a txtar file of these parts:
//
//	NAME.json       a booking, as for `tripsaga book`; most scripts have one, trip.json
//	inventory.csv   what is on offer, as for `tripsaga inventory load`; without it see Script.Offers
//	places          a number: a name such as RH{100} is RH100 at the first place, RH101 at the second
//	faults          which delivery of which task goes wrong, and how: a plan, see sim.Plan
//	redrive         present if the saga is redriven after it has failed, with the faults from then on
//	cancel          when a traveler cancels a trip, and why, see Cancel
//	explore         what the explorer of faults must know, see Explore
//	want            the report of the run; the tests write it with -update
//
// The demo, the benchmark, the checks of a deployment, the rehearsal of a roll-out and the exploration of faults use the
// scripts of the folder scripts; the scenario tests use those of tests/scenarios. The report is the same wherever a script is
// played: how a booking ends depends neither on the table nor on the process that runs the tasks.
package play

import (
	"context"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// Today is the date to which the scripts of the tests refer. It is far in the future, since the functions' processes use the
// real clock and refuse bookings in the past.
const Today = domain.Date("2999-02-01")

// Begin is the virtual time at which the tests play a script.
var Begin = time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC)

// Stage provides what a system needs to play scripts: virtual time, deterministic randomness, and tasks with the faults of the
// current script.
type Stage struct {
	Scheduler *sim.Virtual
	Seed      func() uint64
	Random    io.Reader
	faults    atomic.Pointer[sim.Plan]
}

// NewStage returns a stage at this virtual time, without faults.
func NewStage(begin time.Time, seed uint64) *Stage {
	s := &Stage{
		Scheduler: sim.NewVirtual(begin), Seed: rand.New(rand.NewPCG(1, seed)).Uint64, Random: rand.NewChaCha8([32]byte{1}),
	}
	s.SetFaults(nil)
	return s
}

// SetFaults replaces the faults.
func (s *Stage) SetFaults(p sim.Plan) { s.faults.Store(&p) }

// WrapTasks adds the faults to the tasks of an engine.
func (s *Stage) WrapTasks(tasks map[string]engine.Task) map[string]engine.Task {
	return sim.Tasks(tasks, s.Scheduler, func(at sim.Label) sim.Fault { return s.faults.Load().Decide(at) })
}

// Local opens a system in memory. wrap, unless nil, replaces the embedded table.
func (s *Stage) Local(ctx context.Context, wrap func(table.Table) table.Table) (*local.System, error) {
	return local.Open(ctx, local.Options{
		Scheduler: s.Scheduler, Seed: s.Seed, Random: s.Random, WrapTasks: s.WrapTasks, WrapTable: wrap,
	})
}

// System is an open system with empty records.
type System struct {
	App           *app.Service
	Engine        *engine.Engine
	Cancellations *engine.Engine // of the second saga; nil if no script cancels
	Table         table.Table    // with the domain's records
	// Events lists the keys of all outbox items in commit order. Without it, a report lists the events in alphabetical order.
	Events func(context.Context) ([]table.Key, error)
}

// Play runs a script from the load of its offers to the end of its last booking, and returns a report on the end of each.
func (s *Stage) Play(ctx context.Context, sys System, script *Script) (report string, err error) {
	offers, err := script.Offers()
	if err != nil {
		return "", err
	}
	if _, err := sys.App.LoadInventory(ctx, offers); err != nil {
		return "", err
	}
	r := &reporter{ctx: ctx, sys: sys}
	for _, t := range script.Trips {
		s.SetFaults(script.Faults)
		trip, err := sys.App.BookTrip(ctx, t.Name, t.Request)
		if err != nil {
			return "", err
		}
		if err := s.cancelAll(ctx, r, script, t.Name, trip); err != nil {
			return "", err
		}
		s.Scheduler.Run()
		r.report(trip.ID())
		if script.Redrive == nil {
			continue
		}
		s.SetFaults(*script.Redrive)
		if err := s.redrive(ctx, sys, trip.ID()); err != nil {
			return "", err
		}
		s.Scheduler.Run()
		r.line("\nafter the redrive:")
		r.report(trip.ID())
	}
	return r.out.String(), r.err
}

// redrive resumes the trip's current saga.
func (s *Stage) redrive(ctx context.Context, sys System, id string) error {
	d, err := sys.App.GetTrip(ctx, id)
	if err != nil {
		return err
	}
	if d.Trip.Saga() == saga.Cancellation().Name() {
		return sys.Cancellations.Redrive(ctx, id)
	}
	return sys.Engine.Redrive(ctx, id)
}
