package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// templates are those that the outcomes are shown on: the fixture, and production's unless there is no infrastructure.
// One that is only not where it was fails.
func templates() []string {
	if _, err := os.Stat(infrastructure); errors.Is(err, fs.ErrNotExist) {
		return []string{fixture}
	}
	return []string{fixture, deployed}
}

// TestOutcomes plays every version.
func TestOutcomes(t *testing.T) {
	for _, file := range templates() {
		for _, bad := range BadVersions() {
			t.Run(fmt.Sprintf("%s on %s", bad, file), func(t *testing.T) {
				t.Parallel()
				check(t, run(t, Options{Release: releaseOf(t, file), Bad: bad, Seed: 1, Rate: 60}))
			})
		}
	}
}

// seeds are as many as TRIPSAGA_REHEARSALS says, else one.
func seeds(t *testing.T) (all []uint64) {
	t.Helper()
	n := 1
	if text := os.Getenv("TRIPSAGA_REHEARSALS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		all = append(all, uint64(100+i))
	}
	return all
}

// TestOutcomesDoNotHangOnChance plays other seeds, at half the usual rate, which is harder: a minute has fewer deliveries
// to judge by.
func TestOutcomesDoNotHangOnChance(t *testing.T) {
	release := releaseOf(t, fixture)
	for _, bad := range BadVersions() {
		for _, seed := range seeds(t) {
			t.Run(fmt.Sprintf("%s, seed %d", bad, seed), func(t *testing.T) {
				t.Parallel()
				check(t, run(t, Options{Release: release, Bad: bad, Seed: seed, Rate: DefaultRate / 2}))
			})
		}
	}
}

// TestOneOfOneIsHasty: alarms that ring at a single data point take back good releases, since a minute's errors may be
// there before its business errors are.
func TestOneOfOneIsHasty(t *testing.T) {
	t.Parallel()
	release, hasty := releaseOf(t, fixture, oneOfOne), 0
	for _, bad := range []BadVersion{None, Declines} {
		for _, seed := range seeds(t) {
			if r := run(t, Options{Release: release, Bad: bad, Seed: seed}); r.Outcome.State == "rolled back" && !r.OK() {
				hasty++
				t.Logf("%s, seed %d: minute %d by %s", bad, seed, r.Outcome.Minute, r.Outcome.Alarm)
			}
		}
	}
	t.Logf("%d of %d rolled back", hasty, 2*len(seeds(t)))
	if hasty == 0 {
		t.Error("no good release was rolled back")
	}
}

// check wants the outcome that the bad version calls for, and that the figures fit each other.
func check(t *testing.T, r *Report) {
	t.Helper()
	if !r.OK() || r.Outcome.State != r.Outcome.Expected {
		t.Errorf("%s, seed %d: %v; outcome %+v", r.BadVersion, r.Seed, r.Findings, r.Outcome)
	}
	rolled := r.BadVersion == Faults || r.BadVersion == Latency
	if (r.Outcome.State == "rolled back") != rolled || (r.Outcome.Alarm != "") != rolled || r.Outcome.Minute < 1 || r.Outcome.Minute > 10 {
		t.Errorf("%s, seed %d: outcome %+v", r.BadVersion, r.Seed, r.Outcome)
	}
	checkFigures(t, r)
	if r.BadVersion == Declines {
		checkDeclines(t, r)
	}
	t.Logf("%s, seed %d: %s in minute %d by %q; %d of %d bookings met it, %d deliveries, %d faults", r.BadVersion, r.Seed,
		r.Outcome.State, r.Outcome.Minute, r.Outcome.Alarm, r.Met.Bookings, r.Met.Of, r.Met.Deliveries, r.Met.Faults)
}

func checkFigures(t *testing.T, r *Report) {
	t.Helper()
	c, bookings := r.Consistency, 0
	for i, m := range r.Timeline {
		bookings += m.Bookings
		if m.Minute != i+1-before || m.Errors != m.Business+m.Faults || m.Minute < 1 && m.Deliveries != 0 {
			t.Errorf("minute %+v", m)
		}
	}
	if !c.Consistent || c.Bookings != bookings || c.Confirmed+c.Cancelled+c.Failed != bookings || c.Cancelled == 0 || c.Pending+c.NeedsAttention != 0 {
		t.Errorf("%d bookings, %+v", bookings, c)
	}
	if c.SeatsHeld != int64(2*c.Confirmed) || c.RoomsHeld != int64(2*c.Confirmed) {
		t.Errorf("two seats and two rooms a confirmed trip: %+v", c)
	}
	if r.BadVersion != Faults && r.Met.Faults != 0 {
		t.Errorf("%d faults that nobody planted", r.Met.Faults)
	}
	if r.Met.Bookings == 0 || r.Met.Bookings > r.Met.Of || r.Met.Deliveries < r.Met.Bookings || r.Met.Of != bookings {
		t.Errorf("met %+v of %d bookings", r.Met, bookings)
	}
}

// checkDeclines wants the declines to have risen to what they were to, once all traffic is the new version's.
func checkDeclines(t *testing.T, r *Report) {
	t.Helper()
	declined, of := 0, 0
	for _, m := range r.Timeline {
		if m.Weight == 100 {
			declined, of = declined+m.Business, of+m.Deliveries
		}
	}
	if share := percent(declined, of); share < 20 || share > 45 {
		t.Errorf("%d of %d payments declined, %.1f %%; want about 30", declined, of, share)
	}
}

// TestTheSameSeedGivesTheSameBytes, and another one others.
func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	release := releaseOf(t, fixture)
	text := func(seed uint64) []byte {
		data, err := json.Marshal(run(t, Options{Release: release, Bad: Faults, Seed: seed, Rate: 60}))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	first := text(7)
	if !bytes.Equal(first, text(7)) {
		t.Error("the same seed gives another report")
	}
	if bytes.Equal(first, text(8)) {
		t.Error("another seed gives the same report")
	}
}

// TestWeakTemplatesAreFound shows that the rehearsal can fail: each template lacks something, and the release does not
// come to what it must.
func TestWeakTemplatesAreFound(t *testing.T) {
	for _, x := range []struct {
		name    string
		change  func(string, *resource)
		bad     BadVersion
		delays  Delays
		state   string
		finding string
	}{
		{"no alarms", withoutAlarms, Faults, Delays{}, "completed", "watches no alarm"},
		{"no rollback", withoutRollback, Faults, Delays{}, "stopped", "does not roll back on alarm"},
		{"all at once", shiftingBy("CodeDeployDefault.LambdaAllAtOnce"), Faults, Delays{}, "completed", "all traffic at once"},
		{"threshold too high", deaf, Faults, Delays{}, "completed", "a bad version reached 100 %"},
		{"business errors left in, declines", blind, Declines, Delays{}, "rolled back", "a release that must reach 100 %"},
		{"business errors left in, nothing bad", blind, None, Delays{}, "rolled back", "a release that must reach 100 %"},
		{"business metrics two minutes late", func(string, *resource) {}, Declines,
			Delays{DefaultDelays.Lambda, Between{time.Minute, 150 * time.Second}}, "rolled back", "a release that must reach 100 %"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			r := run(t, Options{Release: releaseOf(t, fixture, x.change), Bad: x.bad, Seed: 1, Rate: 60, Delays: x.delays})
			if r.OK() || r.Outcome.State != x.state || !strings.Contains(strings.Join(r.Findings, "\n"), x.finding) {
				t.Errorf("%+v, findings %q; want %s and a finding with %q", r.Outcome, r.Findings, x.state, x.finding)
			}
			if !r.Consistency.Consistent {
				t.Errorf("a bad release must not cost consistency: %+v", r.Consistency)
			}
			t.Logf("%s in minute %d by %q, met by %d of %d bookings", r.Outcome.State, r.Outcome.Minute, r.Outcome.Alarm, r.Met.Bookings, r.Met.Of)
		})
	}
}

// TestAliasAlarmsAloneMissLatency: by the alias' alarms alone most slow versions reach 100 %. Some are taken back, when by
// chance several faults of a function with little traffic fall into one period; so it is counted over eight seeds.
func TestAliasAlarmsAloneMissLatency(t *testing.T) {
	completed := 0
	for seed := range uint64(8) {
		r := run(t, Options{Release: releaseOf(t, fixture, aliasOnly), Bad: Latency, Seed: seed + 1, Rate: 60})
		if r.Outcome.State == "completed" && slices.Contains(r.Findings, "a bad version reached 100 %") {
			completed++
		}
		t.Logf("seed %d: %s in minute %d %s", seed+1, r.Outcome.State, r.Outcome.Minute, r.Outcome.Alarm)
	}
	if completed <= 4 {
		t.Errorf("%d of 8 slow versions reached 100 %%, want most", completed)
	}
}

// TestTheAliasAlarmIsLater: by the alias' alarms alone a bad version goes back, too, but on the whole not until more bookings
// have met it. No seed is later with the version's alarms than without; a few are no earlier, since an alias' alarm of a
// function with little traffic can ring first.
func TestTheAliasAlarmIsLater(t *testing.T) {
	const seeds = 6
	var both, alias [seeds]*Report
	t.Run("seeds", func(t *testing.T) {
		for i := range seeds {
			t.Run(fmt.Sprintf("seed %d", i+1), func(t *testing.T) {
				t.Parallel()
				opt := Options{Bad: Faults, Seed: uint64(i + 1), Rate: 60}
				opt.Release = releaseOf(t, fixture)
				both[i] = run(t, opt)
				opt.Release = releaseOf(t, fixture, aliasOnly)
				alias[i] = run(t, opt)
			})
		}
	})
	earlier, met, metByAlias := 0, 0, 0
	for i := range seeds {
		b, a := both[i], alias[i]
		t.Logf("seed %d: second %d and %d bookings by %s, against %d and %d", i+1, b.Outcome.Second, b.Met.Bookings, b.Outcome.Alarm, a.Outcome.Second, a.Met.Bookings)
		if b.Outcome.State != "rolled back" || a.Outcome.State != "rolled back" || !strings.HasSuffix(a.Outcome.Alarm, "AliasFaults") {
			t.Errorf("seed %d: %+v, with the alias' alarms alone %+v; want both rolled back", i+1, b.Outcome, a.Outcome)
		}
		if b.Outcome.Second > a.Outcome.Second {
			t.Errorf("seed %d: the version's alarms made it later: %+v, without them %+v", i+1, b.Outcome, a.Outcome)
		}
		if b.Outcome.Second < a.Outcome.Second && strings.HasSuffix(b.Outcome.Alarm, "VersionFaults") {
			earlier++
		}
		met, metByAlias = met+b.Met.Bookings, metByAlias+a.Met.Bookings
	}
	if 2*earlier <= seeds || met >= metByAlias {
		t.Errorf("the version's alarm was earlier for %d of %d seeds; %d bookings met the bad version, %d without it", earlier, seeds, met, metByAlias)
	}
}

// TestOneFunctionTakesAllBack: a bad version of one function alone rolls back every other.
func TestOneFunctionTakesAllBack(t *testing.T) {
	t.Parallel()
	r := run(t, Options{Release: releaseOf(t, fixture), Bad: Faults, Function: "ReserveHotel", Seed: 2, Rate: 60})
	check(t, r)
	if r.Outcome.Group != "ReserveHotel" || len(r.Functions) != 1 {
		t.Errorf("under test %v, taken back by the group %s", r.Functions, r.Outcome.Group)
	}
	for _, g := range r.Groups {
		if g.State != "rolled back" {
			t.Errorf("%s: %s", g.Function, g.State)
		}
	}
}

// TestABrokenCancellationTakesAllBack: the tasks of the second saga are rolled out, watched and rolled back as the first's.
func TestABrokenCancellationTakesAllBack(t *testing.T) {
	for _, file := range templates() {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			r := run(t, Options{Release: releaseOf(t, file), Bad: Faults, Function: "RefundBooking", Seed: 3, Rate: 240})
			check(t, r)
			if r.Outcome.Group != "RefundBooking" {
				t.Errorf("taken back by the group %s", r.Outcome.Group)
			}
		})
	}
}

// TestAVersionThatIsNeverCalled: a refund is rare, and a bad version of it goes unseen. The report says so.
func TestAVersionThatIsNeverCalled(t *testing.T) {
	t.Parallel()
	r := run(t, Options{Release: releaseOf(t, fixture), Bad: Faults, Function: "RefundPayment", Seed: 1, Rate: 30})
	if r.OK() || !strings.Contains(strings.Join(r.Findings, "\n"), "never called") {
		t.Errorf("findings %q", r.Findings)
	}
}

// TestOtherShifts plays a canary, and a configuration of the template's own.
func TestOtherShifts(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]int{
		"CodeDeployDefault.LambdaCanary10Percent5Minutes": 5, "CodeDeployDefault.LambdaLinear10PercentEvery2Minutes": 18,
	} {
		r := run(t, Options{Release: releaseOf(t, fixture, shiftingBy(name)), Bad: None, Rate: 30})
		if r.Outcome.State != "completed" || r.Outcome.Second != length*60 {
			t.Errorf("%s: %+v, want %d minutes", name, r.Outcome, length)
		}
	}
}

// TestAFunctionWithoutAGroup moves at once and is found.
func TestAFunctionWithoutAGroup(t *testing.T) {
	t.Parallel()
	release := releaseOf(t, fixture, func(id string, r *resource) {
		if id == "CancelHotelLive" {
			r.UpdatePolicy = nil
		}
	})
	r := run(t, Options{Release: release, Bad: None, Rate: 30})
	if r.OK() || !strings.HasPrefix(r.Findings[0], "CancelHotel: no deployment group") {
		t.Errorf("findings %q", r.Findings)
	}
}

// TestAnAlarmRaisedBeforeTheReleaseStopsIt, as CodeDeploy does.
func TestAnAlarmRaisedBeforeTheReleaseStopsIt(t *testing.T) {
	t.Parallel()
	release := releaseOf(t, fixture, func(id string, r *resource) {
		if id == "ApiAliasFaults" {
			r.Properties["Threshold"] = -1
		}
	})
	r := run(t, Options{Release: release, Bad: None, Rate: 30})
	if r.OK() || r.Outcome.State != "rolled back" || r.Outcome.Second != 0 || r.Outcome.Alarm != "ApiAliasFaults" {
		t.Errorf("%+v, findings %q", r.Outcome, r.Findings)
	}
}

func TestOptionsThatCannotBePlayed(t *testing.T) {
	own := func(id string, r *resource) {
		if id == "ApiVersionLatency" {
			r.Properties["Namespace"] = "AWS/ApiGateway"
		}
	}
	for want, opt := range map[string]Options{
		"rate 5: allowed":                                {Bad: None, Rate: MinRate - 1},
		"rate 601: allowed":                              {Bad: None, Rate: MaxRate + 1},
		`bad version "rude": `:                           {Bad: "rude", Rate: 60},
		`function "Api": it is no`:                       {Bad: None, Rate: 60, Function: "Api"},
		`function "ReserveHotel": cards are declined at`: {Bad: Declines, Rate: 60, Function: "ReserveHotel"},
		"release: the alarm ApiVersionLatency reads":     {Bad: None, Rate: 60, Release: releaseOf(t, fixture, own)},
	} {
		if opt.Release == nil {
			opt.Release = releaseOf(t, fixture)
		}
		_, err := Run(t.Context(), opt)
		var option *OptionError
		if !errors.As(err, &option) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want an OptionError with %q", err, want)
		}
	}
	lacking := releaseOf(t, fixture)
	lacking.Functions = lacking.Functions[:0]
	if _, err := Run(t.Context(), Options{Release: lacking, Bad: None, Rate: 60}); err == nil || !strings.Contains(err.Error(), "no function") {
		t.Errorf("%v", err)
	}
}

// TestAnInterruptEndsIt in the midst of deliveries.
func TestAnInterruptEndsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	opt := Options{Release: releaseOf(t, fixture), Bad: Latency, Rate: 600}
	opt.Progress = func(minute int) {
		if minute == 2 {
			cancel()
		}
	}
	if r, err := Run(ctx, opt); !errors.Is(err, context.Canceled) || r == nil || r.Partial == "" || len(r.Timeline) < 2 {
		t.Errorf("%v, %v", r, err)
	}
}
