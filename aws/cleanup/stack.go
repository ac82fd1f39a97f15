package cleanup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	deploy "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/smithy-go"
)

// contents are what is to be cleaned up in a stack.
type contents struct {
	stack     string
	functions []string        // names
	machines  []string        // ARNs
	versions  map[string]bool // ARNs of the template's versions, of both kinds

	application string // of CodeDeploy
	groups      []string
}

// read reads a stack in which nothing is being deployed. Errors: ErrNoStack, ErrBusy.
func (r *run) read(ctx context.Context, name string) (*contents, error) {
	out, err := r.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	switch {
	case isCode(err, "ValidationError") && strings.Contains(err.Error(), "does not exist"), err == nil && len(out.Stacks) == 0:
		return nil, fmt.Errorf("%s: %w", name, ErrNoStack)
	case err != nil:
		return nil, err
	case !settled[out.Stacks[0].StackStatus]:
		return nil, fmt.Errorf("%w: %s is %s", ErrBusy, name, out.Stacks[0].StackStatus)
	}
	c := &contents{stack: name, versions: map[string]bool{}}
	pages := cloudformation.NewListStackResourcesPaginator(r.stacks, &cloudformation.ListStackResourcesInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.StackResourceSummaries {
			if s.ResourceType != nil && s.PhysicalResourceId != nil {
				c.add(*s.ResourceType, *s.PhysicalResourceId)
			}
		}
	}
	return c, r.shifting(ctx, c)
}

// settled are the states of a stack that no rollback can follow.
var settled = map[cfn.StackStatus]bool{
	cfn.StackStatusCreateComplete: true, cfn.StackStatusUpdateComplete: true, cfn.StackStatusUpdateRollbackComplete: true,
	cfn.StackStatusImportComplete: true, cfn.StackStatusImportRollbackComplete: true,
}

func (c *contents) add(kind, id string) {
	switch kind {
	case "AWS::Lambda::Function":
		c.functions = append(c.functions, id)
	case "AWS::StepFunctions::StateMachine":
		c.machines = append(c.machines, id)
	case "AWS::Lambda::Version", "AWS::StepFunctions::StateMachineVersion":
		c.versions[id] = true
	case "AWS::CodeDeploy::Application":
		c.application = id
	case "AWS::CodeDeploy::DeploymentGroup":
		c.groups = append(c.groups, id)
	}
}

// shifting reports a deployment of CodeDeploy, which somebody may have begun without the stack.
func (r *run) shifting(ctx context.Context, c *contents) error {
	for _, group := range c.groups {
		out, err := r.deploys.ListDeployments(ctx, &codedeploy.ListDeploymentsInput{
			ApplicationName: &c.application, DeploymentGroupName: &group,
			IncludeOnlyStatuses: []deploy.DeploymentStatus{
				deploy.DeploymentStatusCreated, deploy.DeploymentStatusQueued, deploy.DeploymentStatusInProgress,
				deploy.DeploymentStatusBaking, deploy.DeploymentStatusReady,
			},
		})
		if err != nil {
			return err
		}
		if len(out.Deployments) > 0 {
			return fmt.Errorf("%w: %s of %s by CodeDeploy", ErrBusy, out.Deployments[0], group)
		}
	}
	return nil
}

func isCode(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}
