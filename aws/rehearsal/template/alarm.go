package template

import (
	"errors"
	"maps"
	"slices"

	"tripsaga/aws/rehearsal/cloudwatch"
)

// watched reads the alarms that the release's groups watch; any others of the template are none of its business.
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

// alarmProperties are those that matter to the state, and those that do not.
var alarmProperties = []string{
	"ComparisonOperator", "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "TreatMissingData", "Metrics",
	"Namespace", "MetricName", "Dimensions", "Period", "Statistic", "ExtendedStatistic",
	"AlarmName", "AlarmDescription", "ActionsEnabled", "AlarmActions", "OKActions", "InsufficientDataActions", "Tags",
}

func (t *Template) alarm(r *resource, name string) (*cloudwatch.Alarm, error) {
	if r == nil {
		return nil, &Error{"Resources", "a deployment group watches the alarm " + name + ", which is no AWS::CloudWatch::Alarm of this template"}
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
