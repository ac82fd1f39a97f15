package rehearsal

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/aws/rehearsal/cloudwatch"
	"tripsaga/telemetry"
)

func open(t *testing.T) *play {
	t.Helper()
	opt := Options{Release: releaseOf(t, fixture), Bad: None, Rate: 60}
	if err := opt.check(); err != nil {
		t.Fatal(err)
	}
	return newPlay(t.Context(), opt)
}

// TestALineIsReadUnderEachSetOfDimensions, and under no other.
func TestALineIsReadUnderEachSetOfDimensions(t *testing.T) {
	p := open(t)
	metric := func(name string, dimensions map[string]string) cloudwatch.Metric {
		return cloudwatch.Metric{Namespace: "n", Name: name, Dimensions: dimensions}
	}
	wanted := map[string]int{}
	watch := func(m cloudwatch.Metric, n int) {
		p.store.Watch(m)
		wanted[m.Key()] = n
	}
	watch(metric("A", nil), 1)
	watch(metric("A", map[string]string{"Step": "s"}), 1)
	watch(metric("A", map[string]string{"Step": "s", "V": "2"}), 0)
	watch(metric("B", map[string]string{"Step": "s", "V": "2"}), 1)
	watch(metric("B", nil), 0)
	line := `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[
		{"Namespace":"n","Dimensions":[[],["Step"]],"Metrics":[{"Name":"A","Unit":"Count"}]},
		{"Namespace":"n","Dimensions":[["Step","V"]],"Metrics":[{"Name":"B"}]}]},"Step":"s","V":"2","A":1,"B":2.5}`
	if _, err := (logLines{p, "f"}).Write([]byte(line)); err != nil || p.failed != nil {
		t.Fatal(err, p.failed)
	}
	for _, m := range []cloudwatch.Metric{metric("A", nil), metric("A", map[string]string{"Step": "s"}),
		metric("A", map[string]string{"Step": "s", "V": "2"}), metric("B", map[string]string{"Step": "s", "V": "2"}), metric("B", nil)} {
		if got := p.store.Samples(m); got != wanted[m.Key()] {
			t.Errorf("%s: %d samples, want %d", m.Key(), got, wanted[m.Key()])
		}
	}
}

func TestALineThatIsNoMetricFailsTheRehearsal(t *testing.T) {
	const directives = `{"_aws":{"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["Step"]],"Metrics":[{"Name":"A"}]}]}`
	for _, line := range []string{"{", `{}`, directives + `}`, directives + `,"Step":"s"}`, directives + `,"Step":1,"A":1}`, directives + `,"Step":"s","A":"1"}`} {
		p := open(t)
		if _, _ = (logLines{p, "f"}).Write([]byte(line)); p.failed == nil || !strings.Contains(p.failed.Error(), "the log of f") {
			t.Errorf("%s: %v", line, p.failed)
		}
	}
}

// TestLambdaCountsUnderEachSetOfDimensions.
func TestLambdaCountsUnderEachSetOfDimensions(t *testing.T) {
	p := open(t)
	f := p.functions["ReserveFlight"]
	d := &delivery{function: f, version: newer, at: p.clock.Now(), took: 5 * time.Millisecond}
	var keys []string
	for _, set := range d.dimensions() {
		keys = append(keys, strings.Join(slices.Sorted(maps.Keys(set)), " "))
	}
	if want := []string{"", "FunctionName", "FunctionName Resource", "ExecutedVersion FunctionName Resource"}; !slices.Equal(keys, want) {
		t.Errorf("sets %q, want %q", keys, want)
	}
	all := d.dimensions()
	if got := all[3]; got["Resource"] != "ReserveFlight:live" || got["ExecutedVersion"] != "2" {
		t.Errorf("of the new version: %v", got)
	}
}

// TestArrivals: what goes together is equally late, and within the bounds.
func TestArrivals(t *testing.T) {
	a := newArrivals(DefaultDelays, newRandom(1))
	minute := start
	first := a.ofCall("f", minute.Add(5*time.Second))
	if again := a.ofCall("f", minute.Add(55*time.Second)); again != first {
		t.Errorf("the same minute arrives at %s and at %s", first, again)
	}
	seen := map[time.Time]bool{}
	for i := range 100 {
		at := minute.Add(time.Duration(i) * time.Minute)
		late := a.ofCall("f", at).Sub(at.Add(time.Minute))
		if late < DefaultDelays.Lambda.From || late > DefaultDelays.Lambda.To {
			t.Errorf("Lambda's figures are %s late", late)
		}
		arrives := a.ofLine("f", at.Add(time.Second))
		late = arrives.Sub(at.Add(time.Second))
		if late < DefaultDelays.Log.From || late > DefaultDelays.Log.To || a.ofLine("f", at.Add(9*time.Second)).Sub(at.Add(9*time.Second)) != late {
			t.Errorf("a line is %s late", late)
		}
		seen[a.ofCall("f", at)] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d arrivals", len(seen))
	}
}

// told keeps what it is told.
type told struct {
	telemetry.Metrics
	last telemetry.Delivery
}

func (o *told) Delivered(_ context.Context, d telemetry.Delivery) { o.last = d }

// TestVirtualTimeIsTold in place of what the wall clock measured, to the version that served.
func TestVirtualTimeIsTold(t *testing.T) {
	var old, fresh told
	f := &function{versions: [2]*version{{name: "1", metrics: &old}, {name: "2", metrics: &fresh}}}
	d := &delivery{function: f, version: newer, took: 5 * time.Second}
	ctx := context.WithValue(t.Context(), deliveryKey{}, d)
	watch{}.Delivered(ctx, telemetry.Delivery{Step: "s", Took: time.Hour, Outcome: telemetry.Business})
	if fresh.last.Took != d.took || fresh.last.Step != "s" || d.outcome != telemetry.Business || old.last.Step != "" {
		t.Errorf("the new version tells %+v, the old one %+v", fresh.last, old.last)
	}
}
