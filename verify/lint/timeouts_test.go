package lint

import (
	"math"
	"slices"
	"testing"
	"time"

	"tripsaga/asl"
)

func TestDelaysAreTheSumOfTheWaits(t *testing.T) {
	for _, r := range []asl.RetryInfo{
		{MaxAttempts: 0, Interval: time.Second, BackoffRate: 2},
		{MaxAttempts: 3, Interval: time.Second, BackoffRate: 2},
		{MaxAttempts: 7, Interval: 3 * time.Second, BackoffRate: 1},
		{MaxAttempts: 7, Interval: 3 * time.Second, BackoffRate: 1, MaxDelay: 4 * time.Second},
		{MaxAttempts: 100, Interval: time.Second, BackoffRate: 2, MaxDelay: 900 * time.Second},
		{MaxAttempts: 4, Interval: time.Second, BackoffRate: 2, MaxDelay: 8 * time.Second},
		{MaxAttempts: 9, Interval: 2 * time.Second, BackoffRate: 1.5, MaxDelay: 1000 * time.Second},
		{MaxAttempts: 50, Interval: time.Second, BackoffRate: 1e9, MaxDelay: 5 * time.Second},
	} {
		want := 0.0
		for n := range r.MaxAttempts {
			wait := r.Interval.Seconds() * math.Pow(r.BackoffRate, float64(n))
			if r.MaxDelay > 0 {
				wait = min(wait, r.MaxDelay.Seconds())
			}
			want += wait
		}
		if got := delays(r); math.Abs(got-want) > 1e-6*want {
			t.Errorf("%+v: %g s, want %g", r, got, want)
		}
	}
}

// TestTheMachineOutlastsItsLongestPath: 61 s are not enough for a path of 61 s.
func TestTheMachineOutlastsItsLongestPath(t *testing.T) {
	const task = `{"Type":"Task","Resource":"Look","TimeoutSeconds":5,"Next":"Fork",
		"Retry":[{"ErrorEquals":["Odd"],"MaxAttempts":0},{"ErrorEquals":["States.ALL"],"MaxAttempts":2}]}` // 3*5 + 1+2
	const fork = `{"Type":"Parallel","Next":"Which","Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":1}],"Branches":[
		{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":10,"Next":"B"},"B":{"Type":"Wait","Seconds":6,"End":true}}},
		{"StartAt":"C","States":{"C":{"Type":"Wait","Seconds":11,"End":true}}}]}` // 2*16 + 1
	const which = `{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"Ten"}],"Default":"Over"}`
	const frame = `{"StartAt":"Look","States":{"Over":{"Type":"Succeed"},"Ten":{"Type":"Wait","Seconds":10,"Next":"Over"}}}`
	common := []edit{set("Look", task), set("Fork", fork), set("Which", which)}
	for _, c := range []struct {
		name    string
		seconds int
		edits   []edit
		found   bool
	}{
		{"long enough", 62, nil, false},
		{"not long enough", 61, nil, true},
		{"a loop", 99999999, []edit{set("Ten/Next", `"Look"`)}, true},
		{"a time-out in the input", 99999999, []edit{drop("Look/TimeoutSeconds"), set("Look/TimeoutSecondsPath", `"$.t"`)}, true},
		{"a wait in the input", 99999999, []edit{drop("Ten/Seconds"), set("Ten/SecondsPath", `"$.t"`)}, true},
		{"a list", 99999999, []edit{set("Ten", `{"Type":"Map","Next":"Over","Iterator":{"StartAt":"I","States":{"I":{"Type":"Succeed"}}}}`)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			definition := edited(t, []byte(frame), append(append(slices.Clone(common), machine("TimeoutSeconds", c.seconds)), c.edits...)...)
			got := found(t, definition, Options{Undo: map[string]string{"Look": ""}})
			if slices.Contains(got, "machine-timeout $.TimeoutSeconds") != c.found {
				t.Errorf("found %v, want machine-timeout: %v", got, c.found)
			}
		})
	}
}
