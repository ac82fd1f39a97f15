package cloudwatch

import (
	"time"
)

// Alarm is a metric alarm. [Alarm.Check] must have accepted it before it is evaluated.
type Alarm struct {
	Name       string
	Queries    []Query
	Period     time.Duration // whole minutes
	Periods    int           // N, EvaluationPeriods
	Datapoints int           // M, DatapointsToAlarm
	Comparison Comparison
	Threshold  float64
	Missing    Treatment
}

// Query is a metric's statistic or an expression over other queries. The alarm watches the one that Returns.
type Query struct {
	ID      string
	Stat    *Stat
	Expr    *Expr
	Returns bool
}

// Comparison is a ComparisonOperator.
type Comparison string

// The comparisons with a fixed threshold.
const (
	Above   Comparison = "GreaterThanThreshold"
	AtLeast Comparison = "GreaterThanOrEqualToThreshold"
	Below   Comparison = "LessThanThreshold"
	AtMost  Comparison = "LessThanOrEqualToThreshold"
)

// Treatment is what a missing data point counts for, TreatMissingData.
type Treatment string

// The treatments.
const (
	Missing      Treatment = "missing"
	Ignore       Treatment = "ignore"
	Breaching    Treatment = "breaching"
	NotBreaching Treatment = "notBreaching"
)

// State of an alarm.
type State string

// The states.
const (
	OK               State = "OK"
	InAlarm          State = "ALARM"
	InsufficientData State = "INSUFFICIENT_DATA"
)

// spare is by how many periods the evaluation range is longer than EvaluationPeriods. Assumed: the guide's examples have
// 5 for 3, and it says that the number is not fixed.
const spare = 2

// Evaluate is the alarm's state after a look at what has arrived at the time now. before is its state until then.
func (a *Alarm) Evaluate(s *Store, now time.Time, before State) State {
	return a.state(a.points(s, now), before)
}

// points is the evaluation range; its last period is the one that ended last.
func (a *Alarm) points(s *Store, now time.Time) Series {
	n := a.Periods + spare
	last := now.Truncate(a.Period)
	w := &window{store: s, first: last.Add(-time.Duration(n) * a.Period), period: a.Period, n: n, seen: now}
	return a.query(w).series
}

// Reads lists the metrics that the alarm reads.
func (a *Alarm) Reads() (metrics []Metric) {
	for _, q := range a.Queries {
		if q.Stat != nil {
			metrics = append(metrics, q.Stat.Metric)
		}
	}
	return metrics
}
