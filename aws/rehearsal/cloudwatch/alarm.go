// Package cloudwatch models the part of Amazon CloudWatch that decides a roll-out: series of samples that arrive late,
// statistics over periods, metric math and alarms. Package rehearsal puts samples and evaluates alarms, in virtual time.
//
// Its rules are those of the user guide, https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ : the pages
// using-metric-math.html (math), alarm-evaluation.html and alarms-and-missing-data.html (alarms). A comment says "assumed"
// where the guide leaves something open.
package cloudwatch

import (
	"fmt"
	"time"
)

// Alarm is a metric alarm. Evaluate it only after [Alarm.Check] has accepted it.
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

// Treatment is how a missing data point counts, TreatMissingData.
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

// spare is the number of periods by which the evaluation range is longer than EvaluationPeriods. Assumed: the guide's
// examples have 5 for 3, and it says that the number is not fixed.
const spare = 2

// Evaluate returns the alarm's state by the samples that have arrived at the time now. before is its state until then.
func (a *Alarm) Evaluate(s *Store, now time.Time, before State) State {
	return a.state(a.points(s, now), before)
}

// points returns the evaluation range. Its last period is the one that ended last.
func (a *Alarm) points(s *Store, now time.Time) Series {
	n := a.Periods + spare
	last := now.Truncate(a.Period)
	w := &window{store: s, first: last.Add(-time.Duration(n) * a.Period), period: a.Period, n: n, seen: now}
	return a.query(w).series
}

// Reads returns the metrics that the alarm reads.
func (a *Alarm) Reads() (metrics []Metric) {
	for _, q := range a.Queries {
		if q.Stat != nil {
			metrics = append(metrics, q.Stat.Metric)
		}
	}
	return metrics
}

// maxMetrics is the number of metrics that an alarm may read, "Alarms on math expressions".
const maxMetrics = 10

// Check returns an error that says why the alarm cannot be evaluated; nil if it can.
func (a *Alarm) Check() error {
	switch {
	case a.Period < time.Minute || a.Period%time.Minute != 0:
		return fmt.Errorf("period %s: supported are whole minutes", a.Period)
	case a.Periods < 1 || a.Datapoints < 1 || a.Datapoints > a.Periods:
		return fmt.Errorf("%d of %d data points: want 1 <= DatapointsToAlarm <= EvaluationPeriods", a.Datapoints, a.Periods)
	case a.Periods > int(a.longest()/a.Period):
		return fmt.Errorf("%d periods of %s: together they can be no longer than %s", a.Periods, a.Period, a.longest())
	case len(a.Reads()) > maxMetrics:
		return fmt.Errorf("%d metrics, an alarm takes %d", len(a.Reads()), maxMetrics)
	}
	returned, err := a.returned()
	if err != nil {
		return err
	}
	if err := a.follow(returned, nil); err != nil {
		return err
	}
	probe := &window{store: &Store{}, n: 1, period: a.Period}
	if a.query(probe).series == nil {
		return fmt.Errorf("the query %s is a number, want a series", returned.ID)
	}
	return nil
}

// longest is the limit of all periods together.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html, EvaluationPeriods and Period
func (a *Alarm) longest() time.Duration {
	if a.Period < time.Hour {
		return 24 * time.Hour
	}
	return 7 * 24 * time.Hour
}

func (a *Alarm) returned() (*Query, error) {
	var found *Query
	for i := range a.Queries {
		q := &a.Queries[i]
		if q.Returns && found != nil {
			return nil, fmt.Errorf("the queries %s and %s both return data, want one", found.ID, q.ID)
		}
		if q.Returns {
			found = q
		}
	}
	if found == nil {
		return nil, fmt.Errorf("no query returns data, want one")
	}
	return found, nil
}

// follow walks the queries that q refers to. path has the ids on the way.
func (a *Alarm) follow(q *Query, path []string) error {
	if q.Expr == nil {
		return nil
	}
	for _, before := range path {
		if before == q.ID {
			return fmt.Errorf("the query %s leads to itself", q.ID)
		}
	}
	for _, id := range q.Expr.ids {
		next := a.byID(id)
		if next == nil {
			return fmt.Errorf("expression %q: there is no query %s", q.Expr, id)
		}
		if err := a.follow(next, append(path, q.ID)); err != nil {
			return err
		}
	}
	return nil
}

func (a *Alarm) byID(id string) *Query {
	for i := range a.Queries {
		if a.Queries[i].ID == id {
			return &a.Queries[i]
		}
	}
	return nil
}

// query evaluates the query that is returned, and those that it refers to.
func (a *Alarm) query(w *window) value {
	e := &env{n: w.n}
	e.value = func(id string) value { return a.byID(id).eval(w, e) }
	q, _ := a.returned() // Check has seen that there is one
	return q.eval(w, e)
}

func (q *Query) eval(w *window, e *env) value {
	if q.Stat != nil {
		return value{series: w.series(*q.Stat)}
	}
	return e.eval(q.Expr.root)
}

// state follows alarms-and-missing-data.html, "How alarm state is evaluated when data is missing". If the range has N real
// points, the N latest of them decide, however old they are, and the treatment of missing data does not matter. With fewer
// points, the treatment fills in the missing ones.
func (a *Alarm) state(points Series, before State) State {
	real := present(points)
	if len(real) >= a.Periods {
		return a.decide(a.breaches(real[len(real)-a.Periods:]))
	}
	breaching, filled := a.breaches(real), a.Periods-len(real)
	switch a.Missing {
	case Breaching:
		return a.decide(breaching + filled)
	case NotBreaching:
		return a.decide(breaching)
	}
	return a.sparse(points, breaching, len(real), before)
}

func (a *Alarm) decide(breaching int) State {
	if breaching >= a.Datapoints {
		return InAlarm
	}
	return OK
}

// sparse returns the state by fewer than N real points if missing ones count neither way.
func (a *Alarm) sparse(points Series, breaching, real int, before State) State {
	switch {
	case breaching >= a.Datapoints:
		return InAlarm
	case breaching < real: // one was within the threshold
		return OK
	case a.Missing == Ignore:
		return before
	case a.premature(points):
		return InAlarm
	}
	return InsufficientData
}

// premature is "Avoiding premature transitions to alarm state": the oldest real point breaches and is at least M periods
// old, and all later ones breach or are missing.
func (a *Alarm) premature(points Series) bool {
	for i, p := range points {
		if p.Present {
			return len(points)-i >= a.Datapoints
		}
	}
	return false
}

func present(points Series) (real []float64) {
	for _, p := range points {
		if p.Present {
			real = append(real, p.Value)
		}
	}
	return real
}

func (a *Alarm) breaches(values []float64) (n int) {
	for _, v := range values {
		if a.breached(v) {
			n++
		}
	}
	return n
}

func (a *Alarm) breached(v float64) bool {
	switch a.Comparison {
	case Above:
		return v > a.Threshold
	case AtLeast:
		return v >= a.Threshold
	case Below:
		return v < a.Threshold
	}
	return v <= a.Threshold
}
