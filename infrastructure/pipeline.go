package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodeconnections"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipelineactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"tripsaga/aws/functions"
)

// pipelineOf is the pipeline under construction.
type pipelineOf struct {
	awscdk.Stack
	config Config

	key      awskms.Key
	bucket   awss3.Bucket // of the artifacts
	cache    awss3.Bucket // of the build
	pipeline awscodepipeline.Pipeline

	source   awscodepipeline.Artifact // the branch's files
	assembly awscodepipeline.Artifact // the build's output, which is deployed to all stages
}

// NewPipelineStack adds the pipeline. Each push to the branch is built and tested once. The build's templates first update
// the pipeline itself, which restarts if it has changed. They are then deployed to staging, where checks book trips and,
// after a person's approval, the same bytes are deployed to production. At last old versions are deleted.
func NewPipelineStack(scope constructs.Construct, id string, config Config) awscdk.Stack {
	p := &pipelineOf{
		Stack:    awscdk.NewStack(scope, &id, &awscdk.StackProps{StackName: jsii.String(config.stackName(id)), Env: config.placeOf(id).env()}),
		config:   config,
		source:   awscodepipeline.NewArtifact(jsii.String("Source"), nil),
		assembly: awscodepipeline.NewArtifact(jsii.String("Assembly"), nil),
	}
	p.addStore()
	p.pipeline = awscodepipeline.NewPipeline(p.Stack, jsii.String("Pipeline"), &awscodepipeline.PipelineProps{
		PipelineName: &config.Prefix, PipelineType: awscodepipeline.PipelineType_V2,
		ExecutionMode: awscodepipeline.ExecutionMode_SUPERSEDED, RestartExecutionOnUpdate: jsii.Bool(true),
		ArtifactBucket: p.bucket, UsePipelineRoleForActions: jsii.Bool(true),
	})
	ignore(p.pipeline.Node().DefaultChild().(awscdk.CfnResource), "W3005", "The CDK names the role beside its policy.")
	deploy, check := p.deployProject(), p.checkProject()
	staged := p.deploy(deploy, stagingStack)
	p.stage("Source", p.sourceAction())
	p.ownWebhookSecret()
	p.stage("Build", p.build())
	p.stage("UpdatePipeline", p.deploy(deploy, id))
	p.stage("Staging", staged, p.check(check, staged))
	p.stage("Approval", p.approval())
	p.stage("Production", p.deploy(deploy, productionStack))
	p.stage("CleanUp", p.cleanUp())
	return p.Stack
}

func (p *pipelineOf) stage(name string, actions ...awscodepipeline.IAction) {
	p.pipeline.AddStage(&awscodepipeline.StageOptions{StageName: &name, Actions: &actions})
}

// addStore adds the buckets and their key: only roles with a grant for the key can read the source and the artifacts,
// whatever rights to S3 they have. The build's cache has a separate bucket, since a build may overwrite its cache but not
// the artifacts.
func (p *pipelineOf) addStore() {
	p.key = awskms.NewKey(p.Stack, jsii.String("Key"), &awskms.KeyProps{
		EnableKeyRotation: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		Description: jsii.String(p.config.stackName(pipelineStack) + ": artifacts"),
	})
	p.bucket = p.store("Artifacts", "An artifact is written once, under a name of its own, and is gone after 30 days.")
	p.cache = p.store("Cache", "A cache can be made anew, and is gone after 30 days.")
}

func (p *pipelineOf) store(id, whyUnversioned string) awss3.Bucket {
	bucket := awss3.NewBucket(p.Stack, &id, &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_KMS, EncryptionKey: p.key, BucketKeyEnabled: jsii.Bool(true),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), EnforceSSL: jsii.Bool(true),
		ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration: awscdk.Duration_Days(jsii.Number(30)), AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
		}},
	})
	resource := bucket.Node().DefaultChild().(awscdk.CfnResource)
	suppress(resource, "CKV_AWS_18", "Only the pipeline's roles have the key, and CloudTrail logs its use.")
	suppress(resource, "CKV_AWS_21", whyUnversioned)
	return bucket
}

// sourceAction starts the pipeline for each push to the branch.
func (p *pipelineOf) sourceAction() awscodepipeline.IAction {
	owner, name := p.repository()
	if p.config.GitHubTokenSecret != "" {
		return awscodepipelineactions.NewGitHubSourceAction(&awscodepipelineactions.GitHubSourceActionProps{
			ActionName: jsii.String("GitHub"), Owner: owner, Repo: name, Branch: &p.config.Branch, Output: p.source,
			OauthToken: awscdk.SecretValue_SecretsManager(&p.config.GitHubTokenSecret, nil),
			Trigger:    awscodepipelineactions.GitHubTrigger_WEBHOOK,
		})
	}
	connection := p.connection()
	p.pipeline.AddToRolePolicy(allow("codeconnections", "UseConnection", connection, nil)) // the CDK knows the service's old name only
	return awscodepipelineactions.NewCodeStarConnectionsSourceAction(&awscodepipelineactions.CodeStarConnectionsSourceActionProps{
		ActionName: jsii.String("Connection"), Owner: owner, Repo: name, Branch: &p.config.Branch, Output: p.source,
		ConnectionArn: connection, TriggerOnPush: jsii.Bool(true),
	})
}

// ownWebhookSecret gives the webhook, if there is one, a separate secret: the CDK would use the GitHub token to sign
// GitHub's calls.
func (p *pipelineOf) ownWebhookSecret() {
	for _, construct := range *p.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if hook, ok := construct.(awscodepipeline.CfnWebhook); ok {
			secret := awssecretsmanager.NewSecret(p.Stack, jsii.String("WebhookSecret"), &awssecretsmanager.SecretProps{
				Description:          jsii.String(p.config.stackName(pipelineStack) + ": by which GitHub's calls are known"),
				GenerateSecretString: &awssecretsmanager.SecretStringGenerator{ExcludePunctuation: jsii.Bool(true)},
			})
			hook.SetAuthenticationConfiguration(&awscodepipeline.CfnWebhook_WebhookAuthConfigurationProperty{
				SecretToken: secret.SecretValue().UnsafeUnwrap(), // a reference, which CloudFormation resolves
			})
		}
	}
}

// repository is a parameter of the stack if the context does not name one: CloudFormation does not deploy without it.
func (p *pipelineOf) repository() (owner, name *string) {
	if o, n, ok := strings.Cut(p.config.Repository, "/"); ok {
		return &o, &n
	}
	given := awscdk.NewCfnParameter(p.Stack, jsii.String("Repository"), &awscdk.CfnParameterProps{
		Type: jsii.String("String"), AllowedPattern: jsii.String(repository.String()),
		Description: jsii.String("The repository to deliver, as owner/name."), ConstraintDescription: jsii.String("owner/name"),
	})
	parts := awscdk.Fn_Split(jsii.String("/"), given.ValueAsString(), nil)
	return awscdk.Fn_Select(jsii.Number(0), parts), awscdk.Fn_Select(jsii.Number(1), parts)
}

// connection creates a connection if the context does not name one. It does nothing until it is approved in the console.
func (p *pipelineOf) connection() *string {
	if p.config.ConnectionARN != "" {
		return &p.config.ConnectionARN
	}
	made := awscodeconnections.NewCfnConnection(p.Stack, jsii.String("Connection"), &awscodeconnections.CfnConnectionProps{
		ConnectionName: &p.config.Prefix, ProviderType: jsii.String("GitHub"),
	})
	awscdk.NewCfnOutput(p.Stack, jsii.String("ConnectionArn"), &awscdk.CfnOutputProps{Value: made.AttrConnectionArn()})
	return made.AttrConnectionArn()
}

// approval waits for a person, who is notified if the context has an address.
func (p *pipelineOf) approval() awscodepipeline.IAction {
	return awscodepipelineactions.NewManualApprovalAction(&awscodepipelineactions.ManualApprovalActionProps{
		ActionName: jsii.String("Approve"), NotificationTopic: p.approvalTopic(),
		AdditionalInformation: jsii.String("Staging is deployed and checked. Approve to deploy the same to production."),
	})
}

func (p *pipelineOf) approvalTopic() awssns.ITopic {
	if p.config.AlarmEmail == "" {
		return nil
	}
	topic := awssns.NewTopic(p.Stack, jsii.String("ApprovalTopic"), &awssns.TopicProps{MasterKey: p.key, EnforceSSL: jsii.Bool(true)})
	topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&p.config.AlarmEmail, nil))
	return topic
}

// build builds and tests what is deployed, with the repository's buildspec.yml. Its rights are limited to its artifacts,
// its cache and its log. The context is passed in a variable, since a build has no command line.
func (p *pipelineOf) build() awscodepipeline.IAction {
	context, _ := json.Marshal(p.config.Given())
	project := p.project("Build", &awscodebuild.PipelineProjectProps{
		BuildSpec: awscodebuild.BuildSpec_FromSourceFilename(jsii.String("buildspec.yml")),
		Environment: &awscodebuild.BuildEnvironment{
			BuildImage:  awscodebuild.LinuxBuildImage_STANDARD_7_0(), // x86, for which DynamoDB Local's native libraries are
			ComputeType: awscodebuild.ComputeType(p.config.BuildSize),
		},
		EnvironmentVariables: variables(map[string]*string{contextVariable: jsii.String(string(context))}),
		Cache:                awscodebuild.Cache_Bucket(p.cache, &awscodebuild.BucketCacheOptions{Prefix: jsii.String("build")}),
		Timeout:              awscdk.Duration_Hours(jsii.Number(3)), // a LARGE one takes less than one
	})
	project.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{ // the CDK allows it together with writing
		Effect: awsiam.Effect_DENY, Actions: jsii.Strings("s3:DeleteObject*"), Resources: &[]*string{p.bucket.ArnForObjects(jsii.String("*"))},
	}))
	return awscodepipelineactions.NewCodeBuildAction(&awscodepipelineactions.CodeBuildActionProps{
		ActionName: jsii.String("Build"), Project: project, Input: p.source, Outputs: &[]awscodepipeline.Artifact{p.assembly},
	})
}

// The variables in which a deployment to a stage exports its outputs.
const (
	apiURL     = "API_URL"
	checkerARN = "CHECKER_ROLE_ARN"
)

// deployProject deploys a stack of the assembly unchanged: the app is not run again. Before that it removes what a failed
// first creation has left, and examines the account. Besides, it may only assume the roles of the CDK's bootstrap, whose
// rights are defined there.
func (p *pipelineOf) deployProject() awscodebuild.PipelineProject {
	project := p.project("Deploy", &awscodebuild.PipelineProjectProps{
		BuildSpec: buildSpec(map[string]any{
			"env": map[string]any{"exported-variables": []string{apiURL, checkerARN}},
			"phases": map[string]any{
				"install": map[string]any{"runtime-versions": map[string]any{"nodejs": 22}, "commands": []string{"npm ci --ignore-scripts"}},
				"pre_build": map[string]any{"commands": []string{
					`chmod +x bin/tripsaga`, // an artifact may lose a file's mode
					`bash scripts/clear_failed_creation.sh "$STACK_NAME"`,
					p.doctor(),
				}},
				"build": map[string]any{"commands": []string{
					`npx cdk deploy --app cdk.out "$STACK" --require-approval never --outputs-file outputs.json`,
					`export ` + apiURL + `="$(jq -r '.[].ApiUrl // empty' outputs.json)"`,
					`export ` + checkerARN + `="$(jq -r '.[].CheckerRoleArn // empty' outputs.json)"`,
				}},
			},
		}),
		Timeout: awscdk.Duration_Minutes(jsii.Number(p.config.deployMinutes(len(functions.All()) - 1))), // the hook has no alias
	})
	for _, right := range p.deployRights(pipelineStack, stagingStack, productionStack) {
		project.AddToRolePolicy(right)
	}
	return project
}

// deployRights are those to deploy stacks: by the bootstrap's roles, after what a failed creation has left is deleted and
// the account is examined.
func (p *pipelineOf) deployRights(ids ...string) (all []awsiam.PolicyStatement) {
	for _, name := range []string{"deploy", "file-publishing", "lookup"} {
		for _, role := range p.bootstrapRoles(name, ids) {
			all = append(all, allow("sts", "AssumeRole", role, nil))
		}
	}
	all = append(all, allow("cloudformation", "DescribeStacks", p.stackARN("CDKToolkit"), nil))
	for _, id := range ids {
		all = append(all, allow("cloudformation", "DescribeStacks UpdateTerminationProtection DeleteStack", p.stackARN(p.config.stackName(id)), nil))
	}
	for _, read := range []string{"cloudformation:DescribeType", "codeconnections:ListConnections", "lambda:GetAccountSettings", "servicequotas:ListServiceQuotas"} {
		service, action, _ := strings.Cut(read, ":")
		all = append(all, allow(service, action, jsii.String("*"), nil))
	}
	return append(all, p.mayDescribeTables(ids)...)
}

// regionOf is the region of a stack, in a shell's words.
func (p *pipelineOf) regionOf(id string) string {
	if place := p.config.placeOf(id); place != (Place{}) {
		return place.Region
	}
	return "$AWS_REGION"
}

// tableMetadata is the key in a template's metadata of the table that it adopts. The pipeline's project may be newer than
// the release that it deploys, so that this comes from the release.
const tableMetadata = "tripsaga:table"

// doctor is the command that examines the account for what the context asks for, and for the table of the template.
func (p *pipelineOf) doctor() string {
	command := `bin/tripsaga aws doctor --stack "$STACK_NAME" ` + p.config.doctorFlags(p.config.BuildSize)
	command += ` --table "$(jq -r '.Metadata["` + tableMetadata + `"] // "NEW"' "cdk.out/$STACK.template.json")"`
	if p.config.ConnectionARN != "" {
		command += " --connection-arn " + p.config.ConnectionARN
	}
	return command
}

// doctorFlags are the values of the context that the account is examined for.
func (c *Config) doctorFlags(buildSize string) string {
	return fmt.Sprintf("--prefix %s --lanes %d --build-size %s --throttle-rate %g", c.Prefix, c.Lanes, buildSize, c.ThrottleRate)
}

func (p *pipelineOf) stackARN(name string) *string {
	return p.FormatArn(&awscdk.ArnComponents{Service: jsii.String("cloudformation"), Resource: jsii.String("stack"), ResourceName: jsii.String(name + "/*")})
}

// bootstrapRoles are the bootstrap's roles of a name, one for each place to which a stack is deployed.
func (p *pipelineOf) bootstrapRoles(name string, ids []string) (all []*string) {
	prefix := "cdk-" + *p.Synthesizer().BootstrapQualifier() + "-" + name + "-role-"
	seen := map[Place]bool{}
	for _, id := range ids {
		if place := p.config.placeOf(id); !seen[place] {
			account, region := p.config.in(id, p.Stack)
			all = append(all, p.role(id, prefix+*account+"-"+*region))
			seen[place] = true
		}
	}
	return all
}

// role is the ARN of a role in the account of a stack.
func (p *pipelineOf) role(id, name string) *string {
	account, _ := p.config.in(id, p.Stack)
	return p.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("iam"), Region: jsii.String(""), Account: account, Resource: jsii.String("role"), ResourceName: &name,
	})
}

func (p *pipelineOf) deploy(project awscodebuild.IProject, stack string) awscodepipelineactions.CodeBuildAction {
	return awscodepipelineactions.NewCodeBuildAction(&awscodepipelineactions.CodeBuildActionProps{
		ActionName: jsii.String("Deploy"), Project: project, Input: p.assembly, EnvironmentVariables: variables(map[string]*string{"STACK": &stack, "STACK_NAME": jsii.String(p.config.stackName(stack))}),
		VariablesNamespace: jsii.String("Deploy" + stack),
	})
}

// checkProject books trips in staging, with the stage's role for checks, and verifies the results.
func (p *pipelineOf) checkProject() awscodebuild.PipelineProject {
	arguments := ` --url "$` + apiURL + `" --sigv4 "` + p.regionOf(stagingStack) + `"`
	project := p.project("Check", &awscodebuild.PipelineProjectProps{
		Role: awsiam.NewRole(p.Stack, jsii.String("CheckRole"), &awsiam.RoleProps{
			RoleName: p.config.checkRole(p.Stack, staging), AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), nil),
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
	project.AddToRolePolicy(p.mayCheck(staging))
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

// project adds what all projects have: a log with a retention, the key, and no right to create reports. The log's name is
// generated: CodeBuild may create its standard one at any time, and a new stack could then not.
func (p *pipelineOf) project(name string, props *awscodebuild.PipelineProjectProps) awscodebuild.PipelineProject {
	full := p.config.Prefix + "-" + strings.ToLower(name)
	log := awslogs.NewLogGroup(p.Stack, jsii.String(name+"Log"), &awslogs.LogGroupProps{
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
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
