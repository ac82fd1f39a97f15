// Command infrastructure is the AWS CDK app: the application, once per stage, and the pipeline that delivers it.
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
)

// stackName is the name in CloudFormation of a stack, given its identifier.
func (c *Config) stackName(id string) string {
	return c.Prefix + "-" + strings.ToLower(strings.TrimSuffix(id, "Stack"))
}

// The names of the stages.
const (
	staging    = "staging"
	production = "production"
)

var stackOf = map[string]string{staging: stagingStack, production: productionStack}

func addStacks(app awscdk.App, config Config) {
	NewApplicationStack(app, stagingStack, Stage{Name: staging, Config: config})
	NewApplicationStack(app, productionStack, Stage{Name: production, Config: config})
	NewPipelineStack(app, pipelineStack, config)
}
