package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/codeconnections"
	connection "github.com/aws/aws-sdk-go-v2/service/codeconnections/types"
)

// leastBootstrap is the version of the bootstrap that the templates demand.
const leastBootstrap = 6

// stack returns a stack by its name; nil if there is none.
func (e *examination) stack(ctx context.Context, name string) (*types.Stack, error) {
	out, err := e.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if isCode(err, "ValidationError") && strings.Contains(err.Error(), "does not exist") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(out.Stacks) != 1 {
		return nil, fmt.Errorf("CloudFormation has %d stacks named %s", len(out.Stacks), name)
	}
	return &out.Stacks[0], nil
}

func (e *examination) bootstrap(ctx context.Context) error {
	mend := fmt.Sprintf("npx cdk bootstrap aws://%s/%s", e.account, e.cfg.Region)
	s, err := e.stack(ctx, e.Toolkit)
	if err != nil {
		e.bootstrapUnread = true
		return err
	}
	if s == nil {
		e.add(Error, mend, "the stack %s does not exist: the CDK cannot deploy to %s in %s", e.Toolkit, e.account, e.cfg.Region)
		return nil
	}
	i := slices.IndexFunc(s.Outputs, func(o types.Output) bool { return o.OutputKey != nil && *o.OutputKey == "BootstrapVersion" })
	if i < 0 || s.Outputs[i].OutputValue == nil {
		e.add(Error, mend, "the stack %s has no output BootstrapVersion; its status is %s", e.Toolkit, s.StackStatus)
		return nil
	}
	version, err := strconv.Atoi(*s.Outputs[i].OutputValue)
	if err != nil {
		return fmt.Errorf("the bootstrap's version is %q", *s.Outputs[i].OutputValue)
	}
	e.bootstrapped = true
	if version < leastBootstrap {
		e.add(Error, mend, "the CDK's bootstrap has version %d, the templates demand %d", version, leastBootstrap)
		return nil
	}
	e.add(OK, "", "the CDK's bootstrap has version %d", version)
	return nil
}

// connection finds the connection of the context, or the one that the pipeline makes.
func (e *examination) connection(ctx context.Context) error {
	if e.BuildSize == NoBuild {
		e.add(OK, "", "no pipeline gets its source here")
		return nil
	}
	pages := codeconnections.NewListConnectionsPaginator(e.connections, &codeconnections.ListConnectionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, c := range page.Connections {
			if c.ConnectionArn != nil && (*c.ConnectionArn == e.Connection || e.Connection == "" && c.ConnectionName != nil && *c.ConnectionName == e.Prefix) {
				e.connected(c)
				return nil
			}
		}
	}
	if e.Connection != "" {
		e.add(Error, "aws codeconnections list-connections", "%s does not exist in this account and region", e.Connection)
		return nil
	}
	e.add(OK, "", "there is no connection yet: PipelineStack makes one, which a person must then approve")
	return nil
}

func (e *examination) connected(c connection.Connection) {
	if c.ConnectionStatus == connection.ConnectionStatusAvailable {
		e.add(OK, "", "the connection %s is available", *c.ConnectionArn)
		return
	}
	e.add(Error, "approve it: https://console.aws.amazon.com/codesuite/settings/connections?region="+e.cfg.Region,
		"the connection %s is %s: the pipeline gets no source", *c.ConnectionArn, c.ConnectionStatus)
}

// installed reports stacks that cannot be deployed in the state in which they are.
func (e *examination) installed(ctx context.Context) error {
	for _, name := range e.Stacks {
		s, err := e.stack(ctx, name)
		if err != nil {
			return err
		}
		if s == nil {
			e.add(OK, "", "%s does not exist yet", name)
			continue
		}
		level, mend := condition(name, s.StackStatus)
		e.add(level, mend, "%s is %s", name, s.StackStatus)
	}
	return nil
}

// condition is what a stack's status means for a deployment.
func condition(name string, status types.StackStatus) (Level, string) {
	text := string(status)
	switch {
	case status == types.StackStatusRollbackComplete, status == types.StackStatusRollbackFailed,
		status == types.StackStatusCreateFailed, status == types.StackStatusDeleteFailed:
		return Error, fmt.Sprintf("aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name %s && aws cloudformation delete-stack --stack-name %s", name, name)
	case status == types.StackStatusUpdateRollbackFailed, status == types.StackStatusUpdateFailed:
		return Error, "aws cloudformation continue-update-rollback --stack-name " + name
	case strings.HasSuffix(text, "_IN_PROGRESS") && status != types.StackStatusReviewInProgress:
		return Warning, "aws cloudformation describe-stack-events --stack-name " + name
	}
	return OK, ""
}
