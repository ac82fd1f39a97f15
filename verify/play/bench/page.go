package bench

import (
	"fmt"
	"html/template"
	"math"
	"runtime"
	"slices"
	"strconv"
	"time"

	"tripsaga/report"
	"tripsaga/report/chart"
)

// Page returns the result as a page for a browser. A nil result means that nothing was measured because of err.
func (r *Result) Page(err error) *report.Page {
	p := &report.Page{
		Kind: "benchmark of bookings on a durable store", Title: "Bookings a second and how long each takes", State: report.Neutral,
		Facts: []report.Fact{{Name: "Machine", Value: fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), runtime.Version())}},
	}
	if r == nil {
		p.State, p.Verdict = report.Waiting, "Nothing was measured"
		if err != nil {
			p.Partial = "The benchmark has ended early: " + err.Error() + "."
		}
		return p
	}
	p.Verdict = fmt.Sprintf("%s bookings a second; half of them take at most %s, 99 of 100 at most %s",
		report.Digits(math.Round(r.TripsPerS)), ms(percentile(r.Took, 50)), ms(percentile(r.Took, 99)))
	if p.Partial = r.Partial; p.Partial != "" {
		p.State = report.Waiting
	}
	p.Tiles = []report.Tile{
		{Value: report.Digits(math.Round(r.TripsPerS)), Label: "bookings a second"},
		{Value: ms(percentile(r.Took, 50)), Label: "median"},
		{Value: ms(percentile(r.Took, 99)), Label: "99th percentile"},
		{Value: micros(r.CPUusPerTrip), Label: "of CPU a booking"},
		{Value: report.Digits(round2(r.BytesPerTrip/1000)) + " KB", Label: "written a booking"},
		{Value: report.Digits(round2(r.DurableWaitsPerTrip)), Label: "waits for the disk a booking"},
	}
	p.Facts = append(p.Facts, report.Fact{Name: "Bookings", Value: fmt.Sprintf("%s%s, %d at once, after %s others; each from its request to its durable end",
		report.Digits(float64(r.Trips)), r.over(), r.Concurrency, report.Digits(float64(r.Preloaded)))})
	p.Sections = []report.Section{r.latencySection(), r.throughputSection(), r.figuresSection()}
	return p
}

func round2(v float64) float64 { return math.Round(v*100) / 100 }

func ms(d time.Duration) string { return report.Digits(round2(float64(d.Microseconds())/1000)) + " ms" }

func micros(us float64) string { return report.Digits(math.Round(us)) + " us" }

var percentiles = []float64{50, 75, 90, 95, 99, 99.9}

func (r *Result) latencySection() report.Section {
	bins := r.histogram()
	x := chart.Axis{Label: "milliseconds from the request to the durable end, logarithmic", Log: true}
	h := chart.Plot{Title: "How long bookings take", X: x, Y: chart.Axis{Label: "bookings"},
		Summary: "Each column is a range of the same factor.", Series: []chart.Series{{Name: "bookings", Class: "series-1", Column: true, Points: bins}}}
	for _, of := range []float64{50, 90, 99} {
		h.Marks = append(h.Marks, chart.Mark{X: millis(percentile(r.Took, of)), Label: fmt.Sprintf("p%g %s", of, ms(percentile(r.Took, of))), State: report.Neutral})
	}
	ecdf := chart.Plot{Title: "Part of the bookings that took at most so long", X: x, Y: chart.Axis{Label: "% of the bookings", Max: 100}, Height: 140,
		Series: []chart.Series{{Name: "% of the bookings", Class: "series-1", Filled: true, Points: cumulated(bins, len(r.Took))}}}
	t := report.Table{Head: []string{"percentile", "took at most"}, Numbers: true}
	for _, of := range percentiles {
		t.Rows = append(t.Rows, []report.Cell{report.Text("p" + strconv.FormatFloat(of, 'f', -1, 64)), {Text: ms(percentile(r.Took, of)), Num: true}})
	}
	t.Rows = append(t.Rows, []report.Cell{report.Text("longest"), {Text: ms(r.Took[len(r.Took)-1]), Num: true}})
	return report.Section{ID: "latency", Heading: "Latency", Blocks: []template.HTML{h.HTML(), ecdf.HTML(), t.HTML()}}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// perFactor is the number of columns of the histogram for a factor of ten.
const perFactor = 20

// histogram counts the bookings by ranges of a constant factor.
func (r *Result) histogram() []chart.Point {
	index := func(d time.Duration) int { return int(math.Floor(math.Log10(millis(d)) * perFactor)) }
	edge := func(i int) float64 { return math.Pow(10, float64(i)/perFactor) }
	first, last := index(r.Took[0]), index(r.Took[len(r.Took)-1])
	bins := make([]chart.Point, last-first+1)
	for i := range bins {
		bins[i] = chart.Point{From: edge(first + i), To: edge(first + i + 1)}
	}
	for _, d := range r.Took {
		bins[index(d)-first].Y++
	}
	return bins
}

func cumulated(bins []chart.Point, all int) []chart.Point {
	sums, sum := slices.Clone(bins), 0.0
	for i := range sums {
		sum += sums[i].Y
		sums[i].Y = 100 * sum / float64(all)
	}
	return sums
}

func (r *Result) throughputSection() report.Section {
	over := chart.Plot{Title: "Throughput over time", Summary: "Bookings that ended, by parts of the run.",
		X: chart.Axis{Label: "seconds since the measured bookings began"}, Y: chart.Axis{Label: "bookings a second"},
		Series: []chart.Series{{Name: "bookings a second", Class: "series-1", Filled: true, Points: r.rates()}}}
	s := report.Section{ID: "throughput", Heading: "Throughput", Blocks: []template.HTML{over.HTML()}}
	if r.RatioToFewWaits > 0 {
		s.Blocks = append(s.Blocks, chart.Bars{
			Title: "Against a raw log", What: "what", Unit: "bookings a second",
			Summary: "The raw log is given the same bytes in as many appends, and does nothing else: it is the limit of the disk.",
			Bars: []chart.Bar{
				{Label: "bookings", Value: r.TripsPerS, Class: "series-1"},
				{Label: "raw log, each append waits", Value: r.RawLogTripsPerS, Class: "series-2", Note: reached(r.RatioToRawLog)},
				{Label: "raw log, waits as the store does", Value: r.RawLogFewWaits, Class: "series-2", Note: reached(r.RatioToFewWaits)},
			},
		}.HTML())
	}
	return s
}

func reached(ratio float64) string {
	return "bookings reach " + report.Digits(round2(ratio)) + " of it"
}

// rates returns the bookings that ended per second in each of up to fifty equal parts of the run, with hundreds of bookings in
// each part.
func (r *Result) rates() []chart.Point {
	end := r.Ended[len(r.Ended)-1].Seconds()
	parts := make([]chart.Point, min(max(len(r.Ended)/200, 1), 50))
	length := end / float64(len(parts))
	for i := range parts {
		parts[i] = chart.Point{From: float64(i) * length, To: float64(i+1) * length}
	}
	for _, at := range r.Ended {
		parts[min(int(at.Seconds()/length), len(parts)-1)].Y += 1 / length
	}
	return parts
}

func (r *Result) figuresSection() report.Section {
	t := report.Table{Head: []string{"figure", "value", "what it is"}}
	for _, f := range r.figures() {
		t.Rows = append(t.Rows, []report.Cell{{Text: f.name, Code: true}, {Text: report.Digits(round2(f.value)), Num: true}, {Text: f.unit}})
	}
	return report.Section{ID: "figures", Heading: "All figures", Blocks: []template.HTML{t.HTML()}}
}
