package sfnapi_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"tripsaga/aws/emulator/sfnapi"
	"tripsaga/engine"
)

// TestThrottledCalls: a bucket is full at first, is filled as time passes and never above its size, and all state machines
// share it. A call beyond it is answered as Step Functions answers.
func TestThrottledCalls(t *testing.T) {
	now := time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
	w := newWorldWith(t, engine.Options{}, sfnapi.Options{
		Quotas: sfnapi.Quotas{"DescribeExecution": {Size: 3, Rate: 2}}, Now: func() time.Time { return now },
	})
	first := w.start("trip-1", `{}`).ExecutionArn
	other, err := w.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: aws.String(second), Name: aws.String("trip-1")})
	if err != nil {
		t.Fatal(err)
	}
	describe := func(calls int) (answered int, refused error) {
		for i := range calls {
			arn := []*string{first, other.ExecutionArn}[i%2]
			if _, err := w.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: arn}); err != nil {
				refused = err
				continue
			}
			answered++
		}
		return answered, refused
	}
	for _, step := range []struct {
		passed time.Duration
		want   int
	}{{0, 3}, {400 * time.Millisecond, 0}, {100 * time.Millisecond, 1}, {-time.Hour, 0}, {time.Second, 2}, {time.Hour, 3}} {
		now = now.Add(step.passed)
		answered, err := describe(5)
		if answered != step.want {
			t.Errorf("after %s: %d calls were answered, want %d", step.passed, answered, step.want)
		}
		var code smithy.APIError
		var status interface{ HTTPStatusCode() int }
		if !errors.As(err, &code) || code.ErrorCode() != "ThrottlingException" || code.ErrorMessage() != "Rate exceeded" ||
			!errors.As(err, &status) || status.HTTPStatusCode() != 400 {
			t.Errorf("after %s: a call too many is answered with %v", step.passed, err)
		}
	}
	for range 10 { // an action without a bucket
		page, err := w.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(second), StatusFilter: types.ExecutionStatusFailed})
		if err != nil || len(page.Executions) != 0 {
			t.Errorf("%+v, %v", page, err)
		}
	}
}
