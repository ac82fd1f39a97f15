// Package stepfunctions runs sagas on AWS Step Functions: it implements app.Starter and app.Executions over a client of
// the service. An execution is named by its trip's id.
package stepfunctions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"tripsaga/shared/fault"
	"tripsaga/shared/pattern"
	"tripsaga/trip/app"
)

// ARNs are those of the state machines, by the name of the saga that each runs.
type ARNs map[string]string

// StateMachines run the sagas, each its own. They must be of type STANDARD.
type StateMachines struct {
	client *sfn.Client
	arns   ARNs
	// TraceHeader, unless it is nil, returns the X-Ray trace header of an execution that is started, "" for none.
	TraceHeader func(context.Context) string
}

// New returns the state machines with ARNs that [CheckARN] accepts.
func New(client *sfn.Client, arns ARNs) *StateMachines {
	return &StateMachines{client: client, arns: arns}
}

// CheckARN reports what is wrong with the ARN of a state machine. A version or an alias may qualify it.
func CheckARN(arn string) error {
	if !machineARN().MatchString(arn) || len(arn) > maxARN {
		return fmt.Errorf("%.200q is no ARN of a state machine, such as "+
			"arn:aws:states:eu-west-1:123456789012:stateMachine:booking", arn)
	}
	return nil
}

// The patterns do not bound lengths: a bounded pattern is large and slow to compile, and a cold start waits for it.
var (
	machineARN = pattern.New(`^arn:[a-z0-9-]+:states:[a-z0-9-]+:[0-9]+:stateMachine:[^:\s]+(:[^:\s]+)?$`)
	// nameBytes is narrower than the service's rule, so that every log and console shows a name unchanged.
	nameBytes = pattern.New(`^[A-Za-z0-9_.-]+$`)
)

const (
	maxARN  = 256 // characters
	maxName = 80
)

func isName(s string) bool { return len(s) <= maxName && nameBytes().MatchString(s) }

// SagaOf returns the name of the saga that a state machine runs. arn is the state machine's, or that of any of its versions
// or aliases. ok is false for any other state machine.
func (m *StateMachines) SagaOf(arn string) (saga string, ok bool) {
	for saga, machine := range m.arns {
		if unqualified(arn) == unqualified(machine) {
			return saga, true
		}
	}
	return "", false
}

func unqualified(arn string) string {
	parts := strings.Split(arn, ":")
	return strings.Join(parts[:min(len(parts), 7)], ":")
}

// machine returns the ARN of a saga's state machine.
func (m *StateMachines) machine(saga string) (string, error) {
	arn, ok := m.arns[saga]
	if !ok {
		return "", fault.New(fault.Internal, fault.NameInternal, "no state machine runs the saga %.40q", saga)
	}
	return arn, nil
}

// execution returns the ARN of a trip's execution.
func (m *StateMachines) execution(saga, tripID string) (*string, error) {
	if !isName(tripID) {
		return nil, fault.New(fault.NotFound, fault.NameNotFound,
			"%.100q names no execution, allowed are 1 to 80 letters, digits, - _ and .", tripID)
	}
	machine, err := m.machine(saga)
	if err != nil {
		return nil, err
	}
	arn := strings.Replace(unqualified(machine), ":stateMachine:", ":execution:", 1) + ":" + tripID
	return &arn, nil
}

// Start starts a saga of a trip. It is idempotent, also after the first execution has ended. Errors: Invalid for an id
// that cannot name an execution; IdempotencyMismatch of kind Conflict if the execution has another input; Unavailable;
// Internal if the service refuses the call itself (permissions, a missing state machine).
func (m *StateMachines) Start(ctx context.Context, saga, tripID string, input json.RawMessage) error {
	if !isName(tripID) {
		return fault.Invalidf("trip_id", "%.100q cannot name a saga, allowed are 1 to 80 letters, digits, - _ and .", tripID)
	}
	machine, err := m.machine(saga)
	if err != nil {
		return err
	}
	_, err = m.client.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &machine, Name: &tripID, Input: aws.String(string(input)), TraceHeader: m.traceHeader(ctx),
	})
	var exists *types.ExecutionAlreadyExists
	if errors.As(err, &exists) { // it has ended, or has other input
		return m.same(ctx, saga, tripID, input)
	}
	return translate(err)
}

func (m *StateMachines) traceHeader(ctx context.Context) *string {
	if m.TraceHeader == nil {
		return nil
	}
	if header := m.TraceHeader(ctx); header != "" {
		return &header
	}
	return nil
}

// same accepts an existing execution as started if it has this input.
func (m *StateMachines) same(ctx context.Context, saga, tripID string, input json.RawMessage) error {
	d, err := m.describe(ctx, saga, tripID)
	if fault.KindOf(err) == fault.NotFound && err != nil { // descriptions are eventually consistent
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the saga %s of trip %s is being started", saga, tripID)
	}
	if err != nil {
		return err
	}
	if !sameJSON(aws.ToString(d.Input), input) {
		return fault.New(fault.Conflict, fault.NameIdempotencyMismatch, "the saga %s of trip %s was started with other input", saga, tripID)
	}
	return nil
}

// sameJSON compares and ignores white space.
func sameJSON(a string, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, []byte(a)) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// Progress describes the execution without the state at which it failed. That needs a separate call,
// [StateMachines.FailedState], whose rate Step Functions limits for the whole account. Errors: NotFound; Unavailable;
// Internal as [StateMachines.Start].
func (m *StateMachines) Progress(ctx context.Context, saga, tripID string) (app.Progress, error) {
	d, err := m.describe(ctx, saga, tripID)
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

func (m *StateMachines) describe(ctx context.Context, saga, tripID string) (*sfn.DescribeExecutionOutput, error) {
	arn, err := m.execution(saga, tripID)
	if err != nil {
		return nil, err
	}
	d, err := m.client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: arn})
	return d, translate(err)
}

// FailedState returns the state that was entered last, at which an execution without branches failed. It reads backwards
// and without data, so that all events of a state that was retried a hundred times are on one page. Errors: as
// [StateMachines.Progress].
func (m *StateMachines) FailedState(ctx context.Context, saga, tripID string) (string, error) {
	arn, err := m.execution(saga, tripID)
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
// Conflict if the saga is running, has succeeded, or ended too long ago; Unavailable; Internal as [StateMachines.Start].
func (m *StateMachines) Redrive(ctx context.Context, saga, tripID string) error {
	arn, err := m.execution(saga, tripID)
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
	case throttled(err):
		return fault.Wrap(fault.Unavailable, fault.NameThrottled, err, "Step Functions limits how often it is asked")
	case errors.As(err, &tooManyOpen):
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
