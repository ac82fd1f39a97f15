package rehearsal

import (
	"bytes"
	"cmp"
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
)

// templates are those that the outcomes are shown on: the fixture, and production's unless there is no infrastructure.
// One that is only not where it was fails.
func templates() []string {
	if _, err := os.Stat(infrastructure); errors.Is(err, fs.ErrNotExist) {
		return []string{fixture}
	}
	return []string{fixture, deployed}
}

// TestOutcomes plays every version on the template that is deployed.
func TestOutcomes(t *testing.T) {
	for _, bad := range BadVersions() {
		t.Run(string(bad), func(t *testing.T) {
			t.Parallel()
			files := templates()
			check(t, run(t, Options{Release: releaseOf(t, files[len(files)-1]), Bad: bad, Seed: 1, Rate: 30}))
		})
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
// to judge by. Cold starts are many where traffic is little.
func TestOutcomesDoNotHangOnChance(t *testing.T) {
	release := releaseOf(t, fixture)
	for _, x := range []Options{
		{Bad: Faults}, {Bad: Latency}, {Bad: Declines}, {Bad: None}, {Bad: Crash}, {Bad: Cold, Rate: 12}, {Bad: Cold},
		{Bad: Faults, Delays: LateLogs}, {Bad: Declines, Delays: LateLogs}, {Bad: None, Delays: LateLogs}, {Bad: Crash, Delays: LateLogs},
	} {
		for _, seed := range seeds(t) {
			x.Release, x.Seed, x.Rate = release, seed, cmp.Or(x.Rate, DefaultRate/2)
			t.Run(fmt.Sprintf("%s, %d a minute, logs up to %s late, seed %d", x.Bad, x.Rate, x.Delays.Log.To, seed), func(t *testing.T) {
				t.Parallel()
				check(t, run(t, x))
			})
		}
	}
}

// TestTheWayBack has today's design first: the alarms' names have no version, or the hook tries listed versions, or the
// definitions wait for the aliases. CloudFormation's rollback gets stuck, or makes a deployment back for each function.
func TestTheWayBack(t *testing.T) {
	for _, x := range []struct {
		bad    BadVersion
		change func(string, *resource)
		stack  string
		by     string
		back   int
	}{
		{RingsOn, sameNames, "UPDATE_ROLLBACK_FAILED", " at ", 15},
		{RingsOn, unchanged, "UPDATE_ROLLBACK_COMPLETE", "", 15},
		{HookFails, listedVersions, "UPDATE_ROLLBACK_FAILED", "the hook, which tries the old version", 15},
		{HookFails, unchanged, "UPDATE_ROLLBACK_COMPLETE", "", 15},
		{Refused, definitionsLast, "UPDATE_ROLLBACK_COMPLETE", "", 15},
		{Refused, unchanged, "UPDATE_ROLLBACK_COMPLETE", "", 0},
	} {
		t.Run(fmt.Sprintf("%s, %s", x.bad, x.stack), func(t *testing.T) {
			t.Parallel()
			r := run(t, Options{Release: releaseOf(t, fixture, x.change), Bad: x.bad, Seed: 2, Rate: 30})
			if o := r.Outcome; o.Stack != x.stack || o.DeploymentsBack != x.back || !strings.Contains(o.StuckBy, x.by) || r.OK() != (x.by == "") || !r.Consistency.Consistent {
				t.Errorf("%+v, findings %q", o, r.Findings)
			}
		})
	}
}

// TestALaterFunctionTakesEarlierOnesBack: those that have completed go back by deployments, those that wait never leave.
func TestALaterFunctionTakesEarlierOnesBack(t *testing.T) {
	t.Parallel()
	release := releaseOf(t, fixture, func(id string, r *resource) {
		after := map[string]string{"ProcessPaymentLive": "ReserveFlightLive", "ApiLive": "ProcessPaymentLive"}[id]
		if after != "" {
			r.DependsOn = append(r.DependsOn.([]any), after)
		}
	})
	r := run(t, Options{Release: release, Bad: Faults, Function: "ProcessPayment", Seed: 1, Rate: 60})
	if o := r.Outcome; !r.OK() || o.Group != "ProcessPayment" || o.Minute <= 10 || o.DeploymentsBack != 13 || o.Stack != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("%+v, findings %q", o, r.Findings)
	}
}

// check wants the outcome that the bad version calls for, and that the figures fit each other.
func check(t *testing.T, r *Report) {
	t.Helper()
	if !r.OK() || r.Outcome.State != r.Outcome.Expected {
		t.Errorf("%s, seed %d: %v; outcome %+v", r.BadVersion, r.Seed, r.Findings, r.Outcome)
	}
	rolled := r.BadVersion.wantsRollback()
	if (r.Outcome.State == "rolled back") != rolled || (r.Outcome.Alarm+r.Outcome.Cause != "") != rolled || r.Outcome.Minute < 1 || r.Outcome.Minute > 60 {
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
	if !slices.Contains([]BadVersion{Faults, Crash, RingsOn, HookFails}, r.BadVersion) && r.Met.Faults != 0 {
		t.Errorf("%d faults that nobody planted", r.Met.Faults)
	}
	if r.BadVersion != Refused && r.Met.Bookings == 0 || r.Met.Bookings > r.Met.Of || r.Met.Deliveries < r.Met.Bookings || r.Met.Of != bookings {
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
		{"declines taken for faults", blind, Declines, Delays{}, "rolled back", "a release that must reach 100 %"},
		{"two sources, one late", mixedSources, Declines, LateLogs, "rolled back", "a release that must reach 100 %"},
		{"its own count alone", ownFaultsOnly, Crash, Delays{}, "completed", "a bad version reached 100 %"},
		{"no floor of samples", withoutFloor, Cold, Delays{}, "rolled back", "a release that must reach 100 %"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			r := run(t, Options{Release: releaseOf(t, fixture, x.change), Bad: x.bad, Seed: 1, Rate: cmp.Or(map[BadVersion]int{Cold: 12}[x.bad], 60), Delays: x.delays})
			if r.OK() || r.Outcome.State != x.state || !strings.Contains(strings.Join(r.Findings, "\n"), x.finding) {
				t.Errorf("%+v, findings %q; want %s and a finding with %q", r.Outcome, r.Findings, x.state, x.finding)
			}
			if !r.Consistency.Consistent && x.bad != Crash { // with which nothing can end
				t.Errorf("a bad release must not cost consistency: %+v", r.Consistency)
			}
			t.Logf("%s in minute %d by %q, met by %d of %d bookings", r.Outcome.State, r.Outcome.Minute, r.Outcome.Alarm, r.Met.Bookings, r.Met.Of)
		})
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
	t.Parallel()
	r := run(t, Options{Release: releaseOf(t, fixture), Bad: Faults, Function: "RefundBooking", Seed: 3, Rate: 240})
	check(t, r)
	if r.Outcome.Group != "RefundBooking" {
		t.Errorf("taken back by the group %s", r.Outcome.Group)
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
	release := releaseOf(t, fixture, sameNames, func(id string, r *resource) {
		if id == "ApiVersionErrors" {
			r.Properties["Threshold"] = -1
		}
	})
	r := run(t, Options{Release: release, Bad: None, Rate: 30})
	if r.OK() || r.Outcome.State != "rolled back" || r.Outcome.Second != 0 || r.Outcome.Alarm != "ApiVersionErrors" {
		t.Errorf("%+v, findings %q", r.Outcome, r.Findings)
	}
}

func TestOptionsThatCannotBePlayed(t *testing.T) {
	own := func(id string, r *resource) {
		if id == "ApiVersionFaults" {
			r.Properties["Namespace"] = "AWS/ApiGateway"
		}
	}
	for want, opt := range map[string]Options{
		"rate 5: allowed":                                    {Bad: None, Rate: MinRate - 1},
		"rate 601: allowed":                                  {Bad: None, Rate: MaxRate + 1},
		`bad version "rude": `:                               {Bad: "rude", Rate: 60},
		`function "Api": it is no`:                           {Bad: None, Rate: 60, Function: "Api"},
		`function "ReserveHotel": cards are declined at`:     {Bad: Declines, Rate: 60, Function: "ReserveHotel"},
		"release: the alarm trips-Api-2-VersionFaults reads": {Bad: None, Rate: 60, Release: releaseOf(t, fixture, own)},
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
