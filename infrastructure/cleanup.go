package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipelineactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// addCleaner adds the role with which the pipeline deletes old versions of this stage. It may delete versions and never the
// function or the state machine: a right on a qualified ARN is none on the function, and deleting a state machine is another
// action. Step Functions checks a state machine's ARN for its versions and aliases too.
func (a *Application) addCleaner() {
	cleaner := a.pipelineRole("Cleaner", a.Stage.cleanerRole(a.Stack, a.Stage.Name), a.Stage.cleanUpRole(a.Stack, a.Stage.Name))
	var listed, versions []*string
	for _, f := range a.Functions {
		arn := f.Lambda.FunctionArn()
		listed, versions = append(listed, arn), append(versions, jsii.String(*arn+":*"))
	}
	cleaner.AddToPolicy(allow("cloudformation", "DescribeStacks ListStackResources", a.Stack.StackId(), nil))
	cleaner.AddToPolicy(allow("codedeploy", "ListDeployments", a.Stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("codedeploy"), Resource: jsii.String("deploymentgroup"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		ResourceName: jsii.String(a.name() + "/*"),
	}), nil))
	cleaner.AddToPolicy(allowAll("lambda", "ListVersionsByFunction ListAliases", listed, nil))
	cleaner.AddToPolicy(allowAll("lambda", "DeleteFunction", versions, nil))
	a.output("CleanerRoleArn", cleaner.RoleArn())
	cleaner.AddToPolicy(allowAll("states",
		"ListStateMachineVersions ListStateMachineAliases DescribeStateMachineAlias ListExecutions DeleteStateMachineVersion", a.machineARNs(), nil))
}

// cleanUpRole is the name of the role of the pipeline's project, or of GitHub's workflow; cleanerRole that of a stage's role
// which it assumes.
func (c *Config) cleanUpRole(s awscdk.Stack, stage string) *string {
	if c.GitHub != "" {
		return c.checkRole(s, stage)
	}
	_, region := c.in(pipelineStack, s)
	return jsii.String(c.Prefix + "-pipeline-clean-up-" + *region)
}

func (c *Config) cleanerRole(s awscdk.Stack, stage string) *string {
	_, region := c.in(stackOf(stage), s)
	return jsii.String(c.Prefix + "-" + stage + "-cleaner-" + *region)
}

// cleanUp deletes the old versions of both stages after a release. A stage in which the next release is being deployed by
// then is left to that one: the command's exit code is 6.
func (p *pipelineOf) cleanUp() awscodepipeline.IAction {
	commands := []string{
		`chmod +x bin/tripsaga`, // an artifact may lose a file's mode
		`export AWS_CONFIG_FILE="$PWD/cleaner.ini"`,
	}
	roles, variable := map[string]*string{}, map[string]string{staging: "STAGING_ROLE_ARN", production: "PRODUCTION_ROLE_ARN"}
	for _, stage := range []string{staging, production} {
		roles[variable[stage]] = p.role(stackOf(stage), *p.config.cleanerRole(p.Stack, stage))
		commands = append(commands,
			`printf '[default]\nrole_arn = %s\ncredential_source = EcsContainer\n' "$`+variable[stage]+`" >"$AWS_CONFIG_FILE"`,
			`bin/tripsaga aws clean-up --delete --stack `+p.config.stackName(stackOf(stage))+` --region "`+p.regionOf(stackOf(stage))+`" || [ $? = 6 ]`)
	}
	project := p.project("CleanUp", &awscodebuild.PipelineProjectProps{
		Role: awsiam.NewRole(p.Stack, jsii.String("CleanUpRole"), &awsiam.RoleProps{
			RoleName: p.config.cleanUpRole(p.Stack, staging), AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
		}),
		BuildSpec:            buildSpec(map[string]any{"phases": map[string]any{"build": map[string]any{"commands": commands}}}),
		EnvironmentVariables: variables(roles),
		Timeout:              awscdk.Duration_Minutes(jsii.Number(60)),
	})
	for _, role := range sorted(roles) {
		project.AddToRolePolicy(allow("sts", "AssumeRole", role, nil))
	}
	return awscodepipelineactions.NewCodeBuildAction(&awscodepipelineactions.CodeBuildActionProps{
		ActionName: jsii.String("CleanUp"), Project: project, Input: p.assembly,
	})
}
