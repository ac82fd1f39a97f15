// Package stepfunctions runs sagas on AWS Step Functions: it implements app.Starter and app.Executions over a client of
// the service. An execution is named by its trip's id.
package stepfunctions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
)

// StateMachine runs the sagas. It must be of type STANDARD.
type StateMachine struct {
	client *sfn.Client
	arn    string
	// TraceHeader, unless it is nil, returns the X-Ray trace header of an execution that is started, "" for none.
	TraceHeader func(context.Context) string
}

// New returns the state machine with an ARN that [CheckARN] accepts.
func New(client *sfn.Client, stateMachineARN string) *StateMachine {
	return &StateMachine{client: client, arn: stateMachineARN}
}

// CheckARN reports what is wrong with the ARN of a state machine. A version or an alias may qualify it.
func CheckARN(arn string) error {
	if !machineARN.MatchString(arn) || len(arn) > maxARN {
		return fmt.Errorf("%.200q is no ARN of a state machine, such as "+
			"arn:aws:states:eu-west-1:123456789012:stateMachine:booking", arn)
	}
	return nil
}

// The patterns do not bound lengths: a bounded pattern is large and slow to compile, and a cold start waits for it.
var (
	machineARN = regexp.MustCompile(`^arn:[a-z0-9-]+:states:[a-z0-9-]+:[0-9]+:stateMachine:[^:\s]+(:[^:\s]+)?$`)
	// nameBytes is narrower than the service's rule, so that every log and console shows a name unchanged.
	nameBytes = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
)

const (
	maxARN  = 256 // characters
	maxName = 80
)

func isName(s string) bool { return len(s) <= maxName && nameBytes.MatchString(s) }

// IsOf reports whether arn names the state machine, any of its versions or any of its aliases.
func (m *StateMachine) IsOf(arn string) bool { return unqualified(arn) == unqualified(m.arn) }

func unqualified(arn string) string {
	parts := strings.Split(arn, ":")
	return strings.Join(parts[:min(len(parts), 7)], ":")
}

// execution returns the ARN of a trip's execution.
func (m *StateMachine) execution(tripID string) (*string, error) {
	if !isName(tripID) {
		return nil, fault.New(fault.NotFound, fault.NameNotFound,
			"%.100q names no saga, allowed are 1 to 80 letters, digits, - _ and .", tripID)
	}
	arn := strings.Replace(unqualified(m.arn), ":stateMachine:", ":execution:", 1) + ":" + tripID
	return &arn, nil
}

// Start starts the saga of a trip. It is idempotent, also after the first execution has ended. Errors: Invalid for an id
// that cannot name an execution; IdempotencyMismatch of kind Conflict if the execution has another input; Unavailable;
// Internal if the service refuses the call itself (permissions, a missing state machine).
func (m *StateMachine) Start(ctx context.Context, _, tripID string, input json.RawMessage) error {
	if !isName(tripID) {
		return fault.Invalidf("trip_id", "%.100q cannot name a saga, allowed are 1 to 80 letters, digits, - _ and .", tripID)
	}
	_, err := m.client.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &m.arn, Name: &tripID, Input: aws.String(string(input)), TraceHeader: m.traceHeader(ctx),
	})
	var exists *types.ExecutionAlreadyExists
	if errors.As(err, &exists) { // it has ended, or has other input
		return m.same(ctx, tripID, input)
	}
	return translate(err)
}

func (m *StateMachine) traceHeader(ctx context.Context) *string {
	if m.TraceHeader == nil {
		return nil
	}
	if header := m.TraceHeader(ctx); header != "" {
		return &header
	}
	return nil
}

// same accepts an existing execution as started if it has this input.
func (m *StateMachine) same(ctx context.Context, tripID string, input json.RawMessage) error {
	d, err := m.describe(ctx, tripID)
	if fault.KindOf(err) == fault.NotFound && err != nil { // descriptions are eventually consistent
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the saga of trip %s is being started", tripID)
	}
	if err != nil {
		return err
	}
	if !sameJSON(aws.ToString(d.Input), input) {
		return fault.New(fault.Conflict, fault.NameIdempotencyMismatch, "the saga of trip %s was started with other input", tripID)
	}
	return nil
}

// sameJSON compares and ignores white space.
func sameJSON(a string, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, []byte(a)) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// Progress describes the saga of a trip without the state at which it failed. That needs a separate call,
// [StateMachine.FailedState], whose rate Step Functions limits for the whole account. Errors: NotFound; Unavailable;
// Internal as [StateMachine.Start].
func (m *StateMachine) Progress(ctx context.Context, _, tripID string) (app.Progress, error) {
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

// FailedState returns the state that was entered last, at which an execution without branches failed. It reads backwards
// and without data, so that all events of a state that was retried a hundred times are on one page. Errors: as
// [StateMachine.Progress].
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

// Redrive resumes a saga that ended without success at the state where it failed. The client sends one token with all
// attempts of the call, so that a lost reply does not cause a second redrive. Errors: NotFound; NotRedrivable of kind
// Conflict if the saga is running, has succeeded, or ended too long ago; Unavailable; Internal as [StateMachine.Start].
func (m *StateMachine) Redrive(ctx context.Context, _, tripID string) error {
	arn, err := m.execution(tripID)
	if err != nil {
		return err
	}
	_, err = m.client.RedriveExecution(ctx, &sfn.RedriveExecutionInput{ExecutionArn: arn})
	return translate(err)
}

// translate converts the service's errors to faults with the kinds and names of the local engine's errors.
func translate(err error) error {
	var (
		missing      *types.ExecutionDoesNotExist
		notRedriven  *types.ExecutionNotRedrivable
		tooManyOpen  *types.ExecutionLimitExceeded
		ofTheService *awshttp.ResponseError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return fault.Wrap(fault.NotFound, fault.NameNotFound, err, "no saga")
	case errors.As(err, &notRedriven):
		return fault.Wrap(fault.Conflict, "NotRedrivable", err, "nothing to redrive")
	case errors.As(err, &tooManyOpen), throttled(err):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "too busy")
	case errors.As(err, &ofTheService) && ofTheService.HTTPStatusCode()/100 == 4:
		return fault.Wrap(fault.Internal, fault.NameInternal, err, "Step Functions refused the call")
	default:
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "Step Functions failed")
	}
}

func throttled(err error) bool {
	return retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary
}
