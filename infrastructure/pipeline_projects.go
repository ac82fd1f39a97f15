package main

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipelineactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"
)

// build makes and tests what is deployed, by the repository's own buildspec.yml. It may call nothing of AWS but its
// artifacts, its cache and its log. The context, which a build has no command line for, comes with it.
func (p *pipelineOf) build() awscodepipeline.IAction {
	context, _ := json.Marshal(p.config.Given())
	project := p.project("Build", &awscodebuild.PipelineProjectProps{
		BuildSpec: awscodebuild.BuildSpec_FromSourceFilename(jsii.String("buildspec.yml")),
		Environment: &awscodebuild.BuildEnvironment{
			BuildImage:  awscodebuild.LinuxBuildImage_STANDARD_7_0(), // x86, for which DynamoDB Local's native libraries are
			ComputeType: awscodebuild.ComputeType_LARGE,
		},
		EnvironmentVariables: variables(map[string]*string{contextVariable: jsii.String(string(context))}),
		Cache:                awscodebuild.Cache_Bucket(p.cache, &awscodebuild.BucketCacheOptions{Prefix: jsii.String("build")}),
		Timeout:              awscdk.Duration_Hours(jsii.Number(1)),
	})
	project.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{ // the CDK allows it beside the output
		Effect: awsiam.Effect_DENY, Actions: jsii.Strings("s3:DeleteObject*"), Resources: &[]*string{p.bucket.ArnForObjects(jsii.String("*"))},
	}))
	return awscodepipelineactions.NewCodeBuildAction(&awscodepipelineactions.CodeBuildActionProps{
		ActionName: jsii.String("Build"), Project: project, Input: p.source, Outputs: &[]awscodepipeline.Artifact{p.assembly},
	})
}

// The variables by which a deployment to a stage hands on what it has made.
const (
	apiURL     = "API_URL"
	checkerARN = "CHECKER_ROLE_ARN"
)

// deployProject deploys a stack of the assembly as it is: the app is not run again. It may assume the roles that the
// CDK's bootstrap made for that, and nothing else; what they may do is settled there.
func (p *pipelineOf) deployProject() awscodebuild.PipelineProject {
	project := p.project("Deploy", &awscodebuild.PipelineProjectProps{
		BuildSpec: buildSpec(map[string]any{
			"env": map[string]any{"exported-variables": []string{apiURL, checkerARN}},
			"phases": map[string]any{
				"install": map[string]any{"runtime-versions": map[string]any{"nodejs": 22}, "commands": []string{"npm ci --ignore-scripts"}},
				"build": map[string]any{"commands": []string{
					`npx cdk deploy --app cdk.out "$STACK" --require-approval never --outputs-file outputs.json`,
					`export ` + apiURL + `="$(jq -r '.[].ApiUrl // empty' outputs.json)"`,
					`export ` + checkerARN + `="$(jq -r '.[].CheckerRoleArn // empty' outputs.json)"`,
				}},
			},
		}),
		Timeout: awscdk.Duration_Hours(jsii.Number(3)), // LINEAR_10PERCENT_EVERY_10MINUTES takes half of it
	})
	for _, role := range []string{"deploy", "file-publishing", "lookup"} {
		project.AddToRolePolicy(allow("sts", "AssumeRole", p.bootstrapRole(role), nil))
	}
	return project
}

func (p *pipelineOf) bootstrapRole(name string) *string {
	qualifier := *p.Synthesizer().BootstrapQualifier()
	return p.role("cdk-" + qualifier + "-" + name + "-role-" + *p.Account() + "-" + *p.Region())
}

func (p *pipelineOf) role(name string) *string {
	return p.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("iam"), Region: jsii.String(""), Resource: jsii.String("role"), ResourceName: &name,
	})
}

func (p *pipelineOf) deploy(project awscodebuild.IProject, stack string) awscodepipelineactions.CodeBuildAction {
	return awscodepipelineactions.NewCodeBuildAction(&awscodepipelineactions.CodeBuildActionProps{
		ActionName: jsii.String("Deploy"), Project: project, Input: p.assembly, EnvironmentVariables: variables(map[string]*string{"STACK": &stack}),
		VariablesNamespace: jsii.String("Deploy" + stack),
	})
}

// checkProject books trips in staging, in the role that the stage has for that, and verifies what they leave.
func (p *pipelineOf) checkProject() awscodebuild.PipelineProject {
	arguments := ` --url "$` + apiURL + `" --sigv4 "$AWS_REGION"`
	project := p.project("Check", &awscodebuild.PipelineProjectProps{
		Role: awsiam.NewRole(p.Stack, jsii.String("CheckRole"), &awsiam.RoleProps{
			RoleName: checkRole(p.Stack), AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
		}),
		BuildSpec: buildSpec(map[string]any{
			"phases": map[string]any{"build": map[string]any{"commands": []string{
				`chmod +x bin/tripsaga`, // an artifact may lose a file's mode
				`export PATH="$PWD/bin:$PATH" AWS_CONFIG_FILE="$PWD/checker.ini"`,
				`printf '[default]\nrole_arn = %s\ncredential_source = EcsContainer\n' "$` + checkerARN + `" >"$AWS_CONFIG_FILE"`,
				`bash scripts/check_inventory.sh >inventory.csv`, // what the checks book
				`tripsaga inventory load inventory.csv` + arguments,
				`bash scripts/happy_path.sh` + arguments,
				`bash scripts/compensation.sh` + arguments,
			}}},
		}),
		Timeout: awscdk.Duration_Minutes(jsii.Number(30)),
	})
	project.AddToRolePolicy(allow("sts", "AssumeRole", p.role(*checkerRole(p.Stack, staging)), nil))
	return project
}

func (p *pipelineOf) check(project awscodebuild.IProject, staged awscodepipelineactions.CodeBuildAction) awscodepipeline.IAction {
	return awscodepipelineactions.NewCodeBuildAction(&awscodepipelineactions.CodeBuildActionProps{
		ActionName: jsii.String("Check"), Project: project, Input: p.assembly, RunOrder: jsii.Number(2),
		EnvironmentVariables: variables(map[string]*string{
			apiURL: staged.Variable(jsii.String(apiURL)), checkerARN: staged.Variable(jsii.String(checkerARN)),
		}),
	})
}

// project adds what all have: a log that ends, the key, and no right to make reports.
func (p *pipelineOf) project(name string, props *awscodebuild.PipelineProjectProps) awscodebuild.PipelineProject {
	full := "tripsaga-" + strings.ToLower(name)
	log := awslogs.NewLogGroup(p.Stack, jsii.String(name+"Log"), &awslogs.LogGroupProps{
		LogGroupName: jsii.String("/aws/codebuild/" + full), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	resource := log.Node().DefaultChild().(awslogs.CfnLogGroup)
	resource.SetRetentionInDays(jsii.Number(p.config.LogRetentionDays))
	suppress(resource, "CKV_AWS_158", "CloudWatch Logs encrypts it under a key of its own, and no log has secrets.")
	props.ProjectName = &full
	props.EncryptionKey = p.key
	props.Logging = &awscodebuild.LoggingOptions{CloudWatch: &awscodebuild.CloudWatchLoggingOptions{LogGroup: log}}
	props.GrantReportGroupPermissions = jsii.Bool(false)
	if props.Environment == nil {
		props.Environment = &awscodebuild.BuildEnvironment{BuildImage: awscodebuild.LinuxBuildImage_STANDARD_7_0()}
	}
	return awscodebuild.NewPipelineProject(p.Stack, jsii.String(name), props)
}

func buildSpec(spec map[string]any) awscodebuild.BuildSpec {
	spec["version"] = "0.2"
	return awscodebuild.BuildSpec_FromObject(&spec)
}

func variables(values map[string]*string) *map[string]*awscodebuild.BuildEnvironmentVariable {
	all := map[string]*awscodebuild.BuildEnvironmentVariable{}
	for name, value := range values {
		all[name] = &awscodebuild.BuildEnvironmentVariable{Value: value}
	}
	return &all
}
