package production

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tripsaga/asl"
	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/functions"
	"tripsaga/engine"
	"tripsaga/shared/fault"
)

// event is an event of EventBridge as a function gets it.
type event struct {
	Version    string    `json:"version"`
	ID         string    `json:"id"`
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Account    string    `json:"account"`
	Time       time.Time `json:"time"`
	Region     string    `json:"region"`
	Resources  []string  `json:"resources"`
	Detail     any       `json:"detail"`
}

func newEvent(source, detailType string, resources []string, detail any) event {
	return event{
		Version: "0", ID: uuid.NewString(), DetailType: detailType, Source: source, Account: account,
		Time: time.Now().UTC().Truncate(time.Second), Region: region, Resources: resources, Detail: detail,
	}
}

const (
	account = "000000000000"
	region  = "us-east-1"
)

// statusChange is the detail of a "Step Functions Execution Status Change". Members without a value are null.
// https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
type statusChange struct {
	Execution     string     `json:"executionArn"`
	Machine       string     `json:"stateMachineArn"`
	Name          string     `json:"name"`
	Status        asl.Status `json:"status"`
	Started       int64      `json:"startDate"` // Unix milliseconds
	Stopped       *int64     `json:"stopDate"`
	Input         *string    `json:"input"`
	Output        *string    `json:"output"`
	Error         *string    `json:"error"`
	Cause         *string    `json:"cause"`
	InputDetails  *included  `json:"inputDetails"`
	OutputDetails *included  `json:"outputDetails"`
	Version       *string    `json:"stateMachineVersionArn"`
	Alias         *string    `json:"stateMachineAliasArn"`
	Redrives      int        `json:"redriveCount"`
	Redriven      *int64     `json:"redriveDate"`
	RedriveStatus string     `json:"redriveStatus"`
}

type included struct {
	Included bool `json:"included"`
}

// announce delivers an execution's end to the listener. The engine retries it after a failure, as EventBridge does, unless
// the trip does not exist.
func (s *System) announce(ctx context.Context, machine string, d engine.Description) error {
	err := s.bring(ctx, functions.ExecutionListener, newEvent(
		"aws.states", "Step Functions Execution Status Change", []string{d.ExecutionID}, changeOf(machine, d)))
	var named interface{ ErrorName() string }
	if errors.As(err, &named) && (named.ErrorName() == fault.NameNotFound || named.ErrorName() == fault.NameInvalid) {
		return fmt.Errorf("%w: %w", engine.ErrFinal, err) // EventBridge would give up after its retries
	}
	return err
}

func changeOf(machine string, d engine.Description) statusChange {
	c := statusChange{
		Execution: d.ExecutionID, Machine: machine, Name: d.Name, Status: d.Status,
		Started: d.Started.UnixMilli(), Input: maybe(string(d.Input)), InputDetails: &included{true},
		Output: maybe(string(d.Output)), Error: maybe(d.Error), Cause: maybe(d.Cause),
		Redrives: d.Redrives, RedriveStatus: "REDRIVABLE",
	}
	if !d.Stopped.IsZero() {
		stopped := d.Stopped.UnixMilli()
		c.Stopped = &stopped
	}
	if c.Output != nil {
		c.OutputDetails = &included{true}
	}
	if d.Status == asl.Succeeded || d.Status == asl.Running {
		c.RedriveStatus = "NOT_REDRIVABLE"
	}
	return c
}

func maybe(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Reconcile invokes the reconciler as its schedule does.
func (s *System) Reconcile(ctx context.Context) error {
	return s.bring(ctx, functions.Reconciler, newEvent(
		"aws.scheduler", "Scheduled Event", []string{"arn:aws:scheduler:" + region + ":" + account + ":schedule/default/reconciler"},
		struct{}{}))
}

func (s *System) bring(ctx context.Context, function string, e event) error {
	payload, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := s.Functions.Invoke(ctx, rie.Request{Function: function, Payload: payload}); err != nil {
		return fmt.Errorf("%s: %w", function, err)
	}
	return nil
}
