package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodedeploy"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/functions"
)

// addDeployments lets CodeDeploy shift every alias to its new version: the hook tries the version, then the traffic is
// shifted gradually, and an alarm rolls it back. An alias waits for its deployment group, the group for its alarms and its
// role, and all for the hook and for the sagas' definitions, which Step Functions may refuse. A rollback of the stack has
// the same order, so that the way back of an alias meets the hook and the alarms of the version that it goes back to.
func (a *Application) addDeployments() {
	application := awscodedeploy.NewCfnApplication(a.Stack, jsii.String("Deployments"), &awscodedeploy.CfnApplicationProps{
		ApplicationName: jsii.String(a.name()), ComputePlatform: jsii.String("Lambda"),
	})
	a.addHook(application)
	role := a.deploymentRole()
	for _, f := range a.deployed() {
		a.addDeployment(application, role, f)
	}
}

// deployed are the functions that take traffic.
func (a *Application) deployed() (all []*Function) {
	for _, f := range a.Functions {
		if f.Live != nil {
			all = append(all, f)
		}
	}
	return all
}

// addDeployment does not use the CDK's construct for a deployment group, whose role has more rights than it needs.
func (a *Application) addDeployment(application awscodedeploy.CfnApplication, role awsiam.IRole, f *Function) {
	group := awscodedeploy.NewCfnDeploymentGroup(a.Stack, jsii.String(f.Name+"Deployment"), &awscodedeploy.CfnDeploymentGroupProps{
		ApplicationName: application.Ref(), DeploymentGroupName: &f.Name, ServiceRoleArn: role.RoleArn(),
		DeploymentConfigName: jsii.String(deploymentConfig(a.Stage.Deployment)),
		DeploymentStyle: &awscodedeploy.CfnDeploymentGroup_DeploymentStyleProperty{
			DeploymentType: jsii.String("BLUE_GREEN"), DeploymentOption: jsii.String("WITH_TRAFFIC_CONTROL"),
		},
		AlarmConfiguration: a.deploymentAlarms(f),
		AutoRollbackConfiguration: &awscodedeploy.CfnDeploymentGroup_AutoRollbackConfigurationProperty{
			Enabled: true, Events: jsii.Strings("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"),
		},
	})
	alias := f.Live.Node().DefaultChild().(awscdk.CfnResource)
	alias.AddDependency(group)
	ignore(alias, "W3005", "An update policy's references are not documented to be an order.")
	for _, m := range a.Machines {
		alias.AddDependency(m.StateMachine.Node().DefaultChild().(awscdk.CfnResource))
	}
	update := &awscdk.CfnCodeDeployLambdaAliasUpdate{ApplicationName: application.Ref(), DeploymentGroupName: group.Ref()}
	if !a.Stage.SkipTrial {
		hook := a.function(functions.PreTraffic).Lambda
		alias.AddDependency(hook.Node().DefaultChild().(awscdk.CfnResource))
		update.BeforeAllowTrafficHook = hook.FunctionName()
	}
	alias.CfnOptions().SetUpdatePolicy(&awscdk.CfnUpdatePolicy{CodeDeployLambdaAliasUpdate: update})
}

// deploymentConfig converts the CDK's name of a configuration, such as LINEAR_10PERCENT_EVERY_1MINUTE, to CodeDeploy's.
func deploymentConfig(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(strings.ToLower(name), "_") {
		i := strings.IndexFunc(part, func(r rune) bool { return r > '9' })
		b.WriteString(part[:i] + strings.ToUpper(part[i:i+1]) + part[i+1:])
	}
	return "CodeDeployDefault.Lambda" + b.String()
}

// deploymentAlarms are disabled by ignoreAlarms: a fix must be deployed while the alarms that it is for are raised.
func (a *Application) deploymentAlarms(f *Function) *awscodedeploy.CfnDeploymentGroup_AlarmConfigurationProperty {
	if a.Stage.ephemeral() {
		return nil
	}
	var alarms []any
	for _, alarm := range a.addDeploymentAlarms(f) {
		alarms = append(alarms, &awscodedeploy.CfnDeploymentGroup_AlarmProperty{Name: alarm.AlarmName()})
	}
	return &awscodedeploy.CfnDeploymentGroup_AlarmConfigurationProperty{
		Alarms: &alarms, Enabled: !a.Stage.IgnoreAlarms, IgnorePollAlarmFailure: false,
	}
}

// addHook passes the functions to the hook and allows it to call their versions, to ask for a deployment and to report. The
// actions on a deployment's targets have no resources in IAM.
func (a *Application) addHook(application awscodedeploy.CfnApplication) {
	hook := a.function(functions.PreTraffic).Lambda
	arns := map[string]*string{}
	var targets []*string
	for _, f := range a.deployed() {
		arns[f.Name] = f.Lambda.FunctionArn()
		targets = append(targets, jsii.String(*f.Lambda.FunctionArn()+":*"))
	}
	hook.AddEnvironment(jsii.String(functions.FunctionARNs), a.Stack.ToJsonString(arns, nil), nil)
	hook.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("lambda:InvokeFunction"), Resources: &targets,
	}))
	hook.AddToRolePolicy(allow("codedeploy", "GetDeployment PutLifecycleEventHookExecutionStatus",
		a.Stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("codedeploy"), Resource: jsii.String("deploymentgroup"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
			ResourceName: jsii.String(*application.Ref() + "/*"),
		}), nil))
	hook.AddToRolePolicy(allow("codedeploy", "ListDeploymentTargets GetDeploymentTarget", jsii.String("*"), nil))
}

// deploymentRole has the rights of CodeDeploy. AWS documents rights on aliases with the function's ARN; the alias's ARN is
// added since calls name it as well.
func (a *Application) deploymentRole() awsiam.IRole {
	var aliases []*string
	for _, f := range a.deployed() {
		arn := f.Lambda.FunctionArn()
		aliases = append(aliases, arn, jsii.String(*arn+":"+live))
	}
	statements := []awsiam.PolicyStatement{
		awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"),
			Resources: &aliases,
		}),
		allow("lambda", "InvokeFunction", a.function(functions.PreTraffic).Lambda.FunctionArn(), nil),
		allow("cloudwatch", "DescribeAlarms", jsii.String("*"), nil), // composite alarms need the right on all
	}
	return awsiam.NewRole(a.Stack, jsii.String("DeploymentRole"), &awsiam.RoleProps{
		AssumedBy: a.service("codedeploy.amazonaws.com"),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"Deployment": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements}),
		},
	})
}
