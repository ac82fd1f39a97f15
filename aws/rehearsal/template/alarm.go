package template

import (
	"errors"
	"maps"
	"slices"
	"time"

	"tripsaga/aws/rehearsal/cloudwatch"
)

// watched reads the alarms that the release's groups watch. It skips all other alarms of the template.
func (t *Template) watched(r *Release) error {
	byName := map[string]*resource{}
	for _, alarm := range t.of("AWS::CloudWatch::Alarm") {
		name, err := t.name(alarm)
		if err != nil {
			return err
		}
		byName[name] = alarm
	}
	wanted := map[string]bool{}
	for _, f := range r.Functions {
		if f.Group != nil {
			for _, name := range f.Group.Alarms {
				wanted[name] = true
			}
		}
	}
	var wrong error
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		alarm, err := t.alarm(byName[name], name)
		if err != nil {
			wrong = errors.Join(wrong, err)
			continue
		}
		r.Alarms = append(r.Alarms, alarm)
	}
	return wrong
}

// alarmProperties are the allowed ones: first those that affect the state, then those that do not.
var alarmProperties = []string{
	"ComparisonOperator", "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "TreatMissingData", "Metrics",
	"Namespace", "MetricName", "Dimensions", "Period", "Statistic", "ExtendedStatistic",
	"AlarmName", "AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions", "Tags",
}

func (t *Template) alarm(r *resource, name string) (*cloudwatch.Alarm, error) {
	if r == nil {
		return nil, &Error{"Resources", "a deployment group watches the alarm " + name + ", which is not an AWS::CloudWatch::Alarm of this template"}
	}
	in := t.properties(r)
	if r.Condition != "" {
		return nil, at{t: t, path: "Resources." + r.id + ".Condition"}.fail("conditions are not supported")
	}
	if err := in.only(alarmProperties...); err != nil {
		return nil, err
	}
	a := &cloudwatch.Alarm{Name: name}
	for _, read := range []func(at, *cloudwatch.Alarm) error{readRule, readMissing, readQueries} {
		if err := read(in, a); err != nil {
			return nil, err
		}
	}
	if err := a.Check(); err != nil {
		return nil, in.fail("%v", err)
	}
	return a, nil
}

func readRule(in at, a *cloudwatch.Alarm) (err error) {
	if a.Threshold, err = in.get("Threshold").number(); err != nil {
		return err
	}
	if a.Periods, err = in.get("EvaluationPeriods").integer(); err != nil {
		return err
	}
	a.Datapoints = a.Periods
	if in.has("DatapointsToAlarm") {
		if a.Datapoints, err = in.get("DatapointsToAlarm").integer(); err != nil {
			return err
		}
	}
	operator, err := in.get("ComparisonOperator").text()
	a.Comparison = cloudwatch.Comparison(operator)
	switch a.Comparison {
	case cloudwatch.Above, cloudwatch.AtLeast, cloudwatch.Below, cloudwatch.AtMost:
		return err
	}
	return errors.Join(err, in.get("ComparisonOperator").fail("%q is not supported", operator))
}

func readMissing(in at, a *cloudwatch.Alarm) error {
	treatment, err := in.get("TreatMissingData").textOr(string(cloudwatch.Missing))
	a.Missing = cloudwatch.Treatment(treatment)
	switch a.Missing {
	case cloudwatch.Missing, cloudwatch.Ignore, cloudwatch.Breaching, cloudwatch.NotBreaching:
		return err
	}
	return errors.Join(err, in.get("TreatMissingData").fail("%q is not supported", treatment))
}

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

// readSingle reads an alarm on one metric. Its statistic is in one of two properties.
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

// readQuery returns the period of a metric; of an expression, 0.
func readQuery(in at) (q cloudwatch.Query, period time.Duration, err error) {
	if err := in.only("Id", "Expression", "MetricStat", "Label", "ReturnData"); err != nil {
		return q, 0, err
	}
	if q.ID, err = in.get("Id").text(); err != nil {
		return q, 0, err
	}
	q.Returns = true // CloudFormation's default
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
