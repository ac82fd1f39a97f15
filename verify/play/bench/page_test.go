package bench

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tripsaga/report"
	"tripsaga/report/reporttest"
)

// measured has a thousand bookings, of 1 to 1,000 ms, which end one a millisecond.
func measured() *Result {
	r := &Result{Trips: 1000, Seconds: 1, TripsPerS: 1000, CPUusPerTrip: 700.4, RawLogTripsPerS: 4000, RatioToRawLog: 0.25, RawLogFewWaits: 8000, RatioToFewWaits: 0.125}
	for i := range 1000 {
		r.Took = append(r.Took, time.Duration(i+1)*time.Millisecond)
		r.Ended = append(r.Ended, time.Duration(i+1)*time.Millisecond)
	}
	return r
}

// sum adds up a column of a table.
func sum(t *testing.T, rows [][]string, column int) (sum float64) {
	t.Helper()
	for _, row := range rows[1:] {
		v, err := strconv.ParseFloat(strings.ReplaceAll(row[column], ",", ""), 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum
}

func TestPage(t *testing.T) {
	r := measured()
	p := reporttest.Check(t, r.Page(nil))
	if state, verdict := p.Verdict(); state != report.Neutral || verdict != "1,000 bookings a second; half of them take at most 501 ms, 99 of 100 at most 991 ms" {
		t.Errorf("the verdict is %s: %s", state, verdict)
	}
	histogram := p.Figure("How long bookings take")
	if n := sum(t, histogram, 1); n != 1000 || len(histogram) != 3*perFactor+2 {
		t.Errorf("the histogram has %v bookings in %d ranges", n, len(histogram)-1)
	}
	if all := p.Figure("Part of the bookings that took at most so long"); all[len(all)-1][1] != "100" {
		t.Errorf("the last part is %q", all[len(all)-1])
	}
	if got := p.Section("latency"); !slices.Equal(got[1], []string{"p50", "501 ms"}) || !slices.Equal(got[len(got)-1], []string{"longest", "1,000 ms"}) {
		t.Errorf("%q", got)
	}
	rates := p.Figure("Throughput over time")
	if n := sum(t, rates, 1) / float64(len(rates)-1); n < 999 || n > 1001 || len(rates) != 6 {
		t.Errorf("%v bookings a second in %d parts", n, len(rates)-1)
	}
	want := [][]string{{"what", "bookings a second"}, {"bookings", "1,000"}, {"raw log, each append waits", "4,000"}, {"raw log, waits as the store does", "8,000"}}
	if got := p.Figure("Against a raw log"); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := p.Section("figures"); len(got) != len(r.figures())+1 || got[6][1] != "700" {
		t.Errorf("%q", got)
	}
}

// TestAnInterruptKeepsWhatWasMeasured while bookings are under way.
func TestAnInterruptKeepsWhatWasMeasured(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := Bench{Dir: t.TempDir(), Trips: 200, Concurrency: 1}
	b.Progress = func(phase string, n int) (step, done func()) {
		left := 20
		return func() {
			if left--; phase == "bookings" && left <= 0 {
				cancel()
			}
		}, func() {}
	}
	r, err := b.Run(ctx)
	if !errors.Is(err, context.Canceled) || r == nil || r.Trips != 20 || len(r.Took) != 20 || r.Took[0] <= 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	p := reporttest.Check(t, r.Page(err))
	if state, _ := p.Verdict(); state != report.Waiting || !strings.Contains(p.Text(), "context canceled") || strings.Contains(p.Text(), "Against a raw log") {
		t.Errorf("the verdict is %s", state)
	}
	nothing := reporttest.Check(t, (*Result)(nil).Page(err))
	if state, verdict := nothing.Verdict(); state != report.Waiting || verdict != "Nothing was measured" {
		t.Errorf("the verdict is %s: %s", state, verdict)
	}
}
