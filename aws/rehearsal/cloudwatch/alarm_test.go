package cloudwatch

import (
	"strings"
	"testing"
	"time"
)

// retained represents the state before.
const retained State = "the state before"

// TestTheGuidesTables are the two tables of alarms-and-missing-data.html: 0 is within the threshold, X breaches it, - is
// missing; the evaluation range is 5 periods.
func TestTheGuidesTables(t *testing.T) {
	for _, row := range []struct {
		datapoints                               int
		points                                   string
		missing, ignore, breaching, notBreaching State
	}{
		{3, "0 - X - X", OK, OK, OK, OK},
		{3, "0 - - - -", OK, OK, OK, OK},
		{3, "- - - - -", InsufficientData, retained, InAlarm, OK},
		{3, "0 X X - X", InAlarm, InAlarm, InAlarm, InAlarm},
		{3, "- - X - -", InAlarm, retained, InAlarm, OK},
		{2, "0 - X - X", InAlarm, InAlarm, InAlarm, InAlarm},
		{2, "0 0 X 0 X", InAlarm, InAlarm, InAlarm, InAlarm},
		{2, "0 - X - -", OK, OK, InAlarm, OK},
		{2, "- - - - 0", OK, OK, InAlarm, OK},
		{2, "- - - X -", InAlarm, retained, InAlarm, OK},
		// Not in the tables: one point that breaches and is not old enough decides nothing; two do.
		{2, "- - - - X", InsufficientData, retained, InAlarm, OK},
		{2, "- - - X X", InAlarm, InAlarm, InAlarm, InAlarm},
	} {
		for treatment, want := range map[Treatment]State{
			Missing: row.missing, Ignore: row.ignore, Breaching: row.breaching, NotBreaching: row.notBreaching,
		} {
			a := Alarm{Periods: 3, Datapoints: row.datapoints, Missing: treatment, Comparison: Above, Threshold: 0.5}
			if got := a.state(drawn(row.points), retained); got != want {
				t.Errorf("%d of 3, %s, %s: %s, want %s", row.datapoints, row.points, treatment, got, want)
			}
		}
	}
}

func drawn(picture string) (points Series) {
	for _, c := range strings.Fields(picture) {
		switch c {
		case "-":
			points = append(points, Point{})
		case "X":
			points = append(points, Point{1, true})
		default:
			points = append(points, Point{0, true})
		}
	}
	return points
}

func TestComparisons(t *testing.T) {
	for comparison, want := range map[Comparison]string{Above: "..X", AtLeast: ".XX", Below: "X..", AtMost: "XX."} {
		a, got := Alarm{Comparison: comparison, Threshold: 5}, ""
		for _, v := range []float64{4, 5, 6} {
			if a.breached(v) {
				got += "X"
			} else {
				got += "."
			}
		}
		if got != want {
			t.Errorf("%s 5: 4, 5, 6 give %s, want %s", comparison, got, want)
		}
	}
}

var noon = time.Date(2027, 2, 1, 12, 0, 0, 0, time.UTC)

// TestAnAlarmSeesWhatHasArrived looks at a minute whose errors are there and whose business errors come later.
func TestAnAlarmSeesWhatHasArrived(t *testing.T) {
	errors, business := Metric{Namespace: "n", Name: "Errors"}, Metric{Namespace: "n", Name: "Business"}
	sum := Statistic{name: "Sum"}
	for _, x := range []struct {
		datapoints, periods int
		want                string // a letter for each look: A alarm, O ok
	}{
		{1, 1, "OAOO"}, {2, 3, "OOOO"},
	} {
		a := Alarm{Period: time.Minute, Periods: x.periods, Datapoints: x.datapoints, Comparison: AtLeast, Threshold: 5,
			Missing: NotBreaching, Queries: []Query{
				{ID: "e", Stat: &Stat{errors, sum}}, {ID: "b", Stat: &Stat{business, sum}},
				{ID: "f", Expr: parsed(t, "e - FILL(b, 0)"), Returns: true},
			}}
		if err := a.Check(); err != nil {
			t.Fatal(err)
		}
		var s Store
		for _, m := range a.Reads() {
			s.Watch(m)
		}
		s.Put(errors, noon.Add(30*time.Second), noon.Add(70*time.Second), 9)
		s.Put(business, noon.Add(30*time.Second), noon.Add(100*time.Second), 9)
		got, state := "", OK
		for _, at := range []int{65, 75, 105, 165} {
			state = a.Evaluate(&s, noon.Add(time.Duration(at)*time.Second), state)
			got += string(state[:1])
		}
		if got != x.want {
			t.Errorf("%d of %d: %s, want %s", x.datapoints, x.periods, got, x.want)
		}
	}
}

func TestThePeriodUnderWayIsNotLookedAt(t *testing.T) {
	m := Metric{Namespace: "n", Name: "m", Dimensions: map[string]string{"a": "b"}}
	a := Alarm{Period: time.Minute, Periods: 1, Datapoints: 1, Comparison: Above, Missing: NotBreaching,
		Queries: []Query{{ID: "m", Stat: &Stat{m, Statistic{name: "Sum"}}, Returns: true}}}
	var s Store
	s.Watch(m)
	s.Put(m, noon.Add(5*time.Second), noon, 1)
	s.Put(Metric{Namespace: "n", Name: "m"}, noon.Add(-time.Second), noon, 1) // other dimensions, another metric
	if got := a.Evaluate(&s, noon.Add(59*time.Second), OK); got != OK {
		t.Errorf("within the minute: %s", got)
	}
	if got := a.Evaluate(&s, noon.Add(60*time.Second), OK); got != InAlarm {
		t.Errorf("after the minute: %s", got)
	}
}

func TestStatistics(t *testing.T) {
	var values []float64
	for i := range 10 {
		values = append(values, float64(10-i))
	}
	for name, want := range map[string]float64{
		"Sum": 55, "Average": 5.5, "Minimum": 1, "Maximum": 10, "SampleCount": 10, "p90": 9, "p100": 10, "p99.9": 10, "p5": 1,
	} {
		s, err := ParseStatistic(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.over(values); got != (Point{want, true}) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if got := s.over(nil); got.Present {
			t.Errorf("%s of nothing: %v", name, got)
		}
	}
	for _, name := range []string{"", "sum", "p", "p0", "p101", "tm90", "IQM"} {
		if _, err := ParseStatistic(name); err == nil {
			t.Errorf("statistic %q is taken", name)
		}
	}
}

// TestHowLongAnAlarmMayLook keeps to CloudWatch's own limits: a day, and a week for periods from an hour.
func TestHowLongAnAlarmMayLook(t *testing.T) {
	for _, x := range []struct {
		period  time.Duration
		periods int
		ok      bool
	}{
		{time.Minute, 1440, true}, {time.Minute, 1441, false}, {59 * time.Minute, 24, true}, {59 * time.Minute, 25, false},
		{time.Hour, 168, true}, {time.Hour, 169, false}, {24 * time.Hour, 7, true}, {8 * 24 * time.Hour, 1, false},
		{time.Minute, 1_000_000_000, false},
	} {
		a := Alarm{Period: x.period, Periods: x.periods, Datapoints: 1,
			Queries: []Query{{ID: "m", Stat: &Stat{Metric{Namespace: "n", Name: "m"}, Statistic{name: "Sum"}}, Returns: true}}}
		if err := a.Check(); (err == nil) != x.ok {
			t.Errorf("%d periods of %s: %v", x.periods, x.period, err)
		}
	}
}
