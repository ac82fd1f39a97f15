// Command infrastructure is the AWS CDK app: the application, once per stage, and what delivers it: a pipeline, or the
// roles of GitHub's workflows.
// The CDK's command line runs it (cdk.json); it writes the CloudFormation templates to cdk.out.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tripsaga:", err)
	}
	closeKernel()
	if err != nil {
		os.Exit(1)
	}
}

// closeKernel ends the CDK's Node process and removes its files. The jsii runtime waits for that process in two places
// concurrently, and one of them may report that it is gone; stderr is closed to hide that message.
func closeKernel() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	jsii.Close()
}

// run writes the templates. The CDK's output folder and all paths of this app are relative to the repository.
func run() error {
	if err := os.Chdir(".."); err != nil {
		return err
	}
	app := awscdk.NewApp(nil)
	config, err := readConfig(app)
	if err != nil {
		return err
	}
	addStacks(app, config)
	app.Synth(nil)
	return nil
}

// The identifiers of the stacks, as `cdk deploy` takes them.
const (
	stagingStack    = "StagingStack"
	productionStack = "ProductionStack"
	pipelineStack   = "PipelineStack"

	pullRequestStack = "PullRequestStack"

	gitHubStagingStack    = "GitHubStagingStack"
	gitHubProductionStack = "GitHubProductionStack"
)

// stackName is the name in CloudFormation of a stack, given its identifier.
func (c *Config) stackName(id string) string {
	if id == pullRequestStack {
		return c.Prefix + "-" + c.pullRequest()
	}
	return c.Prefix + "-" + strings.ToLower(strings.TrimSuffix(strings.Replace(id, "GitHub", "GitHub-", 1), "Stack"))
}

// The names of the stages.
const (
	staging    = "staging"
	production = "production"
)

// stackOf is the identifier of the stack of a stage.
func stackOf(stage string) string {
	switch stage {
	case staging:
		return stagingStack
	case production:
		return productionStack
	}
	return pullRequestStack
}

// addStacks adds the stacks of the installation, or that of a pull request alone: no command that names a pull request
// reaches another stack.
func addStacks(app awscdk.App, config Config) {
	if config.PullRequest != 0 {
		NewApplicationStack(app, pullRequestStack, Stage{Name: config.pullRequest(), Config: config})
		return
	}
	NewApplicationStack(app, stagingStack, Stage{Name: staging, Config: config})
	NewApplicationStack(app, productionStack, Stage{Name: production, Config: config})
	if config.GitHub != "" {
		NewGitHubStack(app, gitHubStagingStack, config, staging)
		NewGitHubStack(app, gitHubProductionStack, config, production)
		return
	}
	NewPipelineStack(app, pipelineStack, config)
}
