package cloudwatch

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Point is the value of a period, or that it is missing.
type Point struct {
	Value   float64
	Present bool
}

// Series are periods one after the other, the oldest first.
type Series []Point

// Stat is a statistic of a metric.
type Stat struct {
	Metric    Metric
	Statistic Statistic
}

// Statistic sums up the samples of a period; the zero value is none.
type Statistic struct {
	name       string
	percentile float64 // of pNN, else 0
}

// ParseStatistic takes Sum, Average, Minimum, Maximum, SampleCount and pNN.
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

// over is missing when there are no values: CloudWatch stores nothing for a period in which nothing was put.
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

// rank is the nearest rank. Assumed: CloudWatch does not publish how it interpolates, which few samples would show.
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
