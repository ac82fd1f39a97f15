package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awspipes"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/aws/functions"
	"tripsaga/trip/saga"
)

// addObservability adds the alarms, their topic and the dashboard. It runs last, since it watches everything that is in
// the stack.
func (a *Application) addObservability() {
	a.addTripAlarms()
	a.addFunctionAlarms()
	a.addServiceAlarms()
	a.addEventAlarms()
	tell := awscloudwatchactions.NewSnsAction(a.alarmTopic())
	for _, alarm := range a.Alarms {
		alarm.AddAlarmAction(tell)
	}
	a.addDashboard()
}

// alarmTopic has its own key: CloudWatch may not use the key that AWS manages for SNS. A topic with a policy allows only
// what the policy says, so the policy names CloudWatch. GrantPublish grants the use of the key as well.
func (a *Application) alarmTopic() awssns.Topic {
	key := awskms.NewKey(a.Stack, jsii.String("AlarmKey"), &awskms.KeyProps{
		EnableKeyRotation: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		Description: jsii.String(a.name() + ": messages of the alarms"),
	})
	topic := awssns.NewTopic(a.Stack, jsii.String("AlarmTopic"), &awssns.TopicProps{
		TopicName: jsii.String(a.name() + "-alarms"), MasterKey: key, EnforceSSL: jsii.Bool(true),
	})
	topic.GrantPublish(a.service("cloudwatch.amazonaws.com"))
	if a.Stage.AlarmEmail != "" {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&a.Stage.AlarmEmail, nil))
	}
	a.output("AlarmTopicArn", topic.TopicArn())
	return topic
}

// atLeast is an alarm that is raised when a metric reaches a threshold in one period.
func atLeast(threshold float64, m awscloudwatch.IMetric) awscloudwatch.AlarmProps {
	return awscloudwatch.AlarmProps{
		Metric: m, Threshold: &threshold, EvaluationPeriods: jsii.Number(1),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
	}
}

// lasting is an alarm that requires a number of consecutive periods.
func lasting(periods float64, p awscloudwatch.AlarmProps) awscloudwatch.AlarmProps {
	p.EvaluationPeriods = &periods
	return p
}

// sum adds metrics; one without data counts as 0.
func sum(label string, minutes float64, metrics map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
	var terms []string
	for id := range sorted(metrics) {
		terms = append(terms, "FILL("+id+", 0)")
	}
	return math(strings.Join(terms, " + "), label, minutes, metrics)
}

func (a *Application) addTripAlarms() {
	a.alarm("", "TripsNeedingAttention", atLeast(1, a.trips("TripsNeedingAttention", 1)))
	a.alarm("", "NoTripConfirmed", lasting(3, atLeast(1, math(
		"IF(FILL(started, 0) >= 10 AND FILL(confirmed, 0) == 0, 1, 0)", "none confirmed", 5, map[string]awscloudwatch.IMetric{
			"started": a.trips("TripsStarted", 5), "confirmed": a.trips("TripsConfirmed", 5),
		}))))
	retries := map[string]awscloudwatch.IMetric{}
	for i, task := range saga.Tasks() {
		if task.GivesBack() {
			retries[fmt.Sprintf("step%d", i)] = metric(a.namespace(), "UndoRetries", "Sum", 5, map[string]*string{"Step": &task.Name})
		}
	}
	a.alarm("", "UndoRetries", atLeast(20, sum("retries of steps that take back", 5, retries)))
}

// trips is a metric of all trips of the stage.
func (a *Application) trips(name string, minutes float64) awscloudwatch.IMetric {
	return metric(a.namespace(), name, "Sum", minutes, nil)
}

func (a *Application) addFunctionAlarms() {
	for _, f := range a.Functions {
		a.alarm(f.Name, "Throttles", atLeast(1, metric("AWS/Lambda", "Throttles", "Sum", 5,
			map[string]*string{"FunctionName": f.Lambda.FunctionName()})))
	}
	silent := lasting(3, atLeast(1, metric("AWS/Lambda", "Invocations", "Sum", 5,
		map[string]*string{"FunctionName": a.function(functions.Reconciler).Lambda.FunctionName()})))
	silent.ComparisonOperator = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
	silent.TreatMissingData = awscloudwatch.TreatMissingData_BREACHING
	a.alarm("", "ReconcilerSilent", silent)
}

func (a *Application) addServiceAlarms() {
	throttles := map[string]awscloudwatch.IMetric{}
	for _, name := range []string{"Read", "Write"} {
		throttles["table_"+strings.ToLower(name)] = a.tableMetric(name+"ThrottleEvents", nil)
		throttles["index_"+strings.ToLower(name)] = a.tableMetric(name+"ThrottleEvents", jsii.String(schema.GSI1))
	}
	a.alarm("", "TableThrottles", atLeast(1, sum("throttled", 5, throttles)))
	for kind, name := range sorted(map[string]string{
		"ExecutionsThrottled": "ExecutionThrottled", "ExecutionsTimedOut": "ExecutionsTimedOut", "ExecutionsAborted": "ExecutionsAborted",
	}) {
		a.alarm("", kind, atLeast(1, sum("executions", 5, a.machineMetrics(name))))
	}
	for _, m := range a.Machines {
		if m.Saga.Pivot() == "" { // it never fails by a business rule
			a.alarm(id(m.Saga), "ExecutionsFailed", atLeast(1, m.metric("ExecutionsFailed")))
		}
	}
	latency := atLeast(3000, a.apiMetric("Latency", "p95"))
	latency.EvaluationPeriods, latency.DatapointsToAlarm = jsii.Number(5), jsii.Number(3)
	a.alarm("", "ApiLatency", latency)
	a.alarm("", "ApiErrors", twoOfThree(a.apiErrorRate(), faultThreshold))
}

func (a *Application) tableMetric(name string, index *string) awscloudwatch.IMetric {
	dimensions := map[string]*string{"TableName": a.Table.TableName()}
	if index != nil {
		dimensions["GlobalSecondaryIndexName"] = index
	}
	return metric("AWS/DynamoDB", name, "Sum", 5, dimensions)
}

func (m *Machine) metric(name string) awscloudwatch.IMetric {
	return metric("AWS/States", name, "Sum", 5, map[string]*string{"StateMachineArn": m.StateMachine.StateMachineArn()})
}

// machineMetrics are a metric of every saga.
func (a *Application) machineMetrics(name string) map[string]awscloudwatch.IMetric {
	all := map[string]awscloudwatch.IMetric{}
	for _, m := range a.Machines {
		all[m.Saga.Name()] = m.metric(name)
	}
	return all
}

// executions are the widgets of the sagas.
func (a *Application) executions() (all []awscloudwatch.IWidget) {
	for _, m := range a.Machines {
		all = append(all, graph("Executions of the saga "+m.Saga.Name(), m.metric("ExecutionsStarted"), m.metric("ExecutionsSucceeded"),
			m.metric("ExecutionsFailed"), m.metric("ExecutionsTimedOut"), m.metric("ExecutionsAborted")))
	}
	return all
}

// addEventAlarms watches every queue, rule and pipe of the stack.
func (a *Application) addEventAlarms() {
	for _, queue := range a.DeadLetters {
		a.alarm(subjectOf(queue, "DeadLetters"), "DeadLetters", atLeast(1, deadLetterCount(queue)))
	}
	for _, construct := range *a.Stack.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		switch c := construct.(type) {
		case awsevents.CfnRule:
			a.alarm(subjectOf(c, ""), "DeliveryFailures", atLeast(1, metric("AWS/Events", "FailedInvocations", "Sum", 5,
				map[string]*string{"RuleName": c.Ref()})))
		case awspipes.CfnPipe:
			a.alarm(subjectOf(c, ""), "PipeFailures", atLeast(1, pipeFailures(c)))
		}
	}
}

// pipeFailures sums the failures of the whole pipe: of reading, enriching and delivering.
func pipeFailures(pipe awspipes.CfnPipe) awscloudwatch.IMetric {
	all := map[string]awscloudwatch.IMetric{}
	for id, name := range map[string]string{
		"failed": "ExecutionFailed", "partly": "ExecutionPartiallyFailed", "throttled": "ExecutionThrottled", "timed_out": "ExecutionTimeout",
	} {
		all[id] = metric("AWS/EventBridge/Pipes", name, "Sum", 5, map[string]*string{"PipeName": pipe.Ref()})
	}
	return sum("failed or throttled", 5, all)
}

func deadLetterCount(queue awssqs.IQueue) awscloudwatch.IMetric {
	return metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 1, map[string]*string{"QueueName": queue.QueueName()})
}

// subjectOf is the identifier of a construct, without the ending that the alarm's kind repeats.
func subjectOf(c constructs.IConstruct, ending string) string {
	id := *c.Node().Id()
	if id == "Resource" { // inside a construct of the CDK, which has the identifier
		id = *c.Node().Scope().Node().Id()
	}
	return strings.TrimSuffix(id, ending)
}

// alarmKinds are the descriptions of the kinds of alarms. Each kind has a section with its name in docs/runbook.md.
var alarmKinds = map[string]string{
	"NewVersionFaults":  "5 % or more of what the newest version did failed by its own count, business declines left out.",
	"NewVersionErrors":  "Too many of the newest version's calls failed by Lambda's count, which sees crashes, too.",
	"NewVersionLatency": "A tenth of the newest version's calls take more than half of the function's time-out.",
	"ApiErrors":         "5 % or more of the API's requests were answered with 5xx.",

	"TripsNeedingAttention": "A saga stopped without an end of its own, or is overdue: its trip is marked NEEDS_ATTENTION.",
	"NoTripConfirmed":       "Many trips were started for 15 minutes, and none was confirmed.",
	"UndoRetries":           "Steps that take back are often retried: seats, rooms or money are still held.",
	"DeadLetters":           "Something was given up, and lies in the queue.",
	"Throttles":             "Lambda refused calls, as the concurrency is used up.",
	"TableThrottles":        "DynamoDB refused reads or writes of the table or its index.",
	"ExecutionsFailed":      "An execution stopped at a failed state: its trip is marked NEEDS_ATTENTION.",
	"ExecutionsThrottled":   "Step Functions holds sagas back.",
	"ExecutionsTimedOut":    "A saga ran out of its time, which its definition does not limit.",
	"ExecutionsAborted":     "A saga was stopped by hand.",
	"ApiLatency":            "One in twenty of the API's answers takes more than 3 seconds.",
	"PipeFailures":          "The pipe of the outbox fails: events wait in the table's stream, which keeps them for a day.",
	"DeliveryFailures":      "A rule of EventBridge could not deliver to its target.",
	"ReconcilerSilent":      "The reconciler has not run for 15 minutes.",
}

// alarm adds an alarm of a kind for a subject, which is "" if the stage has only one alarm of the kind. Missing data do
// not raise it unless the properties say otherwise.
func (a *Application) alarm(subject, kind string, p awscloudwatch.AlarmProps) awscloudwatch.Alarm {
	return a.namedAlarm(subject, subject, kind, p)
}

// versionAlarm adds an alarm of the function's newest version, with the version's number in its name. With the next version
// it is replaced: the alarm of the version before keeps its state and exists until the update is complete. So a rollback of
// the stack finds that one, and not the one that rings for the bad version.
func (a *Application) versionAlarm(f *Function, kind string, p awscloudwatch.AlarmProps) awscloudwatch.Alarm {
	return a.namedAlarm(f.Name, f.Name+"-"+*f.Version.Version()+"-", kind, p)
}

func (a *Application) namedAlarm(subject, prefix, kind string, p awscloudwatch.AlarmProps) awscloudwatch.Alarm {
	means, ok := alarmKinds[kind]
	if !ok {
		panic("there is no kind of alarm " + kind)
	}
	if subject != "" {
		means = subject + ": " + means
	}
	p.AlarmName = jsii.String(fmt.Sprintf("%s-%s%s", a.name(), prefix, kind))
	p.AlarmDescription = jsii.String(means + " Runbook: docs/runbook.md#" + strings.ToLower(kind))
	if p.TreatMissingData == "" {
		p.TreatMissingData = awscloudwatch.TreatMissingData_NOT_BREACHING
	}
	alarm := awscloudwatch.NewAlarm(a.Stack, jsii.String(subject+kind+"Alarm"), &p)
	a.Alarms = append(a.Alarms, alarm)
	return alarm
}

// metric is a CloudWatch metric with a period in minutes.
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

// What raises the alarms of a version. Percentages are of calls in a minute.
const (
	faultThreshold = 5  // from which failed calls are too many
	crashThreshold = 90 // the same, of a function whose errors are declines, too: at worst a third of the cards
	crashSample    = 5  // calls, below which a few declines in a row could reach crashThreshold
	latencySample  = 10 // calls, below which one cold start is a tenth
)

// addDeploymentAlarms adds the alarms that roll a function's deployment back. All are of one version, and each compares
// metrics of one source: what the version writes into its log may arrive minutes after what Lambda counts.
func (a *Application) addDeploymentAlarms(f *Function) (alarms []awscloudwatch.Alarm) {
	add := func(kind string, p awscloudwatch.AlarmProps) { alarms = append(alarms, a.versionAlarm(f, kind, p)) }
	task := saga.Find(f.Name)
	declines := task.Fails || len(task.Business) > 0 // some of its errors are no faults
	if declines || f.Name == functions.API {
		add("NewVersionFaults", twoOfThree(a.ownFaults(f), faultThreshold/100.0))
	}
	switch {
	case task.Fails: // every call of it is an error to Lambda, which says nothing; the trial calls it
	case declines:
		add("NewVersionErrors", twoOfThree(f.errorRate(crashSample), crashThreshold))
	default:
		add("NewVersionErrors", twoOfThree(f.errorRate(1), faultThreshold))
	}
	if f.Name != functions.Reconciler { // one call a minute is no sample
		add("NewVersionLatency", f.slow())
	}
	return alarms
}

// twoOfThree is an alarm that is raised when two of three minutes reach the threshold. One minute is not enough: what has
// arrived of it may be one call.
func twoOfThree(m awscloudwatch.IMetric, threshold float64) awscloudwatch.AlarmProps {
	return awscloudwatch.AlarmProps{
		Metric: m, Threshold: &threshold, EvaluationPeriods: jsii.Number(3), DatapointsToAlarm: jsii.Number(2),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
	}
}

// ownFaults is the share of the version's own deliveries that were faults, 0 to 1: each writes 0 or 1. A line that is late
// is late for both, so that the share of what has arrived is right.
func (a *Application) ownFaults(f *Function) awscloudwatch.IMetric {
	return metric(a.namespace(), "Faults", "Average", 1, map[string]*string{"Step": &f.Name, "FunctionVersion": f.Version.Version()})
}

// errorRate is the share of the version's calls that failed, in per cent, by Lambda's count alone: it needs nothing that the
// version would have to write. With fewer calls than sample it is 0.
func (f *Function) errorRate(sample int) awscloudwatch.IMetric {
	return math(fmt.Sprintf("IF(invocations >= %d, 100 * errors / invocations, 0)", sample), "errors, %", 1, map[string]awscloudwatch.IMetric{
		"errors": f.metric("Errors", "Sum"), "invocations": f.metric("Invocations", "Sum"),
	})
}

// slow is an alarm that is raised when a tenth of the version's calls take more than half of the function's time-out.
func (f *Function) slow() awscloudwatch.AlarmProps {
	p := twoOfThree(math(fmt.Sprintf("IF(calls >= %d, duration, 0)", latencySample), "p90, ms", 1, map[string]awscloudwatch.IMetric{
		"duration": f.metric("Duration", "p90"), "calls": f.metric("Duration", "SampleCount"),
	}), float64(f.Timeout.Milliseconds())/2)
	p.ComparisonOperator = awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD
	return p
}

// metric is a metric of Lambda over the calls by the alias that the newest version handled.
func (f *Function) metric(name, statistic string) awscloudwatch.IMetric {
	return metric("AWS/Lambda", name, statistic, 1, map[string]*string{
		"FunctionName": f.Lambda.FunctionName(), "Resource": jsii.String(*f.Lambda.FunctionName() + ":" + live),
		"ExecutedVersion": f.Version.Version(),
	})
}

// namespace is that of the metrics which the functions of this stage write, see docs/telemetry.md.
func (a *Application) namespace() string { return a.Stage.Prefix + "/" + a.Stage.Name }

// apiErrorRate includes what no function's metric shows: requests that did not reach the function, and its answers with
// 5xx.
func (a *Application) apiErrorRate() awscloudwatch.IMetric {
	return math("IF(requests > 0, 100 * errors / requests, 0)", "5xx, %", 1, map[string]awscloudwatch.IMetric{
		"errors": a.apiMetric("5xx", "Sum"), "requests": a.apiMetric("Count", "Sum"),
	})
}

func (a *Application) apiMetric(name, statistic string) awscloudwatch.IMetric {
	return metric("AWS/ApiGateway", name, statistic, 1, map[string]*string{"ApiId": a.API.ApiId()})
}

// addDashboard shows the bookings at the top and the infrastructure below.
func (a *Application) addDashboard() {
	awscloudwatch.NewDashboard(a.Stack, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DashboardName: jsii.String(a.name()), DefaultInterval: awscdk.Duration_Hours(jsii.Number(12)),
	}).AddWidgets(slices.Concat([]awscloudwatch.IWidget{
		graph("Trips", a.trips("TripsStarted", 5), a.trips("TripsConfirmed", 5), a.trips("TripsFailed", 5), a.trips("TripsNeedingAttention", 5),
			a.trips("CancellationsRequested", 5), a.trips("TripsCancelled", 5)),
		a.each("Trips failed, by reason", "TripsFailed", "Reason", "Sum"),
		a.each("Compensations", "Compensations", "Step", "Sum"),
		a.each("Retries of steps that take back", "UndoRetries", "Step", "Sum"),
		a.each("Latency of the steps, p50, ms", "StepLatency", "Step", "p50"),
		a.each("Latency of the steps, p99, ms", "StepLatency", "Step", "p99"),
		a.each("Faults", "Faults", "Step", "Sum"),
		a.each("Business errors", "BusinessErrors", "Step", "Sum"),
		graph("API", a.apiMetric("Count", "Sum"), a.apiMetric("4xx", "Sum"), a.apiMetric("5xx", "Sum")),
		graph("Latency of the API, ms", a.apiMetric("Latency", "p50"), a.apiMetric("Latency", "p95")),
	}, a.executions(), []awscloudwatch.IWidget{
		graph("Dead letters", a.letters()...),
		graph("Capacity used, units", a.tableMetric("ConsumedReadCapacityUnits", nil), a.tableMetric("ConsumedWriteCapacityUnits", nil)),
		graph("Function errors, business included, and throttles", a.functionErrors()...),
		awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
			Title: jsii.String("Alarms"), Alarms: a.alarms(), Width: jsii.Number(24), Height: jsii.Number(8),
		}),
	})...)
}

const widgetWidth = 6 // of 24

func graph(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: &title, Left: &metrics, Width: jsii.Number(widgetWidth)})
}

// each shows a metric for every value of a dimension.
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
