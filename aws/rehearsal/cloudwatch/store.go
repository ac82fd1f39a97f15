package cloudwatch

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Metric names a series. Each set of dimensions is a separate metric: CloudWatch does not sum over dimensions left out.
type Metric struct {
	Namespace, Name string
	Dimensions      map[string]string
}

// Key returns the metric's identity as a text.
func (m Metric) Key() string {
	pairs := make([]string, 0, len(m.Dimensions))
	for name, value := range m.Dimensions {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return m.Namespace + " " + m.Name + " {" + strings.Join(pairs, ", ") + "}"
}

// Store holds the samples of the watched metrics and drops all others. It is not safe for concurrent use.
type Store struct {
	series map[string]map[int64][]sample // by key and minute
	names  map[name]bool                 // of the watched ones, since keys take time
}

type name struct{ namespace, name string }

type sample struct {
	arrived time.Time
	value   float64
}

// Watch makes the store keep samples of the metric from now on.
func (s *Store) Watch(m Metric) {
	if s.series == nil {
		s.series, s.names = map[string]map[int64][]sample{}, map[name]bool{}
	}
	s.names[name{m.Namespace, m.Name}] = true
	if key := m.Key(); s.series[key] == nil {
		s.series[key] = map[int64][]sample{}
	}
}

// Put adds a sample that counts for the minute of at and is visible from the time arrives on.
func (s *Store) Put(m Metric, at, arrives time.Time, value float64) {
	if !s.names[name{m.Namespace, m.Name}] {
		return
	}
	if series := s.series[m.Key()]; series != nil {
		minute := at.Unix() / 60
		series[minute] = append(series[minute], sample{arrives, value})
	}
}

// Samples returns the number of samples of a metric.
func (s *Store) Samples(m Metric) (n int) {
	for _, minute := range s.series[m.Key()] {
		n += len(minute)
	}
	return n
}

// window is n consecutive periods as they are visible at a time.
type window struct {
	store  *Store
	first  time.Time // begin of the oldest period
	period time.Duration
	n      int
	seen   time.Time
}

// series returns the statistic over each period. A period without a sample is missing.
func (w *window) series(s Stat) Series {
	points := make(Series, w.n)
	samples := w.store.series[s.Metric.Key()]
	minutes := int64(w.period / time.Minute)
	for i := range points {
		first := w.first.Unix()/60 + int64(i)*minutes
		points[i] = s.Statistic.over(w.values(samples, first, first+minutes))
	}
	return points
}

func (w *window) values(samples map[int64][]sample, from, to int64) (values []float64) {
	for minute := from; minute < to; minute++ {
		for _, x := range samples[minute] {
			if !x.arrived.After(w.seen) {
				values = append(values, x.value)
			}
		}
	}
	return values
}

// Point is the value of a period, which may be missing.
type Point struct {
	Value   float64
	Present bool
}

// Series has consecutive periods, the oldest first.
type Series []Point

// Stat is a statistic of a metric.
type Stat struct {
	Metric    Metric
	Statistic Statistic
}

// Statistic aggregates the samples of a period. The zero value is invalid.
type Statistic struct {
	name       string
	percentile float64 // of pNN, else 0
}

// ParseStatistic accepts Sum, Average, Minimum, Maximum, SampleCount and pNN.
func ParseStatistic(name string) (Statistic, error) {
	switch name {
	case "Sum", "Average", "Minimum", "Maximum", "SampleCount":
		return Statistic{name: name}, nil
	}
	if digits, ok := strings.CutPrefix(name, "p"); ok {
		if p, err := strconv.ParseFloat(digits, 64); err == nil && p > 0 && p <= 100 {
			return Statistic{name: name, percentile: p}, nil
		}
	}
	return Statistic{}, fmt.Errorf("statistic %q: known are Sum, Average, Minimum, Maximum, SampleCount and pNN", name)
}

func (s Statistic) String() string { return s.name }

// over returns a missing point if there are no values: CloudWatch stores nothing for a period without samples.
func (s Statistic) over(values []float64) Point {
	if len(values) == 0 {
		return Point{}
	}
	return Point{s.of(values), true}
}

func (s Statistic) of(values []float64) float64 {
	switch s.name {
	case "Sum":
		return sum(values)
	case "Average":
		return sum(values) / float64(len(values))
	case "Minimum":
		return slices.Min(values)
	case "Maximum":
		return slices.Max(values)
	case "SampleCount":
		return float64(len(values))
	}
	return s.rank(values)
}

// rank returns the nearest rank. Assumed: CloudWatch does not publish how it interpolates.
func (s Statistic) rank(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(int(math.Ceil(s.percentile/100*float64(len(sorted))))-1, 0)]
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}
