package stepfunctions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"tripsaga/shared/fault"
)

// Start starts the saga of a trip; starting twice is starting once, also when the first execution has ended. Errors:
// Invalid, of an id that cannot name an execution; IdempotencyMismatch of kind Conflict when the execution has other
// input; Unavailable; Internal when the service refuses the call as such (permissions, no such state machine).
func (m *StateMachine) Start(ctx context.Context, tripID string, input json.RawMessage) error {
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

// same lets an execution that exists count as started, when it had this input.
func (m *StateMachine) same(ctx context.Context, tripID string, input json.RawMessage) error {
	d, err := m.describe(ctx, tripID)
	if fault.KindOf(err) == fault.NotFound && err != nil { // a description follows its execution with a delay
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

// sameJSON compares but for white space.
func sameJSON(a string, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, []byte(a)) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
