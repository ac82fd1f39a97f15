package stepfunctions

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
)

// Redrive resumes a saga that ended without success at the state where it failed. The client gives the call a token,
// the same for all its attempts, so that a lost reply does not redrive twice. Errors: NotFound; NotRedrivable of kind
// Conflict when it is running, has succeeded, or ended too long ago; Unavailable; Internal as of Start.
func (m *StateMachine) Redrive(ctx context.Context, tripID string) error {
	arn, err := m.execution(tripID)
	if err != nil {
		return err
	}
	_, err = m.client.RedriveExecution(ctx, &sfn.RedriveExecutionInput{ExecutionArn: arn})
	return translate(err)
}
