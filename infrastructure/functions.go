package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/functions"
)

// addFunctions adds every function, with a role and a log of its own. A version is published when its code or
// configuration changes, and kept, so that what still runs on an older one, or goes back to it, finds it. Only what an
// update made that is rolled back goes with it: Lambda refuses to publish the same bytes again.
func (a *Application) addFunctions() {
	code := awslambda.Code_FromAsset(&a.Stage.Code, nil)
	for _, spec := range functions.All() {
		f := &Function{Function: spec, Lambda: a.lambda(spec, code)}
		f.Version = f.Lambda.CurrentVersion()
		if spec.Name != functions.PreTraffic {
			f.Live = awslambda.NewAlias(a.Stack, jsii.String(spec.Name+"Live"), &awslambda.AliasProps{
				AliasName: jsii.String(live), Version: f.Version,
			})
		}
		a.Functions = append(a.Functions, f)
	}
}

// live names what takes the traffic: of each function, and of the state machine.
const live = "live"

func (a *Application) lambda(spec functions.Function, code awslambda.AssetCode) awslambda.Function {
	log := a.log(spec.Name + "Log")
	role := awsiam.NewRole(a.Stack, jsii.String(spec.Name+"Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	log.GrantWrite(role)
	f := awslambda.NewFunction(a.Stack, &spec.Name, &awslambda.FunctionProps{
		Runtime:               awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:          awslambda.Architecture_ARM_64(),
		Handler:               &spec.Name,
		Code:                  code,
		Timeout:               awscdk.Duration_Seconds(jsii.Number(spec.Timeout.Seconds())),
		MemorySize:            jsii.Number(spec.Memory),
		Role:                  role,
		LogGroup:              log,
		LoggingFormat:         awslambda.LoggingFormat_JSON,
		Tracing:               awslambda.Tracing_ACTIVE,
		Environment:           a.environment(spec.Name),
		CurrentVersionOptions: &awslambda.VersionOptions{RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE},
	})
	resource := f.Node().DefaultChild().(awscdk.CfnResource)
	suppress(resource, "CKV_AWS_115", "A reservation would take from the account's limit; the API's throttling bounds what comes in.")
	suppress(resource, "CKV_AWS_116", "Who calls it synchronously gets its error; what EventBridge sends has dead letters.")
	suppress(resource, "CKV_AWS_117", "It calls services of AWS only, and nothing in a VPC.")
	suppress(resource, "CKV_AWS_173", "Its variables are names and ARNs, and no secrets.")
	ignore(resource, "W3005", "The CDK names the role beside its policy.")
	return f
}

// environment returns the settings that a function reads and that the deployment gives. NEW_VERSIONS is added later, see
// addHook.
func (a *Application) environment(name string) *map[string]*string {
	given := map[string]*string{
		functions.MetricsNamespace: jsii.String("tripsaga/" + a.Stage.Name),
		functions.TableName:        a.Table.TableName(),
		functions.StateMachineARN:  a.machineLiveARN(),
	}
	variables := map[string]*string{}
	for _, s := range functions.Settings() {
		if value, ok := given[s.Name]; ok && s.ReadBy(name) {
			variables[s.Name] = value
		}
	}
	return &variables
}

// log is a log group, which outlives what writes to it until its retention is over, unless its creation is rolled back.
func (a *Application) log(id string) awslogs.LogGroup { return a.namedLog(id, nil) }

// vendedLog is one that a service writes to by its own right. The names that begin so need no policy each, of which an
// account can have ten; the stack's unique id lets a stack be made anew beside the logs of the one before.
func (a *Application) vendedLog(id string) awslogs.LogGroup {
	unique := awscdk.Fn_Select(jsii.Number(2), awscdk.Fn_Split(jsii.String("/"), a.Stack.StackId(), nil))
	return a.namedLog(id, jsii.String("/aws/vendedlogs/tripsaga-"+a.Stage.Name+"/"+id+"-"+*unique))
}

func (a *Application) namedLog(id string, name *string) awslogs.LogGroup {
	log := awslogs.NewLogGroup(a.Stack, &id, &awslogs.LogGroupProps{
		LogGroupName: name, RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE,
	})
	resource := log.Node().DefaultChild().(awslogs.CfnLogGroup)
	resource.SetRetentionInDays(jsii.Number(a.Stage.LogRetentionDays))
	suppress(resource, "CKV_AWS_158", "CloudWatch Logs encrypts it under a key of its own, and no log has personal data.")
	return log
}
