package main

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awspipes"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/functions"
)

func (a *Application) addEvents() {
	a.addBus()
	a.addOutbox()
	a.addListener()
	a.addSchedule()
}

// source is the source of the events on the bus.
const source = "tripsaga"

// addBus adds the bus that others subscribe to, with an archive from which its events can be replayed.
func (a *Application) addBus() {
	a.Bus = awsevents.NewEventBus(a.Stack, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String(a.name()),
	})
	archive := a.Bus.Archive(jsii.String("BusArchive"), &awsevents.BaseArchiveProps{
		ArchiveName:  jsii.String(a.name()), // a generated one may exceed the 48 characters allowed
		EventPattern: &awsevents.EventPattern{Source: jsii.Strings(source)},
		Retention:    awscdk.Duration_Days(jsii.Number(a.Stage.archiveDays())),
	})
	// Without a key the CDK writes "", which some regions refuse.
	archive.Node().DefaultChild().(awscdk.CfnResource).AddPropertyDeletionOverride(jsii.String("KmsKeyIdentifier"))
	a.output("EventBusName", a.Bus.EventBusName())
}

// outboxFilter passes new items of the outbox. The removal of an expired item is a REMOVE, which it drops.
func outboxFilter() string {
	filter := map[string]any{
		"eventName": []string{"INSERT"},
		"dynamodb":  map[string]any{"Keys": map[string]any{"SK": map[string]any{"S": []any{map[string]any{"prefix": "OUTBOX#"}}}}},
	}
	text, _ := json.Marshal(filter)
	return string(text)
}

// The stream keeps a record for 24 hours. A record that fails for a quarter of that goes to the dead letters, alone: its
// batch is bisected until it is the only one. Shorter outages lose nothing.
const (
	outboxAge      = 6 * 60 * 60 // seconds
	outboxAttempts = 1000
)

// addOutbox adds the pipe from the table's stream through the relay to the bus. finishOutbox makes it wait.
func (a *Application) addOutbox() {
	letters := a.deadLetters("OutboxDeadLetters")
	relay := a.function(functions.OutboxRelay)
	a.Outbox = awspipes.NewCfnPipe(a.Stack, jsii.String("Outbox"), &awspipes.CfnPipeProps{
		RoleArn: a.outboxRole(relay, letters).RoleArn(), Source: a.Table.TableStreamArn(),
		Enrichment: relay.Live.FunctionArn(), Target: a.Bus.EventBusArn(),
		SourceParameters: outboxSource(letters),
		TargetParameters: &awspipes.CfnPipe_PipeTargetParametersProperty{
			EventBridgeEventBusParameters: &awspipes.CfnPipe_PipeTargetEventBridgeEventBusParametersProperty{
				Source: jsii.String(source), DetailType: jsii.String("$.type"),
			},
		},
	})
}

// outboxRole has its policy from the start, and names the relay's alias without waiting for it: IAM takes up to 90 s to
// spread a right, and a pipe that cannot read its stream by then fails the creation of the stack.
func (a *Application) outboxRole(relay *Function, letters awssqs.Queue) awsiam.Role {
	statements := []awsiam.PolicyStatement{
		allow("dynamodb", "DescribeStream GetRecords GetShardIterator ListStreams", a.Table.TableStreamArn(), nil),
		allow("lambda", "InvokeFunction", jsii.String(*relay.Lambda.FunctionArn()+":"+live), nil),
		allow("events", "PutEvents", a.Bus.EventBusArn(), nil),
		allow("sqs", "SendMessage", letters.QueueArn(), nil),
	}
	return awsiam.NewRole(a.Stack, jsii.String("OutboxRole"), &awsiam.RoleProps{
		AssumedBy: a.service("pipes.amazonaws.com"),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"Outbox": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements}),
		},
	})
}

// finishOutbox makes the pipe wait for what takes longest, the aliases of all functions and state machines: by then its
// role's rights have spread. It refers to the relay's alias anyway.
func (a *Application) finishOutbox() {
	for _, f := range a.deployed() {
		if f.Name != functions.OutboxRelay {
			a.Outbox.AddDependency(f.Live.Node().DefaultChild().(awscdk.CfnResource))
		}
	}
	for _, m := range a.Machines {
		a.Outbox.AddDependency(m.Live)
	}
}

// outboxSource starts with the oldest record, so that writes during the deployment are not missed.
func outboxSource(letters awssqs.Queue) *awspipes.CfnPipe_PipeSourceParametersProperty {
	return &awspipes.CfnPipe_PipeSourceParametersProperty{
		FilterCriteria: &awspipes.CfnPipe_FilterCriteriaProperty{
			Filters: &[]any{&awspipes.CfnPipe_FilterProperty{Pattern: jsii.String(outboxFilter())}},
		},
		DynamoDbStreamParameters: &awspipes.CfnPipe_PipeSourceDynamoDBStreamParametersProperty{
			StartingPosition: jsii.String("TRIM_HORIZON"), BatchSize: jsii.Number(10), OnPartialBatchItemFailure: jsii.String("AUTOMATIC_BISECT"),
			MaximumRetryAttempts: jsii.Number(outboxAttempts), MaximumRecordAgeInSeconds: jsii.Number(outboxAge),
			DeadLetterConfig: &awspipes.CfnPipe_DeadLetterConfigProperty{Arn: letters.QueueArn()},
		},
	}
}

// addListener calls the listener for sagas that stopped without success; the event names the state machine, and so the
// saga. EventBridge retries a failed delivery to the
// function, and Lambda retries a failed call; what outlasts either goes to the dead letters.
func (a *Application) addListener() {
	letters := a.deadLetters("ListenerDeadLetters")
	listener, age := a.function(functions.ExecutionListener).Live, awscdk.Duration_Hours(jsii.Number(2))
	var machines []*string
	for _, m := range a.Machines {
		machines = append(machines, m.StateMachine.StateMachineArn())
	}
	awsevents.NewRule(a.Stack, jsii.String("SagaStopped"), &awsevents.RuleProps{
		EventPattern: &awsevents.EventPattern{
			Source:     jsii.Strings("aws.states"),
			DetailType: jsii.Strings("Step Functions Execution Status Change"),
			Detail: &map[string]any{
				"stateMachineArn": machines, "status": jsii.Strings("FAILED", "TIMED_OUT", "ABORTED"),
			},
		},
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(listener, &awseventstargets.LambdaFunctionProps{
			DeadLetterQueue: letters, RetryAttempts: jsii.Number(20), MaxEventAge: age,
		})},
	})
	a.function(functions.ExecutionListener).Lambda.AddToRolePolicy(allow("sqs", "SendMessage", letters.QueueArn(), nil))
	asynchronous(listener, &awslambda.CfnEventInvokeConfigProps{
		MaximumRetryAttempts: jsii.Number(2), MaximumEventAgeInSeconds: age.ToSeconds(nil),
		DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: letters.QueueArn()},
		},
	})
}

// asynchronous configures Lambda's asynchronous calls of the alias.
func asynchronous(alias awslambda.Alias, props *awslambda.CfnEventInvokeConfigProps) {
	props.FunctionName, props.Qualifier = alias.Lambda().FunctionName(), jsii.String(live)
	awslambda.NewCfnEventInvokeConfig(alias, jsii.String("Asynchronous"), props).Node().AddDependency(alias)
}

// addSchedule runs the reconciler every minute. A failed run is not retried, since the next one is due soon.
func (a *Application) addSchedule() {
	reconciler := a.function(functions.Reconciler).Live
	minute := awscdk.Duration_Minutes(jsii.Number(1))
	awsevents.NewRule(a.Stack, jsii.String("EachMinute"), &awsevents.RuleProps{
		Schedule: awsevents.Schedule_Rate(minute),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(reconciler, &awseventstargets.LambdaFunctionProps{
			DeadLetterQueue: a.deadLetters("ScheduleDeadLetters"), RetryAttempts: jsii.Number(0), MaxEventAge: minute,
		})},
	})
	asynchronous(reconciler, &awslambda.CfnEventInvokeConfigProps{
		MaximumRetryAttempts: jsii.Number(0), MaximumEventAgeInSeconds: minute.ToSeconds(nil),
	})
}

// deadLetters adds a queue with the longest retention that SQS allows.
func (a *Application) deadLetters(id string) awssqs.Queue {
	queue := awssqs.NewQueue(a.Stack, &id, &awssqs.QueueProps{
		Encryption: awssqs.QueueEncryption_SQS_MANAGED, EnforceSSL: jsii.Bool(true),
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
	})
	suppress(queue.Node().DefaultChild().(awscdk.CfnResource), "CKV_AWS_27", "SQS encrypts it under a key of its own; no letter has personal data.")
	a.DeadLetters = append(a.DeadLetters, queue)
	return queue
}
