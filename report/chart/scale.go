package chart

import (
	"math"

	"tripsaga/report"
)

// Axis is one of the two of a plot. Zero values of Min and Max are taken from the data.
type Axis struct {
	Label    string
	Log      bool // each step is a factor; all values must be above 0
	Min, Max float64
	Format   func(float64) string // of a tick; nil is report.Digits
}

func (a *Axis) format(v float64) string {
	if a.Format != nil {
		return a.Format(v)
	}
	return report.Digits(v)
}

// scale maps the values of an axis to coordinates.
type scale struct {
	min, max float64
	from, to float64 // the coordinates of min and max
	log      bool
}

func (s scale) at(v float64) float64 {
	lo, hi := s.min, s.max
	if s.log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(v)
	}
	if hi == lo {
		return s.from
	}
	share := min(max((v-lo)/(hi-lo), 0), 1)
	return s.from + share*(s.to-s.from)
}

// ticks returns about n round values between min and max.
func (s scale) ticks(n int) (at []float64) {
	if s.log {
		return logTicks(s.min, s.max)
	}
	step := round((s.max - s.min) / float64(n))
	for i := math.Ceil(s.min/step - 1e-9); i*step <= s.max+step*1e-9; i++ {
		at = append(at, i*step+0) // no negative zero
	}
	return at
}

// logTicks are 1, 2 and 5 and their multiples of ten, or only the powers of ten of a long range.
func logTicks(lo, hi float64) (at []float64) {
	digits := []float64{1, 2, 5}
	if hi/lo > 1e5 {
		digits = digits[:1]
	}
	for power := math.Floor(math.Log10(lo)); power <= math.Log10(hi); power++ {
		for _, d := range digits {
			if v := d * math.Pow(10, power); v >= lo*(1-1e-9) && v <= hi*(1+1e-9) {
				at = append(at, v)
			}
		}
	}
	return at
}

// round returns the least of 1, 2, 5, 10, ... times a power of ten that is not below v.
func round(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, d := range []float64{1, 2, 5} {
		if d*power >= v*(1-1e-9) {
			return d * power
		}
	}
	return 10 * power
}

// ceiling is a round value at or above v, so that the highest tick is the top of the chart.
func ceiling(v float64, n int) float64 {
	if v <= 0 {
		return 1
	}
	step := round(v / float64(n))
	return math.Ceil(v/step-1e-9) * step
}
