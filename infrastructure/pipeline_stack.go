package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodeconnections"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipelineactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// pipelineOf is the pipeline under construction.
type pipelineOf struct {
	awscdk.Stack
	config Config

	key      awskms.Key
	bucket   awss3.Bucket // of the artifacts
	cache    awss3.Bucket // of what the build keeps between its runs
	pipeline awscodepipeline.Pipeline

	source   awscodepipeline.Artifact // the branch's files
	assembly awscodepipeline.Artifact // what the build made of them: what is deployed, everywhere
}

// NewPipelineStack adds the pipeline: what is pushed to the branch is built and tested once. The build's templates update
// the pipeline itself, which then starts over; they go to staging, where trips are booked to check it; and, when a
// person has approved, the same bytes go to production.
func NewPipelineStack(scope constructs.Construct, id string, config Config) awscdk.Stack {
	p := &pipelineOf{
		Stack:    awscdk.NewStack(scope, &id, &awscdk.StackProps{StackName: jsii.String("tripsaga-pipeline")}),
		config:   config,
		source:   awscodepipeline.NewArtifact(jsii.String("Source"), nil),
		assembly: awscodepipeline.NewArtifact(jsii.String("Assembly"), nil),
	}
	p.addStore()
	p.pipeline = awscodepipeline.NewPipeline(p.Stack, jsii.String("Pipeline"), &awscodepipeline.PipelineProps{
		PipelineName: jsii.String("tripsaga"), PipelineType: awscodepipeline.PipelineType_V2,
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
	return p.Stack
}

func (p *pipelineOf) stage(name string, actions ...awscodepipeline.IAction) {
	p.pipeline.AddStage(&awscodepipeline.StageOptions{StageName: &name, Actions: &actions})
}

// addStore adds the buckets, under a key of their own: only who is granted the key reads the source and what is
// deployed, whatever other rights to S3 there are in the account. What the build caches is not beside what is deployed,
// since a build has to change it.
func (p *pipelineOf) addStore() {
	p.key = awskms.NewKey(p.Stack, jsii.String("Key"), &awskms.KeyProps{
		EnableKeyRotation: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		Description: jsii.String("tripsaga-pipeline: artifacts"),
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

// sourceAction takes each push to the branch.
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

// ownWebhookSecret gives the webhook a secret that is for nothing else, where there is a webhook: the CDK would sign
// GitHub's calls with the token.
func (p *pipelineOf) ownWebhookSecret() {
	for _, construct := range *p.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		if hook, ok := construct.(awscodepipeline.CfnWebhook); ok {
			secret := awssecretsmanager.NewSecret(p.Stack, jsii.String("WebhookSecret"), &awssecretsmanager.SecretProps{
				Description:          jsii.String("tripsaga-pipeline: by which GitHub's calls are known"),
				GenerateSecretString: &awssecretsmanager.SecretStringGenerator{ExcludePunctuation: jsii.Bool(true)},
			})
			hook.SetAuthenticationConfiguration(&awscodepipeline.CfnWebhook_WebhookAuthConfigurationProperty{
				SecretToken: secret.SecretValue().UnsafeUnwrap(), // a reference, which CloudFormation resolves
			})
		}
	}
}

// repository is a parameter where the context does not name one: CloudFormation does not deploy without its value.
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

// connection makes one where none is given. It takes nothing before somebody has approved it in the console.
func (p *pipelineOf) connection() *string {
	if p.config.ConnectionARN != "" {
		return &p.config.ConnectionARN
	}
	made := awscodeconnections.NewCfnConnection(p.Stack, jsii.String("Connection"), &awscodeconnections.CfnConnectionProps{
		ConnectionName: jsii.String("tripsaga"), ProviderType: jsii.String("GitHub"),
	})
	awscdk.NewCfnOutput(p.Stack, jsii.String("ConnectionArn"), &awscdk.CfnOutputProps{Value: made.AttrConnectionArn()})
	return made.AttrConnectionArn()
}

// approval waits for a person, and tells where there is an address.
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
