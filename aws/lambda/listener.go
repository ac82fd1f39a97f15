package lambda

import (
	"context"
	"encoding/json"
	"slices"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
)

// statusChange is an event of EventBridge, "Step Functions Execution Status Change":
// https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
type statusChange struct {
	Source     string `json:"source"`
	DetailType string `json:"detail-type"`
	Detail     struct {
		StateMachineARN string `json:"stateMachineArn"`
		Name            string `json:"name"`
		Status          string `json:"status"`
		RedriveCount    int    `json:"redriveCount"`
	} `json:"detail"`
}

// listener marks trips whose sagas stopped without recording their end.
type listener struct {
	app   *app.Service
	sagas interface {
		app.Executions
		SagaOf(stateMachineARN string) (saga string, ok bool)
		FailedState(ctx context.Context, saga, tripID string) (string, error)
	}
}

// newListener makes the function that gets the executions' status changes.
func newListener(s *system) handler { return (&listener{s.app, s.sagas}).invoke }

func (l *listener) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event statusChange
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, named(fault.Wrap(fault.Invalid, fault.NameInvalid, err, "the event is not from Step Functions"))
	}
	if err := l.handle(ctx, event); err != nil {
		return nil, named(err)
	}
	return []byte("null"), nil
}

// handle takes the event as a hint. Events are delivered twice, late and in any order, so it asks Step Functions for the
// current status of the execution. It does not ask if the trip has ended: BookingFailed and FlightBookingFailed record the
// end before they fail, and a saga that succeeds after a redrive confirms its trip. A trip that was marked as overdue
// while its saga ran is marked again when the saga stops.
func (l *listener) handle(ctx context.Context, event statusChange) error {
	saga, err := l.check(event)
	if err != nil {
		return err
	}
	d := event.Detail
	if d.Status == "RUNNING" || d.Status == "SUCCEEDED" {
		return nil
	}
	trip, err := l.app.Trips.Get(ctx, d.Name)
	if err != nil || trip.Ended() {
		return err
	}
	now, err := l.sagas.Progress(ctx, saga, d.Name)
	if err != nil {
		return err
	}
	if now.Status == "RUNNING" && now.Redrives <= d.RedriveCount {
		return fault.New(fault.Unavailable, fault.NameUnavailable,
			"the saga %s of trip %s is still described as running, after the event of its end", saga, d.Name)
	}
	change := app.ExecutionChange{Saga: saga, TripID: d.Name, Status: now.Status, Error: now.Error}
	if now.Status == "FAILED" { // no state causes a time-out or a stop
		if change.State, err = l.sagas.FailedState(ctx, saga, d.Name); err != nil {
			return err
		}
	}
	return l.app.MarkNeedsAttention(ctx, change)
}

// check refuses events that the rule of EventBridge should not have sent here. It returns the saga that the event is of.
func (l *listener) check(event statusChange) (saga string, err error) {
	d := event.Detail
	var p fault.Problems
	if event.Source != "aws.states" || event.DetailType != "Step Functions Execution Status Change" {
		p.Add("", fault.Invalidf("detail-type", "%.80q of %.80q is not a change of an execution's status", event.DetailType, event.Source))
	}
	saga, ok := l.sagas.SagaOf(d.StateMachineARN)
	if !ok {
		p.Add("", fault.Invalidf("detail.stateMachineArn", "%.200q is no state machine that runs a saga", d.StateMachineARN))
	}
	if statuses := []string{"RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}; !slices.Contains(statuses, d.Status) {
		p.Add("", fault.Invalidf("detail.status", "%.40q is not a status, allowed are %q", d.Status, statuses))
	}
	if d.Name == "" {
		p.Add("", fault.Invalidf("detail.name", "the event names no execution"))
	}
	return saga, p.Err()
}
