package verify

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"tripsaga/engine/sim"
	"tripsaga/report/reporttest"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

var update = flag.Bool("update", false, "rewrite testdata/coverage.txt")

// mustCover compares a coverage with the one that is checked in.
func mustCover(t *testing.T, c *Coverage, file string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, c.Text(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	differences := c.Differs(want)
	for _, line := range differences[:min(len(differences), 20)] {
		t.Error(line)
	}
	if n := len(differences); n > 0 {
		t.Errorf("%d lines of %s differ: read them, then run make update", n, file)
	}
}

// without is a program in which one kind of fault cannot happen.
type without struct {
	world.Rules
	kind sim.Kind
}

func (w without) Between(p *world.Point, add world.Add) {
	w.Rules.Between(p, func(moot bool, kinds ...sim.Kind) {
		add(moot, slices.DeleteFunc(slices.Clone(kinds), func(k sim.Kind) bool { return k == w.kind })...)
	})
}

// TestAFaultThatIsNotPlayedAnyMoreIsMissed: a kind of fault that vanishes from one place is a line that is missing.
func TestAFaultThatIsNotPlayedAnyMoreIsMissed(t *testing.T) {
	opt := Options{World: product(trip.Config{}), Depth: 1, Scenarios: []string{"flight-full"}, OneIn: 2}
	want := explore(t, opt).Coverage
	if d := want.Differs(want.Text()); len(d) > 0 {
		t.Errorf("it differs from itself: %q", d)
	}
	opt.World.Subject.Rules = without{opt.World.Subject.Rules, trip.Stray}
	d := explore(t, opt).Coverage.Differs(want.Text())
	if len(d) == 0 || !strings.HasPrefix(d[0], "missing: FlightBookingFailed stray single=") {
		t.Errorf("%q", d)
	}
	for _, line := range d {
		if !strings.Contains(line, " stray ") && !strings.HasPrefix(line, "changed: s") { // the sums
			t.Errorf("%s, though only stray is not played", line)
		}
	}
	changed := strings.Replace(string(want.Text()), "depth=1", "depth=2", 1) + "Nobody.put crash single=1\n"
	if d := want.Differs([]byte(changed)); len(d) != 2 || d[1] != "missing: Nobody.put crash single=1" || !strings.HasPrefix(d[0], "changed: options depth=2") {
		t.Errorf("%q", d)
	}
}

// TestWhatIsLeftOutIsCountedByRule: every rule that leaves something out says so under its name, those of the subject too.
func TestWhatIsLeftOutIsCountedByRule(t *testing.T) {
	cfg := product(trip.Config{})
	cfg.Subject.LeaveOut = append(slices.Clone(cfg.Subject.LeaveOut),
		world.LeaveOut{Name: "no-throttles", Means: "Throttles.", First: func(_ string, f sim.Fault) bool { return f.Kind == world.Throttle }},
		world.LeaveOut{Name: "no-losses", Means: "Losses.", Second: func(_ string, _, f sim.Fault) bool { return f.Kind == sim.Lost }})
	opt := Options{World: cfg, Depth: 2, Scenarios: []string{"flight-full"}, OneIn: 30}
	r := explore(t, opt)
	left, noPairs := map[string]int{}, map[string]int{}
	for _, c := range r.Coverage.Cells {
		for rule, n := range c.LeftOut {
			left[rule] += n
		}
		for rule, n := range c.NoPairs {
			noPairs[rule] += n
		}
		if c.Fault == sim.Lost && c.Second > 0 || c.Fault == world.Throttle && c.First > 0 {
			t.Errorf("%s %s is played in pairs that a rule leaves out", c.Operation, c.Fault)
		}
	}
	for _, rule := range []string{ruleMoot, ruleLanding, ruleSame, ruleAlone, ruleDiverted, ruleOneIn, "no-losses"} {
		if left[rule] == 0 {
			t.Errorf("nothing is counted under %s: %v", rule, left)
		}
	}
	for _, rule := range []string{ruleMoot, ruleAlone, "no-throttles"} {
		if noPairs[rule] == 0 {
			t.Errorf("no single is counted under %s: %v", rule, noPairs)
		}
	}
	p := reporttest.Check(t, r.Page(About{Options: opt, Definition: "the saga's own definition", Replay: "tripsaga verify --replay"}))
	for rule, n := range left {
		if !slices.ContainsFunc(p.Section("left-out"), func(row []string) bool { return row[0] == rule && row[2] == digits(n) }) {
			t.Errorf("the page does not say that %s left out %d", rule, n)
		}
	}
	if got := p.Figure("Schedules by operation and fault"); len(got) < 20 || got[0][0] != "operation" {
		t.Errorf("the table of operations is %q", got)
	}
}

// TestAnExplorationThatEndsEarlyHasNoCoverage, since what it has played depends on when it ended.
func TestAnExplorationThatEndsEarlyHasNoCoverage(t *testing.T) {
	r := explore(t, Options{World: product(trip.Config{Variant: func() trip.Variant { return trip.Variant{Tasks: dropFlightCancels} }}), Depth: 1, Scenarios: []string{"hotel-full"}, Enough: true})
	if len(r.Violations) == 0 || r.Coverage != nil {
		t.Errorf("%d violations, the coverage is %v", len(r.Violations), r.Coverage)
	}
}
