// Package recovery is for what an operator does after a loss: it compares a restored table with the executions of Step
// Functions, and lists dead letters and sends them again. The command calls it, with the operator's own rights.
package recovery

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// Stack has the physical ids of a stage's resources: for each type, by the name that the infrastructure's source gives it.
type Stack struct {
	name  string
	found map[string]map[string]string
}

// ErrNoStack is returned for a stack that does not exist or is not a stage.
var ErrNoStack = errors.New("it is not the stack of a stage in this account and region")

// hash is what the CDK puts behind a construct's name to make a logical id.
var hash = regexp.MustCompile(`[0-9A-F]{8}$`)

// ReadStack reads a stack by its name. Errors: ErrNoStack; those of CloudFormation.
func ReadStack(ctx context.Context, client cloudformation.ListStackResourcesAPIClient, name string) (*Stack, error) {
	s := &Stack{name, map[string]map[string]string{}}
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var api smithy.APIError
		if errors.As(err, &api) && api.ErrorCode() == "ValidationError" {
			return nil, fmt.Errorf("%s: %w: %s", name, ErrNoStack, api.ErrorMessage())
		}
		if err != nil {
			return nil, err
		}
		for _, r := range page.StackResourceSummaries {
			s.add(r)
		}
	}
	return s, nil
}

func (s *Stack) add(r types.StackResourceSummary) {
	kind := aws.ToString(r.ResourceType)
	if s.found[kind] == nil {
		s.found[kind] = map[string]string{}
	}
	s.found[kind][hash.ReplaceAllString(aws.ToString(r.LogicalResourceId), "")] = aws.ToString(r.PhysicalResourceId)
}

// id returns the physical id of one resource. Errors: ErrNoStack.
func (s *Stack) id(kind, name string) (string, error) {
	if id := s.found[kind][name]; id != "" {
		return id, nil
	}
	return "", fmt.Errorf("%s: %w: it has no %s named %s", s.name, ErrNoStack, kind, name)
}

// StateMachines returns the ARNs of the state machines, by the names of their sagas. Errors: ErrNoStack.
func (s *Stack) StateMachines() (map[string]string, error) {
	arns := map[string]string{}
	for saga, name := range map[string]string{"booking": "Saga", "cancellation": "Cancellation"} {
		arn, err := s.id("AWS::StepFunctions::StateMachine", name)
		if err != nil {
			return nil, err
		}
		arns[saga] = arn
	}
	return arns, nil
}
