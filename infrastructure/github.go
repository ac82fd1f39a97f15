package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// pullRequestEnvironment is the environment of GitHub in which all pull requests are deployed.
const pullRequestEnvironment = "pull-request"

// environmentOf is the environment of GitHub in which a workflow deploys a stage.
func environmentOf(stage string) string {
	if stackOf(stage) == pullRequestStack {
		return pullRequestEnvironment
	}
	return stage
}

// byGitHub reports whether a workflow deploys the stage.
func (c *Config) byGitHub(stage string) bool {
	return c.GitHub != "" || environmentOf(stage) == pullRequestEnvironment
}

// gitHubTokens is who issues the tokens of GitHub's workflows. IAM knows it by a provider of this name, of which an account
// can have one; it is made by hand, once, as the CDK's bootstrap is.
const gitHubTokens = "token.actions.githubusercontent.com"

// doctorMetadata is the key in a template's metadata of the flags with which a workflow examines the account: it has no
// context at that time.
var doctorMetadata = "tripsaga:doctor"

// NewGitHubStack adds the role that GitHub's workflows assume in a stage's place; in staging's also the one for pull
// requests.
func NewGitHubStack(scope constructs.Construct, id string, config Config, stage string) awscdk.Stack {
	g := &pipelineOf{
		Stack:  awscdk.NewStack(scope, &id, &awscdk.StackProps{StackName: jsii.String(config.stackName(id)), Env: config.placeOf(id).env()}),
		config: config,
	}
	role := g.addRole(strings.ToUpper(stage[:1])+stage[1:], stage)
	role.AddToPolicy(g.mayAssume(stage, config.cleanerRole(g.Stack, stage)))
	if stage == staging {
		role.AddToPolicy(g.mayCheck(stage))
	}
	if stage != staging {
		return g.Stack
	}
	if reach := config.reachOfPullRequests(); reach != "" {
		awscdk.NewCfnOutput(g.Stack, jsii.String("NoPullRequestRole"), &awscdk.CfnOutputProps{Value: jsii.String("staging's account is also " + reach + "'s")})
	} else {
		all := config.pullRequest()
		role := g.addRole("PullRequest", all)
		role.AddToPolicy(g.mayCheck(all))
		_, region := config.in(stagingStack, g.Stack) // elsewhere a removal would find nothing, and must not look
		role.AddToPolicy(allow("cloudformation", "DescribeStacks", jsii.String("*"), map[string]any{
			"StringEquals": map[string]any{"aws:RequestedRegion": region},
		}))
	}
	return g.Stack
}

// reachOfPullRequests is what anybody who can push to any branch could change as well; "" if it is staging alone. The
// bootstrap's roles reach a whole account, and that of the pipeline is trusted by the bootstrap of production.
func (c *Config) reachOfPullRequests() string {
	switch c.Staging.Account {
	case c.Production.Account:
		return production
	case c.Pipeline.Account:
		return "the pipeline"
	}
	return ""
}

// addRole adds the role for a stage. Six hours is the most that a job on GitHub's machines may run.
func (p *pipelineOf) addRole(id, stage string) awsiam.Role {
	provider := p.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("iam"), Region: jsii.String(""), Resource: jsii.String("oidc-provider"), ResourceName: jsii.String(gitHubTokens),
	})
	role := awsiam.NewRole(p.Stack, &id, &awsiam.RoleProps{
		RoleName: p.config.checkRole(p.Stack, stage), MaxSessionDuration: awscdk.Duration_Hours(jsii.Number(6)),
		AssumedBy: awsiam.NewWebIdentityPrincipal(provider, &map[string]any{"StringEquals": map[string]any{
			gitHubTokens + ":aud": "sts.amazonaws.com",
			gitHubTokens + ":sub": "repo:" + p.config.GitHub + ":environment:" + environmentOf(stage),
		}}),
	})
	for _, right := range p.deployRights(stackOf(stage)) {
		role.AddToPolicy(right)
	}
	awscdk.NewCfnOutput(p.Stack, jsii.String(id+"RoleArn"), &awscdk.CfnOutputProps{Value: role.RoleArn()})
	return role
}

// mayCheck allows to assume the role for checks of a stage.
func (p *pipelineOf) mayCheck(stage string) awsiam.PolicyStatement {
	return p.mayAssume(stage, p.config.checkerRole(p.Stack, stage))
}

// mayAssume allows to assume a role of a stage, in its account.
func (p *pipelineOf) mayAssume(stage string, role *string) awsiam.PolicyStatement {
	return allow("sts", "AssumeRole", p.role(stackOf(stage), *role), nil)
}
