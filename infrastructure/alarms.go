package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// alarmKinds says what each kind of alarm tells. Each has a section of its name in docs/runbook.md.
var alarmKinds = map[string]string{
	"Faults":            "5 % or more of the calls failed, business declines left out.",
	"NewVersionFaults":  "5 % or more of the newest version's calls failed, business declines left out.",
	"NewVersionLatency": "A tenth of the newest version's calls take more than half of the function's time-out.",
	"ApiErrors":         "5 % or more of the API's requests were answered with 5xx.",

	"TripsNeedingAttention": "A saga stopped without an end of its own, or is overdue: its trip is marked NEEDS_ATTENTION.",
	"NoTripConfirmed":       "Many trips were started for 15 minutes, and none was confirmed.",
	"UndoRetries":           "Steps that take back are often retried: seats, rooms or money are still held.",
	"DeadLetters":           "Something was given up, and lies in the queue.",
	"Throttles":             "Lambda refused calls, as the concurrency is used up.",
	"TableThrottles":        "DynamoDB refused reads or writes of the table or its index.",
	"ExecutionsThrottled":   "Step Functions holds sagas back.",
	"ExecutionsTimedOut":    "A saga ran out of its time, which its definition does not limit.",
	"ExecutionsAborted":     "A saga was stopped by hand.",
	"ApiLatency":            "One in twenty of the API's answers takes more than 3 seconds.",
	"PipeFailures":          "The pipe of the outbox fails: events wait in the table's stream, which keeps them for a day.",
	"DeliveryFailures":      "A rule of EventBridge could not deliver to its target.",
	"ReconcilerSilent":      "The reconciler has not run for 15 minutes.",
}

// alarm adds one about a subject, which may be "" where the stage has one of the kind only. What is not measured is no
// reason for alarm, unless the properties say otherwise.
func (a *Application) alarm(subject, kind string, p awscloudwatch.AlarmProps) awscloudwatch.Alarm {
	means, ok := alarmKinds[kind]
	if !ok {
		panic("there is no kind of alarm " + kind)
	}
	if subject != "" {
		means = subject + ": " + means
	}
	p.AlarmName = jsii.String(fmt.Sprintf("tripsaga-%s-%s%s", a.Stage.Name, subject, kind))
	p.AlarmDescription = jsii.String(means + " Runbook: docs/runbook.md#" + strings.ToLower(kind))
	if p.TreatMissingData == "" {
		p.TreatMissingData = awscloudwatch.TreatMissingData_NOT_BREACHING
	}
	alarm := awscloudwatch.NewAlarm(a.Stack, jsii.String(subject+kind+"Alarm"), &p)
	a.Alarms = append(a.Alarms, alarm)
	return alarm
}

// metric is one of CloudWatch's, over a number of minutes.
func metric(namespace, name, statistic string, minutes float64, dimensions map[string]*string) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: &namespace, MetricName: &name, Statistic: &statistic,
		Period: awscdk.Duration_Minutes(&minutes), DimensionsMap: &dimensions,
	})
}

// math combines metrics of the same period.
func math(expression, label string, minutes float64, metrics map[string]awscloudwatch.IMetric) awscloudwatch.MathExpression {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: &expression, Label: &label, UsingMetrics: &metrics, Period: awscdk.Duration_Minutes(&minutes),
	})
}
