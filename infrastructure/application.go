package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awspipes"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/aws/functions"
)

// Application is one stage of tripsaga. Each file adds one group of resources, in the order of the fields.
type Application struct {
	Stack awscdk.Stack // the scope of everything in it
	Stage Stage

	Table       awsdynamodb.ITable
	Functions   []*Function // in the order of functions.All
	Machines    []*Machine  // in the order of saga.All
	API         awsapigatewayv2.HttpApi
	Bus         awsevents.EventBus
	Outbox      awspipes.CfnPipe
	DeadLetters []awssqs.Queue // each has an alarm
	Alarms      []awscloudwatch.Alarm
}

// Function is one of functions.All, deployed.
type Function struct {
	functions.Function
	Lambda  awslambda.Function
	Version awslambda.Version // of this deployment
	Live    awslambda.Alias   // the alias that callers call; nil for PreTraffic, which takes no traffic
}

// NewApplicationStack adds a stage.
func NewApplicationStack(scope constructs.Construct, id string, stage Stage) *Application {
	a := &Application{
		Stage: stage,
		Stack: awscdk.NewStack(scope, &id, &awscdk.StackProps{
			StackName:             jsii.String(stage.stackName(id)),
			TerminationProtection: jsii.Bool(!stage.ephemeral()), Env: stage.placeOf(id).env(), Tags: stage.tags(),
		}),
	}
	a.addTable()
	a.addFunctions()
	a.addStateMachines()
	a.addPermissions()
	a.addAPI()
	a.addEvents()
	a.addDeployments()
	if !stage.ephemeral() {
		a.addCleaner()
		a.addObservability()
		a.guardDefinitions()
	}
	a.addLanes()
	a.finishOutbox()
	if stage.GitHub != "" {
		a.Stack.AddMetadata(&doctorMetadata, stage.doctorFlags("NONE")+" --table "+stage.doctored())
	}
	a.Stack.AddMetadata(jsii.String(tableMetadata), stage.doctored())
	if stage.ephemeral() {
		a.keepNothing()
	}
	return a
}

// name is the name of what the stage has one of, and what the names of everything else begin with.
func (a *Application) name() string { return a.Stage.Prefix + "-" + a.Stage.Name }

// function returns a function by its name in package functions.
func (a *Application) function(name string) *Function {
	for _, f := range a.Functions {
		if f.Name == name {
			return f
		}
	}
	panic("there is no function " + name)
}

// output adds an output of the stack.
func (a *Application) output(name string, value *string) {
	awscdk.NewCfnOutput(a.Stack, &name, &awscdk.CfnOutputProps{Value: value})
}

// addTable adds the single table, or adopts one.
func (a *Application) addTable() {
	if stream := a.Stage.adopted(); stream != "" {
		a.adoptTable(stream)
	} else {
		a.createTable()
	}
	a.output("TableName", a.Table.TableName())
}

// createTable makes the table. Tests create their tables from the same definition. The table is kept when the stack is
// deleted, or adopts another.
func (a *Application) createTable() {
	definition := schema.Table()
	table := awsdynamodb.NewTable(a.Stack, jsii.String("Table"), &awsdynamodb.TableProps{
		PartitionKey:        text(definition.Key.Partition),
		SortKey:             text(definition.Key.Sort),
		TimeToLiveAttribute: &definition.TTL,
		Stream:              awsdynamodb.StreamViewType(definition.Stream),
		BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:          awsdynamodb.TableEncryption_AWS_MANAGED,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(!a.Stage.ephemeral()),
		},
		DeletionProtection: jsii.Bool(!a.Stage.ephemeral()),
		RemovalPolicy:      awscdk.RemovalPolicy_RETAIN,
	})
	for _, index := range definition.Indexes {
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName: &index.Name, PartitionKey: text(index.Key.Partition), SortKey: text(index.Key.Sort),
			ProjectionType: awsdynamodb.ProjectionType_ALL,
		})
	}
	if a.Stage.ephemeral() {
		suppress(table.Node().DefaultChild().(awscdk.CfnResource), "CKV_AWS_28", "Its trips are made up, and are deleted with the pull request's stage.")
	}
	suppress(table.Node().DefaultChild().(awscdk.CfnResource), "CKV_AWS_119",
		"It is encrypted under the key aws/dynamodb, whose use CloudTrail shows; a key of one's own can be lost, and the data with it.")
	a.Table = table
}

// text is an attribute of a key; all keys are strings.
func text(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: &name, Type: awsdynamodb.AttributeType_STRING}
}

// suppress suppresses a finding of checkov for one resource. The reason is written to the template.
func suppress(r awscdk.CfnResource, check, reason string) {
	skips, _ := r.GetMetadata(&checkov).(map[string]any)
	list, _ := skips["skip"].([]any)
	r.AddMetadata(&checkov, map[string]any{"skip": append(list, map[string]any{"id": check, "comment": reason})})
}

var checkov = "checkov"

// ignore suppresses a finding of cfn-lint for one resource. cfn-lint reads only the rules; the reasons are for people.
func ignore(r awscdk.CfnResource, rule, reason string) {
	key := "cfn-lint"
	metadata, _ := r.GetMetadata(&key).(map[string]any)
	config, _ := metadata["config"].(map[string]any)
	rules, _ := config["ignore_checks"].([]any)
	reasons, _ := metadata["reasons"].(map[string]any)
	if reasons == nil {
		reasons = map[string]any{}
	}
	reasons[rule] = reason
	r.AddMetadata(&key, map[string]any{"config": map[string]any{"ignore_checks": append(rules, rule)}, "reasons": reasons})
}
