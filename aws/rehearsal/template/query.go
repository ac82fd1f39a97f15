package template

import (
	"time"

	"tripsaga/aws/rehearsal/cloudwatch"
)

func readQueries(in at, a *cloudwatch.Alarm) (err error) {
	if !in.has("Metrics") {
		return readSingle(in, a)
	}
	queries, err := in.get("Metrics").list()
	if err != nil {
		return err
	}
	for _, q := range queries {
		query, period, err := readQuery(q)
		if err != nil {
			return err
		}
		if period > 0 && a.Period > 0 && period != a.Period {
			return q.fail("its period is %s, and that of another metric of the alarm %s", period, a.Period)
		}
		a.Period = max(a.Period, period)
		a.Queries = append(a.Queries, query)
	}
	return nil
}

// readSingle reads an alarm on one metric, whose statistic is one of two properties.
func readSingle(in at, a *cloudwatch.Alarm) (err error) {
	statistic := in.get("Statistic")
	if statistic.value == nil {
		statistic = in.get("ExtendedStatistic")
	}
	q := cloudwatch.Query{ID: "m", Returns: true, Stat: &cloudwatch.Stat{}}
	if err := readStatistic(statistic, q.Stat); err != nil {
		return err
	}
	if q.Stat.Metric, err = readMetric(in); err != nil {
		return err
	}
	a.Queries = []cloudwatch.Query{q}
	a.Period, err = in.get("Period").seconds()
	return err
}

func readStatistic(in at, s *cloudwatch.Stat) error {
	name, err := in.text()
	if err != nil {
		return err
	}
	if s.Statistic, err = cloudwatch.ParseStatistic(name); err != nil {
		return in.fail("%v", err)
	}
	return nil
}

// readQuery gives the period of a metric, and 0 of an expression.
func readQuery(in at) (q cloudwatch.Query, period time.Duration, err error) {
	if err := in.only("Id", "Expression", "MetricStat", "Label", "ReturnData"); err != nil {
		return q, 0, err
	}
	if q.ID, err = in.get("Id").text(); err != nil {
		return q, 0, err
	}
	q.Returns = true // what it is by itself
	if in.has("ReturnData") {
		if q.Returns, err = in.get("ReturnData").truth(); err != nil {
			return q, 0, err
		}
	}
	if in.has("Expression") {
		q.Expr, err = readExpression(in.get("Expression"))
		return q, 0, err
	}
	period, err = readStat(in.get("MetricStat"), &q)
	return q, period, err
}

func readExpression(in at) (*cloudwatch.Expr, error) {
	text, err := in.text()
	if err != nil {
		return nil, err
	}
	e, err := cloudwatch.ParseExpr(text)
	if err != nil {
		return nil, in.fail("%v", err)
	}
	return e, nil
}

func readStat(in at, q *cloudwatch.Query) (period time.Duration, err error) {
	if err := in.only("Metric", "Period", "Stat"); err != nil {
		return 0, err
	}
	q.Stat = &cloudwatch.Stat{}
	if err := readStatistic(in.get("Stat"), q.Stat); err != nil {
		return 0, err
	}
	if q.Stat.Metric, err = readMetric(in.get("Metric")); err != nil {
		return 0, err
	}
	return in.get("Period").seconds()
}

func readMetric(in at) (m cloudwatch.Metric, err error) {
	if m.Namespace, err = in.get("Namespace").text(); err != nil {
		return m, err
	}
	if m.Name, err = in.get("MetricName").text(); err != nil {
		return m, err
	}
	dimensions, err := in.get("Dimensions").list()
	m.Dimensions = map[string]string{}
	for _, d := range dimensions {
		name, err := d.get("Name").text()
		if err != nil {
			return m, err
		}
		if m.Dimensions[name], err = d.get("Value").text(); err != nil {
			return m, err
		}
	}
	return m, err
}
