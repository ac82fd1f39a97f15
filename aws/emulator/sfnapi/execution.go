package sfnapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/shared/strictjson"
)

type startInput struct {
	Machine string `json:"stateMachineArn"`
	Name    string `json:"name"`
	Input   string `json:"input"`
	Trace   string `json:"traceHeader"`
}

type startOutput struct {
	Execution string  `json:"executionArn"`
	Started   seconds `json:"startDate"`
}

// start is idempotent while the execution is open and the input is the same.
func (a *api) start(ctx context.Context, in startInput) (startOutput, error) {
	m, err := a.machine(in.Machine)
	if err != nil {
		return startOutput{}, err
	}
	if in.Name == "" {
		in.Name = uuid.NewString()
	}
	if in.Input == "" {
		in.Input = "{}"
	}
	if err := checkInput(in.Input); err != nil {
		return startOutput{}, err
	}
	arn := m.execution(in.Name)
	err = m.Engine.Start(engine.WithTrace(ctx, in.Trace), in.Name, json.RawMessage(in.Input))
	if errors.Is(err, engine.ErrInvalid) { // the input has been checked: the name is invalid
		return startOutput{}, invalid("InvalidName", "Invalid Name: '%s': %v", in.Name, err)
	}
	if err != nil {
		return startOutput{}, engineProblem(arn, err)
	}
	d, err := m.Engine.Describe(ctx, in.Name)
	return startOutput{Execution: arn, Started: at(d.Started)}, engineProblem(arn, err)
}

func checkInput(input string) error {
	if len(input) > asl.MaxData {
		return invalid("ValidationException", "the input has %d bytes, allowed are %d", len(input), asl.MaxData)
	}
	if err := strictjson.Check([]byte(input)); err != nil {
		return invalid("InvalidExecutionInput", "Invalid State Machine Execution Input: %v", err)
	}
	return nil
}

type describeInput struct {
	Execution string `json:"executionArn"`
	Data      string `json:"includedData"`
}

type describeOutput struct {
	listed
	Input         string    `json:"input,omitempty"`
	InputDetails  *included `json:"inputDetails,omitempty"`
	Output        string    `json:"output,omitempty"`
	OutputDetails *included `json:"outputDetails,omitempty"`
	Error         string    `json:"error,omitempty"`
	Cause         string    `json:"cause,omitempty"`
	Trace         string    `json:"traceHeader,omitempty"`
	RedriveStatus string    `json:"redriveStatus"`
	RedriveReason string    `json:"redriveStatusReason,omitempty"`
}

// listed is an execution in a list.
type listed struct {
	Execution string     `json:"executionArn"`
	Machine   string     `json:"stateMachineArn"`
	Name      string     `json:"name"`
	Status    asl.Status `json:"status"`
	Started   seconds    `json:"startDate"`
	Stopped   *seconds   `json:"stopDate,omitempty"`
	Redrives  int        `json:"redriveCount"`
	Redriven  *seconds   `json:"redriveDate,omitempty"`
}

func (a *api) describe(ctx context.Context, in describeInput) (describeOutput, error) {
	m, name, err := a.execution(in.Execution)
	if err != nil {
		return describeOutput{}, err
	}
	d, err := m.Engine.Describe(ctx, name)
	if err != nil {
		return describeOutput{}, engineProblem(in.Execution, err)
	}
	out := describeOutput{listed: a.listed(m, d), Error: d.Error, Cause: d.Cause, Trace: d.Trace}
	out.RedriveStatus, out.RedriveReason = redrivable(m.Engine, d)
	if in.Data == "METADATA_ONLY" {
		return out, nil
	}
	out.Input, out.InputDetails = string(d.Input), &included{true}
	if d.Output != nil {
		out.Output, out.OutputDetails = string(d.Output), &included{true}
	}
	return out, nil
}

func (a *api) listed(m Machine, d engine.Description) listed {
	arn := m.execution(d.Name)
	a.mu.Lock()
	last := a.redriven[arn]
	a.mu.Unlock()
	return listed{
		Execution: arn, Machine: m.ARN, Name: d.Name, Status: d.Status,
		Started: at(d.Started), Stopped: maybeAt(d.Stopped), Redrives: d.Redrives, Redriven: maybeAt(last.at),
	}
}

// redrivable follows the engine's bounds on redrives: their number, and the time since the execution ended.
func redrivable(e Engine, d engine.Description) (status, reason string) {
	const no = "NOT_REDRIVABLE"
	switch err := e.Redrivable(d); {
	case err == nil:
		return "REDRIVABLE", ""
	case d.Status == asl.Running || d.Status == asl.Succeeded:
		return no, fmt.Sprintf("Execution is %s and cannot be redriven", d.Status)
	default:
		return no, strings.TrimPrefix(err.Error(), "engine: ")
	}
}

type listInput struct {
	Machine    string     `json:"stateMachineArn"`
	Status     asl.Status `json:"statusFilter"`
	MaxResults int        `json:"maxResults"`
	Next       string     `json:"nextToken"`
}

type listOutput struct {
	Executions []listed `json:"executions"`
	Next       string   `json:"nextToken,omitempty"`
}

// maxList is the engine's largest page.
const maxList = 999

func (a *api) list(ctx context.Context, in listInput) (listOutput, error) {
	m, err := a.machine(in.Machine)
	if err != nil {
		return listOutput{}, err
	}
	n, err := limit(in.MaxResults)
	if err != nil {
		return listOutput{}, err
	}
	page, cursor, err := m.Engine.List(ctx, engine.ListQuery{Status: in.Status, Limit: min(n, maxList), Cursor: in.Next})
	if errors.Is(err, engine.ErrInvalid) {
		return listOutput{}, invalid(refused(in.Next), "%v", err)
	}
	out := listOutput{Executions: []listed{}, Next: cursor}
	for _, d := range page {
		out.Executions = append(out.Executions, a.listed(m, d))
	}
	return out, err
}

// refused is the error code for a list that the engine refuses.
func refused(token string) string {
	if token != "" {
		return "InvalidToken"
	}
	return "ValidationException"
}

type redriveInput struct {
	Execution string `json:"executionArn"`
	Token     string `json:"clientToken"`
}

type redriveOutput struct {
	Redriven seconds `json:"redriveDate"`
}

// redrive gives a repeated call, which has the same token, the answer of the first.
func (a *api) redrive(ctx context.Context, in redriveInput) (redriveOutput, error) {
	m, name, err := a.execution(in.Execution)
	if err != nil {
		return redriveOutput{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.redriven[in.Execution]; ok && in.Token != "" && last.token == in.Token {
		return redriveOutput{at(last.at)}, nil
	}
	if err := m.Engine.Redrive(ctx, name); err != nil {
		return redriveOutput{}, engineProblem(in.Execution, err)
	}
	last := redrive{token: in.Token, at: time.Now()}
	a.redriven[in.Execution] = last
	return redriveOutput{at(last.at)}, nil
}

type stopInput struct {
	Execution string `json:"executionArn"`
	Error     string `json:"error"`
	Cause     string `json:"cause"`
}

type stopOutput struct {
	Stopped seconds `json:"stopDate"`
}

func (a *api) stop(ctx context.Context, in stopInput) (stopOutput, error) {
	m, name, err := a.execution(in.Execution)
	if err != nil {
		return stopOutput{}, err
	}
	d, err := m.Engine.Stop(ctx, name, in.Error, in.Cause)
	return stopOutput{at(d.Stopped)}, engineProblem(in.Execution, err)
}
