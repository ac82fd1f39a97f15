package main

import (
	"fmt"
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

// addObservability comes last: it watches what it finds in the stack, and tells of every alarm.
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

// alarmTopic has a key of its own: CloudWatch may not use the one that AWS keeps for SNS. A topic with a policy has no
// other right than that says, so that it names CloudWatch; the right to publish brings the one to the key.
func (a *Application) alarmTopic() awssns.Topic {
	key := awskms.NewKey(a.Stack, jsii.String("AlarmKey"), &awskms.KeyProps{
		EnableKeyRotation: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		Description: jsii.String("tripsaga-" + a.Stage.Name + ": messages of the alarms"),
	})
	topic := awssns.NewTopic(a.Stack, jsii.String("AlarmTopic"), &awssns.TopicProps{
		TopicName: jsii.String("tripsaga-" + a.Stage.Name + "-alarms"), MasterKey: key, EnforceSSL: jsii.Bool(true),
	})
	topic.GrantPublish(a.service("cloudwatch.amazonaws.com"))
	if a.Stage.AlarmEmail != "" {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&a.Stage.AlarmEmail, nil))
	}
	a.output("AlarmTopicArn", topic.TopicArn())
	return topic
}

// atLeast is raised as soon as a sum reaches a threshold.
func atLeast(threshold float64, m awscloudwatch.IMetric) awscloudwatch.AlarmProps {
	return awscloudwatch.AlarmProps{
		Metric: m, Threshold: &threshold, EvaluationPeriods: jsii.Number(1),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
	}
}

// lasting is an alarm that waits for so many periods in a row.
func lasting(periods float64, p awscloudwatch.AlarmProps) awscloudwatch.AlarmProps {
	p.EvaluationPeriods = &periods
	return p
}

// sum adds metrics up; what has no data counts 0.
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
		if task.Undo() {
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
		a.alarm("", kind, atLeast(1, a.machineMetric(name)))
	}
	latency := atLeast(3000, a.apiMetric("Latency", "p95"))
	latency.EvaluationPeriods, latency.DatapointsToAlarm = jsii.Number(5), jsii.Number(3)
	a.alarm("", "ApiLatency", latency)
}

func (a *Application) tableMetric(name string, index *string) awscloudwatch.IMetric {
	dimensions := map[string]*string{"TableName": a.Table.TableName()}
	if index != nil {
		dimensions["GlobalSecondaryIndexName"] = index
	}
	return metric("AWS/DynamoDB", name, "Sum", 5, dimensions)
}

func (a *Application) machineMetric(name string) awscloudwatch.IMetric {
	return metric("AWS/States", name, "Sum", 5, map[string]*string{"StateMachineArn": a.Machine.StateMachineArn()})
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

// pipeFailures are of the whole pipe: of reading, enriching and delivering.
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

// subjectOf is the identifier that the app gave a construct, without an ending that the alarm's kind repeats.
func subjectOf(c constructs.IConstruct, ending string) string {
	id := *c.Node().Id()
	if id == "Resource" { // of a construct of the CDK
		id = *c.Node().Scope().Node().Id()
	}
	return strings.TrimSuffix(id, ending)
}
