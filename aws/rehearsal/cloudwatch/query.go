package cloudwatch

import (
	"fmt"
	"time"
)

// maxMetrics is how many metrics an alarm may read, "Alarms on math expressions".
const maxMetrics = 10

// Check tells what keeps the alarm from being evaluated.
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

// longest is how long all periods may be together.
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

// follow walks the queries that q leads to; path are those on the way.
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

// query evaluates the query that is returned, and those that it leads to.
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
	return q.Expr.root.eval(e)
}
