package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/functions"
)

// Application is one stage of tripsaga. Its files, one a group of resources, fill it from the first field to the last.
type Application struct {
	Stack awscdk.Stack // the scope of everything in it
	Stage Stage

	Table       awsdynamodb.Table
	Functions   []*Function // in the order of functions.All
	Machine     awsstepfunctions.StateMachine
	MachineLive awsstepfunctions.CfnStateMachineAlias
	API         awsapigatewayv2.HttpApi
	Bus         awsevents.EventBus
	DeadLetters []awssqs.Queue // each is watched by an alarm
	Alarms      []awscloudwatch.Alarm
}

// Function is one of functions.All, deployed.
type Function struct {
	functions.Function
	Lambda  awslambda.Function
	Version awslambda.Version // of this deployment
	Live    awslambda.Alias   // what callers call; nil for PreTraffic, which takes no traffic
}

// NewApplicationStack adds a stage.
func NewApplicationStack(scope constructs.Construct, id string, stage Stage) *Application {
	a := &Application{
		Stage: stage,
		Stack: awscdk.NewStack(scope, &id, &awscdk.StackProps{
			StackName:             jsii.String("tripsaga-" + stage.Name),
			TerminationProtection: jsii.Bool(true),
		}),
	}
	a.addTable()
	a.addFunctions()
	a.addStateMachine()
	a.addPermissions()
	a.addAPI()
	a.addEvents()
	a.addDeployments()
	a.addObservability()
	a.guardDefinition()
	return a
}

// function is the one of a name of package functions.
func (a *Application) function(name string) *Function {
	for _, f := range a.Functions {
		if f.Name == name {
			return f
		}
	}
	panic("there is no function " + name)
}

// output shows a value when the stack is deployed.
func (a *Application) output(name string, value *string) {
	awscdk.NewCfnOutput(a.Stack, &name, &awscdk.CfnOutputProps{Value: value})
}
