package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/trip/saga"
)

// addStateMachine adds the saga's definition, byte for byte; CloudFormation substitutes the aliases of its functions. The
// log has only errors and no data: Step Functions keeps every execution's history for 90 days.
func (a *Application) addStateMachine() {
	aliases := a.taskAliases()
	a.Machine = awsstepfunctions.NewStateMachine(a.Stack, jsii.String("Saga"), &awsstepfunctions.StateMachineProps{
		StateMachineName:        jsii.String(a.machineName()),
		StateMachineType:        awsstepfunctions.StateMachineType_STANDARD,
		DefinitionBody:          awsstepfunctions.DefinitionBody_FromString(jsii.String(string(saga.Booking().Definition()))),
		DefinitionSubstitutions: &aliases,
		TracingEnabled:          jsii.Bool(true),
		Role: awsiam.NewRole(a.Stack, jsii.String("SagaRole"), &awsiam.RoleProps{
			AssumedBy: a.service("states.amazonaws.com"),
		}),
		Logs: &awsstepfunctions.LogOptions{
			Destination: a.vendedLog("SagaLog"), Level: awsstepfunctions.LogLevel_ERROR, IncludeExecutionData: jsii.Bool(false),
		},
	})
	ignore(a.Machine.Node().DefaultChild().(awscdk.CfnResource), "W3005", "The CDK names the role beside its policy.")
	var targets []*string
	for _, task := range saga.Booking().Tasks() {
		targets = append(targets, aliases[task.Name])
	}
	a.Machine.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("lambda:InvokeFunction"), Resources: &targets,
	}))
	a.addMachineAlias()
}

// taskAliases are the values of the definition's placeholders.
func (a *Application) taskAliases() map[string]*string {
	aliases := map[string]*string{}
	for _, task := range saga.Booking().Tasks() {
		aliases[task.Name] = a.function(task.Name).Live.FunctionArn()
	}
	return aliases
}

// addMachineAlias publishes the definition as a version and shifts the alias to it, a tenth of the new sagas per minute. A
// running saga keeps its version, also when it is redriven. Versions are therefore kept even if the update that created
// them is rolled back; the next update publishes another revision.
func (a *Application) addMachineAlias() {
	version := awsstepfunctions.NewCfnStateMachineVersion(a.Stack, jsii.String("SagaVersion"), &awsstepfunctions.CfnStateMachineVersionProps{
		StateMachineArn: a.Machine.StateMachineArn(), StateMachineRevisionId: a.Machine.StateMachineRevisionId(),
	})
	version.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	a.MachineLive = awsstepfunctions.NewCfnStateMachineAlias(a.Stack, jsii.String("SagaLive"), &awsstepfunctions.CfnStateMachineAliasProps{
		Name: jsii.String(live),
		DeploymentPreference: &awsstepfunctions.CfnStateMachineAlias_DeploymentPreferenceProperty{
			StateMachineVersionArn: version.Ref(), Type: jsii.String("LINEAR"), Percentage: jsii.Number(10), Interval: jsii.Number(1),
		},
	})
	a.output("StateMachineArn", a.MachineLive.Ref())
}

// guardDefinition rolls the alias back if a saga stops at a failed state during the shift. It needs the alarms and is
// therefore called after them.
func (a *Application) guardDefinition() {
	if a.Stage.IgnoreAlarms {
		return
	}
	alarm := a.Stack.Node().FindChild(jsii.String("TripsNeedingAttentionAlarm")).(awscloudwatch.Alarm)
	a.MachineLive.AddPropertyOverride(jsii.String("DeploymentPreference.Alarms"), []*string{alarm.AlarmName()})
}

// machineName is fixed, and so are the ARNs built from it: a resource that refers to the machine by them does not depend
// on it. A dependency would be a cycle: the machine waits for its tasks' aliases, these for the deployments' hook, and
// the hook for every function.
func (a *Application) machineName() string { return "tripsaga-" + a.Stage.Name }

func (a *Application) machineARN() *string { return a.statesARN("stateMachine", a.machineName()) }

// machineLiveARN is the ARN of the alias, which callers start.
func (a *Application) machineLiveARN() *string {
	return a.statesARN("stateMachine", a.machineName()+":"+live)
}

func (a *Application) statesARN(resource, name string) *string {
	return a.Stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("states"), Resource: &resource, ResourceName: &name, ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}

// service is an AWS service that acts for this account only.
func (a *Application) service(name string) awsiam.IPrincipal {
	return awsiam.NewServicePrincipal(&name, &awsiam.ServicePrincipalOpts{
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": a.Stack.Account()}},
	})
}
