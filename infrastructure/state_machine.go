package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/trip/saga"
)

// Machine is the state machine of a saga.
type Machine struct {
	Saga         *saga.Saga
	StateMachine awsstepfunctions.StateMachine
	Live         awsstepfunctions.CfnStateMachineAlias // which callers start
}

// id is what the identifiers of a saga's constructs begin with.
func id(s *saga.Saga) string {
	if s == saga.Booking() {
		return "Saga"
	}
	return strings.ToUpper(s.Name()[:1]) + s.Name()[1:]
}

// addStateMachines adds each saga's definition, byte for byte; CloudFormation substitutes the aliases of its functions. The
// definition names them without referring to them: it is updated before any alias shifts, so that a definition which Step
// Functions refuses has moved no traffic. Nobody starts it until its version and its alias follow the functions' aliases.
// The log has only errors and no data: Step Functions keeps every execution's history for 90 days.
func (a *Application) addStateMachines() {
	for _, s := range saga.All() {
		a.Machines = append(a.Machines, a.stateMachine(s))
	}
}

func (a *Application) stateMachine(s *saga.Saga) *Machine {
	aliases := map[string]*string{}
	var targets []*string
	for _, task := range s.Tasks() {
		aliases[task.Name] = jsii.String(*a.function(task.Name).Lambda.FunctionArn() + ":" + live)
		targets = append(targets, aliases[task.Name])
	}
	m := awsstepfunctions.NewStateMachine(a.Stack, jsii.String(id(s)), &awsstepfunctions.StateMachineProps{
		StateMachineName:        jsii.String(a.machineName(s)),
		StateMachineType:        awsstepfunctions.StateMachineType_STANDARD,
		DefinitionBody:          awsstepfunctions.DefinitionBody_FromString(jsii.String(string(s.Definition()))),
		DefinitionSubstitutions: &aliases,
		TracingEnabled:          jsii.Bool(true),
		Role: awsiam.NewRole(a.Stack, jsii.String(id(s)+"Role"), &awsiam.RoleProps{
			AssumedBy: a.service("states.amazonaws.com"),
		}),
		Logs: &awsstepfunctions.LogOptions{
			Destination: a.vendedLog(id(s) + "Log"), Level: awsstepfunctions.LogLevel_ERROR, IncludeExecutionData: jsii.Bool(false),
		},
	})
	ignore(m.Node().DefaultChild().(awscdk.CfnResource), "W3005", "The CDK names the role beside its policy.")
	m.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("lambda:InvokeFunction"), Resources: &targets,
	}))
	return &Machine{Saga: s, StateMachine: m, Live: a.machineAlias(s, m)}
}

// machineAlias publishes the definition as a version and shifts the alias to it, a tenth of the new executions per minute.
// A running execution keeps its version, also when it is redriven. Versions are therefore kept even if the update that
// created them is rolled back; the next update publishes another revision.
func (a *Application) machineAlias(s *saga.Saga, m awsstepfunctions.StateMachine) awsstepfunctions.CfnStateMachineAlias {
	version := awsstepfunctions.NewCfnStateMachineVersion(a.Stack, jsii.String(id(s)+"Version"), &awsstepfunctions.CfnStateMachineVersionProps{
		StateMachineArn: m.StateMachineArn(), StateMachineRevisionId: m.StateMachineRevisionId(),
	})
	version.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	for _, task := range s.Tasks() {
		version.AddDependency(a.function(task.Name).Live.Node().DefaultChild().(awscdk.CfnResource))
	}
	// An alias cannot move to the version of another state machine: one with another name has another alias.
	alias := awsstepfunctions.NewCfnStateMachineAlias(a.Stack, jsii.String(id(s)+"Live"+strings.TrimPrefix(a.Stage.generation(), "-")), &awsstepfunctions.CfnStateMachineAliasProps{
		Name: jsii.String(live), DeploymentPreference: a.machineShift(version.Ref()),
	})
	a.output(strings.TrimPrefix(id(s), "Saga")+"StateMachineArn", alias.Ref())
	return alias
}

func (a *Application) machineShift(version *string) *awsstepfunctions.CfnStateMachineAlias_DeploymentPreferenceProperty {
	shift := &awsstepfunctions.CfnStateMachineAlias_DeploymentPreferenceProperty{StateMachineVersionArn: version, Type: jsii.String("ALL_AT_ONCE")}
	if !a.Stage.ephemeral() {
		shift.Type, shift.Percentage, shift.Interval = jsii.String("LINEAR"), jsii.Number(10), jsii.Number(1)
	}
	return shift
}

// guardDefinitions rolls an alias back if a saga stops at a failed state during the shift. It needs the alarms and is
// therefore called after them.
func (a *Application) guardDefinitions() {
	if a.Stage.IgnoreAlarms {
		return
	}
	alarm := a.Stack.Node().FindChild(jsii.String("TripsNeedingAttentionAlarm")).(awscloudwatch.Alarm)
	for _, m := range a.Machines {
		m.Live.AddPropertyOverride(jsii.String("DeploymentPreference.Alarms"), []*string{alarm.AlarmName()})
	}
}

// machineName is fixed, and so are the ARNs built from it: a resource that refers to the machine by them does not depend
// on it. The functions that start and read executions are so updated without waiting for the definition.
func (a *Application) machineName(s *saga.Saga) string {
	name := a.name() + a.Stage.generation()
	if s != saga.Booking() {
		name += "-" + s.Name()
	}
	return name
}

// machineARN is the ARN of a saga's state machine, with what qualifies it: "" or a colon and an alias.
func (a *Application) machineARN(s *saga.Saga, qualifier string) *string {
	return a.statesARN("stateMachine", a.machineName(s)+qualifier)
}

// machineARNs are those of all sagas.
func (a *Application) machineARNs() (all []*string) {
	for _, s := range saga.All() {
		all = append(all, a.machineARN(s, ""))
	}
	return all
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
