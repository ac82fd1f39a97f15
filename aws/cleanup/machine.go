package cleanup

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	states "github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// redrivable is how long after its end an execution may be redriven. It then uses its first version again.
const redrivable = 14 * 24 * time.Hour

// machine cleans up a state machine.
func (r *run) machine(ctx context.Context, c *contents, arn string) error {
	var arns []string
	for in := (sfn.ListStateMachineVersionsInput{StateMachineArn: &arn, MaxResults: pageSize}); ; {
		page, err := r.states.ListStateMachineVersions(ctx, &in)
		if err != nil {
			return err
		}
		for _, v := range page.StateMachineVersions {
			arns = append(arns, *v.StateMachineVersionArn)
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	resource := r.add(c, "state machine", last(arn), arns)
	if err := r.aliases(ctx, resource, arn); err != nil {
		return err
	}
	for _, v := range resource.Versions {
		if v.Action == Delete {
			why, err := r.executions(ctx, fmt.Sprintf("%s:%d", arn, v.Number))
			if err != nil {
				return err
			}
			if why != "" {
				v.keep(why)
			}
		}
	}
	return r.delete(resource, func(number string) error {
		qualified := arn + ":" + number
		_, err := r.states.DeleteStateMachineVersion(ctx, &sfn.DeleteStateMachineVersionInput{StateMachineVersionArn: &qualified})
		return err
	})
}

// pageSize is the most that Step Functions lists at once.
const pageSize = 1000

// aliases keeps the versions of all aliases of a state machine.
func (r *run) aliases(ctx context.Context, resource *Resource, arn string) error {
	for in := (sfn.ListStateMachineAliasesInput{StateMachineArn: &arn, MaxResults: pageSize}); ; {
		page, err := r.states.ListStateMachineAliases(ctx, &in)
		if err != nil {
			return err
		}
		for _, a := range page.StateMachineAliases {
			alias, err := r.states.DescribeStateMachineAlias(ctx, &sfn.DescribeStateMachineAliasInput{StateMachineAliasArn: a.StateMachineAliasArn})
			if err != nil {
				return err
			}
			for _, route := range alias.RoutingConfiguration {
				resource.keep(last(*route.StateMachineVersionArn), "alias "+last(*a.StateMachineAliasArn))
			}
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return nil
		}
	}
}

// executions returns why an execution needs the version, "" if none does. Step Functions lets a running execution end on a
// deleted version; whether it redrives one there is not documented, so that both keep it.
func (r *run) executions(ctx context.Context, version string) (why string, err error) {
	for _, status := range []states.ExecutionStatus{
		states.ExecutionStatusRunning, states.ExecutionStatusFailed, states.ExecutionStatusTimedOut, states.ExecutionStatusAborted,
	} {
		pages := sfn.NewListExecutionsPaginator(r.states, &sfn.ListExecutionsInput{
			StateMachineArn: &version, StatusFilter: status, MaxResults: pageSize,
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return "", err
			}
			for _, e := range page.Executions {
				if status == states.ExecutionStatusRunning {
					return "running execution " + *e.Name, nil
				}
				if e.StopDate == nil || r.Now().Sub(*e.StopDate) <= redrivable {
					return "execution " + *e.Name + " may be redriven", nil
				}
			}
		}
	}
	return "", nil
}
