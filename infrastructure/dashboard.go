package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// addDashboard shows the business above, and what it stands on below.
func (a *Application) addDashboard() {
	awscloudwatch.NewDashboard(a.Stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: jsii.String("tripsaga-" + a.Stage.Name), DefaultInterval: awscdk.Duration_Hours(jsii.Number(12)),
	}).AddWidgets(
		graph("Trips", a.trips("TripsStarted", 5), a.trips("TripsConfirmed", 5), a.trips("TripsFailed", 5), a.trips("TripsNeedingAttention", 5)),
		a.each("Trips failed, by reason", "TripsFailed", "Reason", "Sum"),
		a.each("Compensations", "Compensations", "Step", "Sum"),
		a.each("Retries of steps that take back", "UndoRetries", "Step", "Sum"),
		a.each("Latency of the steps, p50, ms", "StepLatency", "Step", "p50"),
		a.each("Latency of the steps, p99, ms", "StepLatency", "Step", "p99"),
		a.each("Faults", "Faults", "Step", "Sum"),
		a.each("Business errors", "BusinessErrors", "Step", "Sum"),
		graph("API", a.apiMetric("Count", "Sum"), a.apiMetric("4xx", "Sum"), a.apiMetric("5xx", "Sum")),
		graph("Latency of the API, ms", a.apiMetric("Latency", "p50"), a.apiMetric("Latency", "p95")),
		graph("Sagas", a.machineMetric("ExecutionsStarted"), a.machineMetric("ExecutionsSucceeded"), a.machineMetric("ExecutionsFailed"),
			a.machineMetric("ExecutionsTimedOut"), a.machineMetric("ExecutionsAborted")),
		graph("Dead letters", a.letters()...),
		graph("Capacity used, units", a.tableMetric("ConsumedReadCapacityUnits", nil), a.tableMetric("ConsumedWriteCapacityUnits", nil)),
		graph("Function errors, business included, and throttles", a.functionErrors()...),
		awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
			Title: jsii.String("Alarms"), Alarms: a.alarms(), Width: jsii.Number(24), Height: jsii.Number(8),
		}),
	)
}

const widgetWidth = 6 // of 24

func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: &title, Left: &metrics, Width: jsii.Number(widgetWidth)})
}

// each shows a metric for every value of a dimension that it has ever had.
func (a *Application) each(title, name, dimension, statistic string) awscloudwatch.IWidget {
	search := fmt.Sprintf(`SEARCH('{"%s",%s} MetricName="%s"', '%s', 300)`, a.namespace(), dimension, name, statistic)
	return graph(title, math(search, "", 5, nil))
}

func (a *Application) letters() (all []awscloudwatch.IMetric) {
	for _, queue := range a.DeadLetters {
		all = append(all, deadLetterCount(queue))
	}
	return all
}

func (a *Application) functionErrors() (all []awscloudwatch.IMetric) {
	for _, f := range a.Functions {
		for _, name := range []string{"Errors", "Throttles"} {
			all = append(all, metric("AWS/Lambda", name, "Sum", 5, map[string]*string{"FunctionName": f.Lambda.FunctionName()}))
		}
	}
	return all
}

func (a *Application) alarms() *[]awscloudwatch.IAlarm {
	var all []awscloudwatch.IAlarm
	for _, alarm := range a.Alarms {
		all = append(all, alarm)
	}
	return &all
}
