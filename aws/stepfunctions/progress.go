package stepfunctions

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"tripsaga/trip/app"
)

// Progress describes the saga of a trip as it stands now, but for the state at which it failed: that is a call of its
// own, [StateMachine.FailedState], and Step Functions limits these calls for the whole account. Errors: NotFound,
// Unavailable; Internal as of Start.
func (m *StateMachine) Progress(ctx context.Context, tripID string) (app.Progress, error) {
	d, err := m.describe(ctx, tripID)
	if err != nil {
		return app.Progress{}, err
	}
	p := app.Progress{
		Status: string(d.Status), Error: aws.ToString(d.Error), Cause: aws.ToString(d.Cause),
		Started: aws.ToTime(d.StartDate).UTC(), Redrives: int(aws.ToInt32(d.RedriveCount)),
	}
	if d.StopDate != nil {
		p.Stopped = d.StopDate.UTC()
	}
	return p, nil
}

func (m *StateMachine) describe(ctx context.Context, tripID string) (*sfn.DescribeExecutionOutput, error) {
	arn, err := m.execution(tripID)
	if err != nil {
		return nil, err
	}
	d, err := m.client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: arn})
	return d, translate(err)
}

// FailedState is the state entered last, at which an execution without branches has failed. It reads backwards, without
// the data: of a state that was retried a hundred times all events fit on one page. Errors: as of Progress.
func (m *StateMachine) FailedState(ctx context.Context, tripID string) (string, error) {
	arn, err := m.execution(tripID)
	if err != nil {
		return "", err
	}
	pages := sfn.NewGetExecutionHistoryPaginator(m.client, &sfn.GetExecutionHistoryInput{
		ExecutionArn: arn, ReverseOrder: true, MaxResults: pageSize, IncludeExecutionData: aws.Bool(false),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", translate(err)
		}
		for _, e := range page.Events {
			if e.StateEnteredEventDetails != nil {
				return aws.ToString(e.StateEnteredEventDetails.Name), nil
			}
		}
	}
	return "", nil
}
