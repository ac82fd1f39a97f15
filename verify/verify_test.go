package verify

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

func explore(t *testing.T, opt Options) *Report {
	t.Helper()
	r, err := Explore(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// product plays the trip.
func product(cfg trip.Config) world.Config { return world.Config{Subject: trip.Subject(cfg)} }

func mustHold(t *testing.T, r *Report) {
	t.Helper()
	for _, v := range r.Violations[:min(len(r.Violations), 20)] {
		t.Errorf("%s: %s: %s", v.ID, v.Invariant, v.Detail)
	}
}

// TestSingles is a third of the exploration to depth 1, with every scenario; make verify runs all of it, and goes deeper.
func TestSingles(t *testing.T) {
	opt := Options{World: product(trip.Config{}), Depth: 1, Triples: 200, Seed: 1, OneIn: 3}
	if testing.Short() {
		opt.Scenarios = []string{"booked"}
	}
	r := explore(t, opt)
	mustHold(t, r)
	if testing.Short() {
		return
	}
	mustCover(t, r.Coverage, "testdata/coverage.txt")
	if r.Singles < 500 || r.Triples != 200 || r.Schedules < r.Singles+r.Reordered+r.Triples || r.Interleaved < 200 || r.Reordered < r.Singles/3 {
		t.Errorf("%d schedules, %d singles, %d triples", r.Schedules, r.Singles, r.Triples)
	}
}

func TestReportIsTheSameEachTime(t *testing.T) {
	opt := Options{World: product(trip.Config{}), Depth: 2, Triples: 40, Seed: 3, Scenarios: []string{"flight-full"}, OneIn: 7}
	opt.Workers = 1
	a := explore(t, opt)
	opt.Workers = 5
	b := explore(t, opt)
	a.Seconds, a.PerSecond, b.Seconds, b.PerSecond = 0, 0, 0, 0
	if a.Schedules != b.Schedules || a.Singles != b.Singles || a.Pairs != b.Pairs || a.Same != b.Same || a.Ends != b.Ends ||
		!slices.Equal(a.Explored, b.Explored) || !slices.Equal(a.Scenarios, b.Scenarios) {
		t.Errorf("%+v, then %+v", a, b)
	}
	if one, five := string(a.Coverage.Text()), string(b.Coverage.Text()); one != five {
		t.Errorf("one worker covers %s, five %s", one, five)
	}
	if a.Pairs == 0 {
		t.Error("no pairs")
	}
}

// TestNothingIsLostByLeavingOut explores the pairs of the smallest scenario whole, a part of them drawn: each end that they
// reach is one that the exploration reaches which leaves out what has the same future, and so is each invariant that a
// broken saga breaks.
func TestNothingIsLostByLeavingOut(t *testing.T) {
	for name, variant := range map[string]func() trip.Variant{
		"the product":                    nil,
		"a failure that is not recorded": func() trip.Variant { return trip.Variant{Tasks: forgetFailure} },
	} {
		t.Run(name, func(t *testing.T) {
			opt := Options{Depth: 2, Scenarios: []string{"flight-full"}, World: product(trip.Config{Variant: variant})}
			if variant != nil {
				opt.OneIn = 4 // fewer show each invariant
			}
			some := explore(t, opt)
			opt.Whole, opt.OneIn, opt.Seed = true, 40, 1
			whole := explore(t, opt)
			if whole.Pairs < 500 || some.Pairs < 1000 {
				t.Errorf("%d pairs of the whole, %d of what is left", whole.Pairs, some.Pairs)
			}
			for end := range whole.ends {
				if variant == nil && !some.ends[end] {
					t.Errorf("an end of the whole is missing; it has %d, the exploration %d", len(whole.ends), len(some.ends))
				}
			}
			for _, v := range whole.Violations {
				if !slices.ContainsFunc(some.Violations, func(o Violation) bool { return o.Invariant == v.Invariant }) {
					t.Errorf("only the whole finds %s, by %s", v.Invariant, v.ID)
				}
			}
			if broken := variant != nil; broken == (len(some.Violations) == 0) {
				t.Errorf("%d violations", len(some.Violations))
			}
		})
	}
}

// forgetFailure ends the saga whether its failure could be recorded or not.
func forgetFailure(tasks map[string]engine.Task) map[string]engine.Task {
	record := tasks["FlightBookingFailed"]
	tasks["FlightBookingFailed"] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
		_, _ = record(ctx, in)
		return nil, &engine.TaskError{Name: "FlightBookingFailed"}
	}
	return tasks
}

// dropFlightCancels is a saga that does not cancel the flight.
func dropFlightCancels(tasks map[string]engine.Task) map[string]engine.Task {
	tasks["CancelFlight"] = func(context.Context, json.RawMessage) (json.RawMessage, error) { return json.RawMessage(`{}`), nil }
	return tasks
}

func TestShrink(t *testing.T) {
	cfg := product(trip.Config{Variant: func() trip.Variant { return trip.Variant{Tasks: dropFlightCancels} }})
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s, err := trip.Product().ParseSchedule("hotel-full:A.Engine#1.journal1=throttle,A.ReserveHotel#1=fail,A.BookingFailed#1=twice")
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Run(t.Context(), s)
	if err != nil || len(r.Violations) == 0 {
		t.Fatalf("%v, %v", r, err)
	}
	less, err := Shrink(t.Context(), w, s, r.Violations[0].Invariant)
	if err != nil || less.String() != "hotel-full" {
		t.Errorf("%s, %v: the flight is never cancelled, whatever goes wrong", less, err)
	}
}

func TestMonotonous(t *testing.T) {
	delivery := func(n int) world.Point {
		return world.Point{Label: sim.Label{Saga: "A", Actor: "X", N: n + 1}, Where: world.AtDelivery, Attempt: n, Deaf: n > 0}
	}
	journal := world.Point{Label: sim.Label{Saga: "A", Actor: trip.Engine}, Where: world.AtEngineWrite}
	var points []world.Point
	for n := range 8 {
		points = append(points, delivery(n), journal)
	}
	var marks strings.Builder
	for _, dull := range monotonous(points) {
		marks.WriteByte(map[bool]byte{false: '.', true: 'x'}[dull])
	}
	// The first delivery is the fault itself; of the seven deaf ones, two and two are looked at.
	if got, want := marks.String(), "......xxxxxx...."; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
