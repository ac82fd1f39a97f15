package chart

import (
	"fmt"
	"html/template"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tripsaga/report"
	"tripsaga/report/reporttest"
)

func check(t testing.TB, charts ...template.HTML) *reporttest.Page {
	t.Helper()
	return reporttest.Check(t, &report.Page{Title: "charts", Sections: []report.Section{{ID: "charts", Blocks: charts}}})
}

// TestTicksAreRound: they are within the axis, some and not too many, and multiples of 1, 2 or 5 times a power of ten.
func TestTicksAreRound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Float64Range(-1e6, 1e6).Draw(t, "from")
		s := scale{min: from, max: from + rapid.Float64Range(1e-3, 1e9).Draw(t, "length")}
		const n = 10
		at := s.ticks(n)
		if len(at) < n/5 || len(at) > n+1 {
			t.Fatalf("%d ticks: %v", len(at), at)
		}
		step := round((s.max - s.min) / n)
		digit := step / math.Pow(10, math.Floor(math.Log10(step)+1e-9))
		if math.Abs(digit-1) > 1e-6 && math.Abs(digit-2) > 1e-6 && math.Abs(digit-5) > 1e-6 {
			t.Fatalf("the step is %v", step)
		}
		for _, v := range at {
			if off := math.Abs(v/step - math.Round(v/step)); v < s.min-step*1e-6 || v > s.max+step*1e-6 || off > 1e-6 {
				t.Fatalf("%v is not round, or outside of the axis: %v", v, at)
			}
		}
	})
}

func TestTicksOfALogarithm(t *testing.T) {
	s := scale{min: 3, max: 250, log: true}
	if got, want := fmt.Sprint(s.ticks(10)), "[5 10 20 50 100 200]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := s.ticks(10); math.Abs(scale{3, 300, 0, 100, true}.at(30)-50) > 1e-9 {
		t.Errorf("the middle of a factor of 100 is a factor of 10; %v", got)
	}
}

// heights reads the heights of the columns of a class, in order.
func heights(t *testing.T, chart template.HTML, class string) (all []float64) {
	t.Helper()
	for _, m := range regexp.MustCompile(`class="column `+class+`"[^>]* height="([0-9.]+)"`).FindAllStringSubmatch(string(chart), -1) {
		h, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	return all
}

// TestPlot: the table has the values, and the columns are as high as these say, on top of each other.
func TestPlot(t *testing.T) {
	points := func(values ...float64) (all []Point) {
		for i, v := range values {
			all = append(all, Point{float64(i), float64(i + 1), v})
		}
		return all
	}
	p := Plot{
		Title: "of <columns>", X: Axis{Label: "minutes"}, Y: Axis{Label: "calls"}, Stacked: true, Series: []Series{
			{Name: "good", Class: "series-1", Column: true, Points: points(40, 10, 0)},
			{Name: "bad", Class: "bad", Column: true, Points: points(20, 0, 1000.0/3)},
		},
		Marks: []Mark{{X: 1, Label: "one"}, {X: 1, Label: "one too"}, {X: 3, Label: "three"}},
	}
	html := p.HTML()
	want := [][]string{{"minutes", "good", "bad"}, {"0 to 1", "40", "20"}, {"1 to 2", "10", "0"}, {"2 to 3", "0", "333"}}
	if got := check(t, html).Figure(p.Title); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	const unit = usualHeight / 400.0 // the highest tick
	for class, want := range map[string][]float64{"series-1": {40 * unit, 10 * unit}, "bad": {20 * unit, 1000.0 / 3 * unit}} {
		got := heights(t, html, class)
		for i := range want {
			if len(got) != len(want) || math.Abs(got[i]-want[i]) > 0.05 {
				t.Fatalf("columns of %s: %v, want %v", class, got, want)
			}
		}
	}
	p.scaleX()
	if rows, n := p.rowOf(); n != 2 || !reflect.DeepEqual(rows, []int{0, 1, 0}) {
		t.Errorf("labels that would touch are in the rows %v", rows)
	}
	if empty := (Plot{Title: "empty", Series: []Series{{Name: "none"}}}).HTML(); strings.Contains(string(empty), "Inf") || strings.Contains(string(empty), "NaN") {
		t.Errorf("without data: %s", empty)
	}
}

// TestMarksDoNotTouch: a label that would leave the figure ends at its mark, and makes room for those before it.
func TestMarksDoNotTouch(t *testing.T) {
	p := Plot{X: Axis{Min: 1, Max: 100}, Marks: []Mark{{X: 2, Label: "p1"}, {X: 86, Label: "p90 86.4 ms"}, {X: 100, Label: "p99 100.3 milliseconds"}}}
	if rows, n := p.rowOf(); n != 2 || !slices.Equal(rows, []int{0, 0, 1}) {
		t.Errorf("the labels are in the rows %v of %d", rows, n)
	}
}

func TestBars(t *testing.T) {
	b := Bars{Title: "bars", What: "what", Unit: "a second", Bars: []Bar{{Label: "a", Value: 50}, {Label: "b", Value: 1000, Note: "much"}, {Label: "c"}}}
	html := b.HTML()
	want := [][]string{{"what", "a second"}, {"a", "50"}, {"b", "1,000"}, {"c", "0"}}
	if got := check(t, html).Figure("bars"); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	widths := regexp.MustCompile(`width="([0-9.]+)"`).FindAllStringSubmatch(string(html), -1)
	a, _ := strconv.ParseFloat(widths[0][1], 64)
	if b, _ := strconv.ParseFloat(widths[1][1], 64); math.Abs(20*a-b) > 1.1 || a == 0 {
		t.Errorf("the widths %v and %v are not as 50 to 1,000", a, b)
	}
	check(t, Bars{Title: "none"}.HTML())
}

func TestGrid(t *testing.T) {
	g := Grid{Title: "grid", Corner: "step", Rows: []string{"A", "B"}, Columns: []string{"fail", "lost"}, Cells: map[[2]string]Count{
		{"A", "fail"}: {N: 1}, {"A", "lost"}: {N: 1500}, {"B", "lost"}: {N: 3, Bad: 2, Link: "charts"},
	}}
	html := g.HTML()
	want := [][]string{{"step", "fail", "lost", "all"}, {"A", "1", "1,500", "1,501"}, {"B", "", "3 ✕", "3"}, {"all", "1", "1,503", "1,504"}}
	if got := check(t, html).Figure("grid"); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, part := range []string{`class="heat-1">1<`, `class="heat-4">1,500<`, `<a href="#charts" title="2 of 3">`} {
		if !strings.Contains(string(html), part) {
			t.Errorf("there is no %s in %s", part, html)
		}
	}
}

func TestTimeline(t *testing.T) {
	l := Timeline{Title: "when", X: Axis{Label: "seconds"}, Lanes: []Lane{
		{Label: "A", Spans: []Span{{0, 0, report.OK, false, "done"}}},
		{Label: "B", Spans: []Span{{0, 30, report.Bad, false, "Timeout"}, {30, 31.5, "", true, "waits"}, {31.5, 50, report.OK, false, "done"}}},
	}}
	want := [][]string{{"what", "from", "to", "how it ended"}, {"A", "0", "0", "done"}, {"B", "0", "30", "Timeout"}, {"B", "30", "31.5", "waits"}, {"B", "31.5", "50", "done"}}
	if got := check(t, l.HTML()).Figure("when"); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if !strings.Contains(string(l.HTML()), `width="3" height="16"`) {
		t.Error("a span without length is not seen")
	}
}

func TestRoute(t *testing.T) {
	r := Route{Title: "way", Stops: []Stop{
		{"A", "done", report.OK, 0, 1}, {"B", "<refused> by something long", report.Bad, 0, 2}, {"undo A", "compensated", report.Neutral, 1, 1}, {"end", "recorded", report.Neutral, 1, 0},
	}}
	html := string(r.HTML())
	check(t, r.HTML())
	for _, part := range []string{`aria-label="way. A: done, B: &lt;refused&gt; by something long, undo A: compensated, end: recorded"`, "✕ &lt;refused&gt; by somethi…"} {
		if !strings.Contains(html, part) {
			t.Errorf("there is no %s in %s", part, html)
		}
	}
	if n := strings.Count(html, `class="head"`); n != 3 {
		t.Errorf("%d arrows", n)
	}
}
