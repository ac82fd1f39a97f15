package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/functions"
)

// faultThreshold is the share of calls, in per cent, that may not fail.
const faultThreshold = 5

// addDeploymentAlarms adds those that decide over the deployment of a function. The new version has alarms of its own,
// since with a tenth of the traffic it hardly shows in those of the alias.
func (a *Application) addDeploymentAlarms(f *Function) []awscloudwatch.Alarm {
	alarms := []awscloudwatch.Alarm{
		a.alarm(f.Name, "Faults", twoOfThree(a.faultRate(f, false), faultThreshold)),
		a.alarm(f.Name, "NewVersionFaults", twoOfThree(a.faultRate(f, true), faultThreshold)),
		a.alarm(f.Name, "NewVersionLatency", slow(f)),
	}
	if f.Name == functions.API {
		alarms = append(alarms, a.alarm("", "ApiErrors", twoOfThree(a.apiErrorRate(), faultThreshold)))
	}
	return alarms
}

// twoOfThree is raised when two of three minutes reach the threshold. One minute is not enough: Lambda's metrics and those
// made of logs do not arrive together, so that for a while a decline looks like a fault.
func twoOfThree(m awscloudwatch.IMetric, threshold float64) awscloudwatch.AlarmProps {
	return awscloudwatch.AlarmProps{
		Metric: m, Threshold: &threshold, EvaluationPeriods: jsii.Number(3), DatapointsToAlarm: jsii.Number(2),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
	}
}

// slow is raised by calls of the new version that take more than half of the time they have.
func slow(f *Function) awscloudwatch.AlarmProps {
	p := twoOfThree(f.metric("Duration", "p90", true), float64(f.Timeout.Milliseconds())/2)
	p.ComparisonOperator = awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD
	return p
}

// faultRate is the share of calls that failed, in per cent. Of a task the errors that are business, which Lambda counts
// as well, are taken off: they are counted by the task itself, per step and version.
func (a *Application) faultRate(f *Function, newVersion bool) awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{
		"errors": f.metric("Errors", "Sum", newVersion), "invocations": f.metric("Invocations", "Sum", newVersion),
	}
	faults := "errors"
	if f.Task {
		metrics["business"] = a.businessErrors(f, newVersion)
		faults = "(errors - FILL(business, 0))"
	}
	return math(fmt.Sprintf("IF(invocations > 0, 100 * %s / invocations, 0)", faults), "faults, %", 1, metrics)
}

// metric is one of Lambda's, of all calls by way of the alias, or of those that the new version took.
func (f *Function) metric(name, statistic string, newVersion bool) awscloudwatch.IMetric {
	dimensions := map[string]*string{
		"FunctionName": f.Lambda.FunctionName(), "Resource": jsii.String(*f.Lambda.FunctionName() + ":" + live),
	}
	if newVersion {
		dimensions["ExecutedVersion"] = f.Version.Version()
	}
	return metric("AWS/Lambda", name, statistic, 1, dimensions)
}

func (a *Application) businessErrors(f *Function, newVersion bool) awscloudwatch.IMetric {
	dimensions := map[string]*string{"Step": &f.Name}
	if newVersion {
		dimensions["FunctionVersion"] = f.Version.Version()
	}
	return metric(a.namespace(), "BusinessErrors", "Sum", 1, dimensions)
}

// namespace has the metrics that the functions of this stage make, see docs/telemetry.md.
func (a *Application) namespace() string { return "tripsaga/" + a.Stage.Name }

// apiErrorRate sees what no function's metric shows: calls that did not come through to the function, and its answers 5xx.
func (a *Application) apiErrorRate() awscloudwatch.IMetric {
	return math("IF(requests > 0, 100 * errors / requests, 0)", "5xx, %", 1, map[string]awscloudwatch.IMetric{
		"errors": a.apiMetric("5xx", "Sum"), "requests": a.apiMetric("Count", "Sum"),
	})
}

func (a *Application) apiMetric(name, statistic string) awscloudwatch.IMetric {
	return metric("AWS/ApiGateway", name, statistic, 1, map[string]*string{"ApiId": a.API.ApiId()})
}
