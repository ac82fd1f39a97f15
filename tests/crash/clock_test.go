package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// stepBack is more than a day, so that the calendar goes back as well.
const stepBack = 30 * time.Hour

// patience is the time, as it really passes, in which every saga must come to its end: some back-offs of seconds.
const patience = 10 * time.Minute

var clockBegins = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)

// wrongClock is virtual time read from a clock that somebody sets. Timers go by the time that really passes.
type wrongClock struct {
	*sim.Virtual
	wrong time.Duration
	steps func() bool // whether the clock steps back before it is read
}

func (c *wrongClock) Now() time.Time {
	if c.steps != nil && c.steps() {
		c.wrong -= stepBack
	}
	return c.Virtual.Now().Add(c.wrong)
}

// bookMany books one trip after the other, with every card, lets what is due run in between, and leaves some waiting for
// their next try to pay.
func bookMany(t *testing.T, sys *local.System, v *sim.Virtual, rng *rand.Rand) (ids []string) {
	t.Helper()
	book := func(r domain.Request) {
		trip, err := sys.App.BookTrip(t.Context(), fmt.Sprint("key", len(ids)), r)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, trip.ID())
	}
	for range 40 {
		book(randomRequest(rng))
		for range rng.IntN(6) {
			v.Step()
		}
	}
	for range 5 {
		r := randomRequest(rng)
		r.Payment.CardToken = "tok_timeout_before"
		book(r)
	}
	for before := v.Now(); v.Now().Equal(before); v.Step() { // until the first timer
	}
	return ids
}

// inOrder wants every booking in the list, ended in time, announced once, and the ledger to balance.
func inOrder(t *testing.T, sys *local.System, v *sim.Virtual, since time.Time, ids []string) {
	t.Helper()
	if took := v.Now().Sub(since); took > patience {
		t.Errorf("the last timer came after %v", took)
	}
	trips := everyTripEnds(t, sys)
	for _, id := range ids {
		if trips[id] == nil {
			t.Errorf("trip %s is not in the list", id)
		}
	}
	if len(trips) != len(ids) {
		t.Errorf("%d trips in the list, booked were %d", len(trips), len(ids))
	}
	outcomes(t, trips)
	everyEventOnce(t, sys, trips)
	balanced(t, sys)
}

func openAt(t *testing.T, dir string, clock engine.Scheduler) *local.System {
	t.Helper()
	sys, err := local.Open(t.Context(), local.Options{Dir: dir, Scheduler: clock})
	if err != nil {
		t.Fatal(err)
	}
	return sys
}

func closeSystem(t *testing.T, sys *local.System) {
	t.Helper()
	if err := sys.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestClockStepsBackWhileStopped reopens the folder by a clock that shows the day before yesterday, while sagas wait for
// their next try.
func TestClockStepsBackWhileStopped(t *testing.T) {
	rng, dir := seeded(t), t.TempDir()
	if err := prepare(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	v := sim.NewVirtual(clockBegins)
	sys := openAt(t, dir, v)
	ids := bookMany(t, sys, v, rng)
	if open := sys.Engine.OpenExecutions(); open == 0 {
		t.Fatal("no saga is open: the test shows nothing")
	}
	closeSystem(t, sys)
	v = sim.NewVirtual(clockBegins.Add(-stepBack))
	begun := v.Now()
	sys = openAt(t, dir, v)
	defer closeSystem(t, sys)
	v.Run()
	inOrder(t, sys, v, begun, ids)
}

// TestClockStepsBackWhileItRuns sets the clock back now and then, between any two readings of it.
func TestClockStepsBackWhileItRuns(t *testing.T) {
	rng, dir := seeded(t), t.TempDir()
	if err := prepare(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	steps := rand.New(rand.NewPCG(rng.Uint64(), 0))
	v := sim.NewVirtual(clockBegins)
	sys := openAt(t, dir, &wrongClock{Virtual: v, steps: func() bool { return steps.IntN(40) == 0 }})
	defer closeSystem(t, sys)
	ids := bookMany(t, sys, v, rng)
	v.Run()
	inOrder(t, sys, v, clockBegins, ids)
}

// TestClockStepsBackBeforeTheStart leaves a trip behind that was stored and not started, and reopens the folder by a clock
// that has not come to that moment yet: the saga must start all the same.
func TestClockStepsBackBeforeTheStart(t *testing.T) {
	rng, dir := seeded(t), t.TempDir()
	if err := prepare(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	sys := openAt(t, dir, sim.NewVirtual(clockBegins))
	sys.App.Starter = neverStarts{}
	if _, err := sys.App.BookTrip(t.Context(), "key", randomRequest(rng)); err == nil {
		t.Fatal("nothing starts, and the booking was acknowledged")
	}
	closeSystem(t, sys)
	v := sim.NewVirtual(clockBegins.Add(-stepBack))
	sys = openAt(t, dir, v)
	defer closeSystem(t, sys)
	sys.Reconcile(t.Context(), 0, slog.New(slog.DiscardHandler))
	v.Run()
	page, err := sys.App.ListTrips(t.Context(), domain.TripQuery{})
	if err != nil || len(page.Items) != 1 || !ended(page.Items[0].Status()) {
		t.Errorf("trips %+v, %v", page.Items, err)
	}
}

type neverStarts struct{}

func (neverStarts) Start(context.Context, string, string, json.RawMessage) error {
	return context.Canceled
}

var _ app.Starter = neverStarts{}
