package cloudwatch

import (
	"slices"
	"strings"
	"time"
)

// Metric names a series. Each set of dimensions is a metric of its own: there is no summing up over those that are left out.
type Metric struct {
	Namespace, Name string
	Dimensions      map[string]string
}

// Key is the metric's identity as a text.
func (m Metric) Key() string {
	pairs := make([]string, 0, len(m.Dimensions))
	for name, value := range m.Dimensions {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return m.Namespace + " " + m.Name + " {" + strings.Join(pairs, ", ") + "}"
}

// Store holds the samples of the metrics that are watched; it drops all others, which nobody could ask for. It is not
// safe for concurrent use.
type Store struct {
	series map[string]map[int64][]sample // by key and minute
	names  map[name]bool                 // of the watched ones, since keys take time
}

type name struct{ namespace, name string }

type sample struct {
	arrived time.Time
	value   float64
}

// Watch keeps what is put of the metric from now on.
func (s *Store) Watch(m Metric) {
	if s.series == nil {
		s.series, s.names = map[string]map[int64][]sample{}, map[name]bool{}
	}
	s.names[name{m.Namespace, m.Name}] = true
	if key := m.Key(); s.series[key] == nil {
		s.series[key] = map[int64][]sample{}
	}
}

// Put adds a sample that counts for the minute of at, and that nobody sees before it has arrived.
func (s *Store) Put(m Metric, at, arrives time.Time, value float64) {
	if !s.names[name{m.Namespace, m.Name}] {
		return
	}
	if series := s.series[m.Key()]; series != nil {
		minute := at.Unix() / 60
		series[minute] = append(series[minute], sample{arrives, value})
	}
}

// Samples counts what has been put of a metric.
func (s *Store) Samples(m Metric) (n int) {
	for _, minute := range s.series[m.Key()] {
		n += len(minute)
	}
	return n
}

// window is n periods one after the other, as they are seen at a moment.
type window struct {
	store  *Store
	first  time.Time // begin of the oldest period
	period time.Duration
	n      int
	seen   time.Time
}

// series is the statistic over each period; a period without a sample is missing.
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
