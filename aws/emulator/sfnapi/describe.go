package sfnapi

import (
	"context"
	"fmt"

	"tripsaga/asl"
	"tripsaga/engine"
)

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

// listed is what a list tells of an execution.
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
	name, err := a.nameOf(in.Execution)
	if err != nil {
		return describeOutput{}, err
	}
	d, err := a.engine.Describe(ctx, name)
	if err != nil {
		return describeOutput{}, engineProblem(in.Execution, err)
	}
	out := describeOutput{listed: a.listed(d), Error: d.Error, Cause: d.Cause, Trace: d.Trace}
	out.RedriveStatus, out.RedriveReason = redrivable(d.Status)
	if in.Data == "METADATA_ONLY" {
		return out, nil
	}
	out.Input, out.InputDetails = string(d.Input), &included{true}
	if d.Output != nil {
		out.Output, out.OutputDetails = string(d.Output), &included{true}
	}
	return out, nil
}

func (a *api) listed(d engine.Description) listed {
	a.mu.Lock()
	last := a.redriven[d.Name]
	a.mu.Unlock()
	return listed{
		Execution: a.executionARN(d.Name), Machine: a.machine, Name: d.Name, Status: d.Status,
		Started: at(d.Started), Stopped: maybeAt(d.Stopped), Redrives: d.Redrives, Redriven: maybeAt(last.at),
	}
}

func redrivable(s asl.Status) (status, reason string) {
	if s == asl.Running || s == asl.Succeeded {
		return "NOT_REDRIVABLE", fmt.Sprintf("Execution is %s and cannot be redriven", s)
	}
	return "REDRIVABLE", ""
}
