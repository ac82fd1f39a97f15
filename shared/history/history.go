// Package history is an execution's history in Step Functions' event types: the engine writes these events, and every
// reader (REST API, command line, tests, cost) takes from [Read] which states were visited, how often each task was
// attempted, how long it took, and how the execution ended. The JSON is that of GetExecutionHistory, but for timestamps,
// which are RFC 3339 here. It imports the standard library alone, so that package asl can use it.
package history

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The types of the events that begin and end an execution, or resume it.
const (
	ExecutionStarted   = "ExecutionStarted"
	ExecutionRedriven  = "ExecutionRedriven"
	ExecutionSucceeded = "ExecutionSucceeded"
	ExecutionFailed    = "ExecutionFailed"
	ExecutionTimedOut  = "ExecutionTimedOut"
	ExecutionAborted   = "ExecutionAborted"
)

// Ends reports whether an event of this type ends its execution. A redrive may follow.
func Ends(eventType string) bool {
	switch eventType {
	case ExecutionSucceeded, ExecutionFailed, ExecutionTimedOut, ExecutionAborted:
		return true
	}
	return false
}

// Event is one entry of a history: the common fields and at most one object of details. Ids count up from 1 without
// gaps, and continue after a redrive. PreviousEventID is the id of the event before it in the same strand: the branches
// of a Parallel state and the iterations of a Map state are strands.
//
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
type Event struct {
	Timestamp       time.Time `json:"timestamp"`
	Type            string    `json:"type"`
	ID              int64     `json:"id"`
	PreviousEventID int64     `json:"previousEventId"`

	ExecutionStarted        *ExecutionStartedDetails   `json:"executionStartedEventDetails,omitempty"`
	ExecutionSucceeded      *OutputDetails             `json:"executionSucceededEventDetails,omitempty"`
	ExecutionFailed         *FailureDetails            `json:"executionFailedEventDetails,omitempty"`
	ExecutionTimedOut       *FailureDetails            `json:"executionTimedOutEventDetails,omitempty"`
	ExecutionAborted        *FailureDetails            `json:"executionAbortedEventDetails,omitempty"`
	ExecutionRedriven       *RedriveDetails            `json:"executionRedrivenEventDetails,omitempty"`
	StateEntered            *StateEnteredDetails       `json:"stateEnteredEventDetails,omitempty"`
	StateExited             *StateExitedDetails        `json:"stateExitedEventDetails,omitempty"`
	LambdaFunctionScheduled *FunctionScheduledDetails  `json:"lambdaFunctionScheduledEventDetails,omitempty"`
	LambdaFunctionSucceeded *OutputDetails             `json:"lambdaFunctionSucceededEventDetails,omitempty"`
	LambdaFunctionFailed    *FailureDetails            `json:"lambdaFunctionFailedEventDetails,omitempty"`
	LambdaFunctionTimedOut  *FailureDetails            `json:"lambdaFunctionTimedOutEventDetails,omitempty"`
	TaskScheduled           *IntegrationScheduled      `json:"taskScheduledEventDetails,omitempty"`
	TaskStarted             *IntegrationDetails        `json:"taskStartedEventDetails,omitempty"`
	TaskSubmitted           *IntegrationOutputDetails  `json:"taskSubmittedEventDetails,omitempty"`
	TaskSucceeded           *IntegrationOutputDetails  `json:"taskSucceededEventDetails,omitempty"`
	TaskFailed              *IntegrationFailureDetails `json:"taskFailedEventDetails,omitempty"`
	TaskTimedOut            *IntegrationFailureDetails `json:"taskTimedOutEventDetails,omitempty"`
	MapStateStarted         *MapStartedDetails         `json:"mapStateStartedEventDetails,omitempty"`
	MapIterationStarted     *IterationDetails          `json:"mapIterationStartedEventDetails,omitempty"`
	MapIterationSucceeded   *IterationDetails          `json:"mapIterationSucceededEventDetails,omitempty"`
	MapIterationFailed      *IterationDetails          `json:"mapIterationFailedEventDetails,omitempty"`
	MapIterationAborted     *IterationDetails          `json:"mapIterationAbortedEventDetails,omitempty"`

	// Source is the JSON from which [Parse] read the event, with the members that this package does not know. It is nil
	// for an event that this process made.
	Source json.RawMessage `json:"-"`
}

// Parse reads one event and keeps its JSON in Source. Errors: that raw is not the JSON of an event.
func Parse(raw json.RawMessage) (Event, error) {
	var e Event
	if err := json.Unmarshal(raw, &e); err != nil {
		return Event{}, fmt.Errorf("an event of the history: %w", err)
	}
	e.Source = raw
	return e, nil
}

// Decode parses a list of events, see [Parse].
func Decode(raw []json.RawMessage) ([]Event, error) {
	events := make([]Event, len(raw))
	for i := range raw {
		var err error
		if events[i], err = Parse(raw[i]); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// Encode returns the JSON of each event: its Source, where it has one. The list is never nil.
func Encode(events []Event) ([]json.RawMessage, error) {
	raw := make([]json.RawMessage, len(events))
	for i := range events {
		if raw[i] = events[i].Source; raw[i] != nil {
			continue
		}
		var err error
		if raw[i], err = json.Marshal(&events[i]); err != nil {
			return nil, err
		}
	}
	return raw, nil
}

// Texts returns the texts of the details that come from the execution: names of states, data, errors and causes.
func (e *Event) Texts() []string {
	var texts []string
	if d := e.ExecutionStarted; d != nil {
		texts = append(texts, d.Input)
	}
	if d := e.ExecutionSucceeded; d != nil {
		texts = append(texts, d.Output)
	}
	if d := e.StateEntered; d != nil {
		texts = append(texts, d.Name, d.Input)
	}
	if d := e.StateExited; d != nil {
		texts = append(texts, d.Name, d.Output)
		for name, value := range d.AssignedVariables {
			texts = append(texts, name, value)
		}
	}
	if d := e.LambdaFunctionScheduled; d != nil {
		texts = append(texts, d.Resource, d.Input)
	}
	if d := e.TaskScheduled; d != nil {
		texts = append(texts, d.Parameters)
	}
	if d := e.TaskSubmitted; d != nil {
		texts = append(texts, d.Output)
	}
	if output := e.output(); output != "" {
		texts = append(texts, output)
	}
	for _, d := range []*FailureDetails{e.Failure(), e.end()} {
		if d != nil {
			texts = append(texts, d.Error, d.Cause)
		}
	}
	return texts
}

// Scheduled reports whether the event is an attempt: a delivery of a task, by whichever integration.
func (e *Event) Scheduled() bool { return strings.HasSuffix(e.Type, "Scheduled") }

// Failure returns how an attempt failed or timed out, nil for every other event.
func (e *Event) Failure() *FailureDetails {
	switch {
	case e.LambdaFunctionFailed != nil:
		return e.LambdaFunctionFailed
	case e.LambdaFunctionTimedOut != nil:
		return e.LambdaFunctionTimedOut
	case e.TaskFailed != nil:
		return &e.TaskFailed.FailureDetails
	case e.TaskTimedOut != nil:
		return &e.TaskTimedOut.FailureDetails
	}
	return nil
}

// output returns the JSON text that an attempt succeeded with, "" for every other event.
func (e *Event) output() string {
	switch {
	case e.LambdaFunctionSucceeded != nil:
		return e.LambdaFunctionSucceeded.Output
	case e.TaskSucceeded != nil:
		return e.TaskSucceeded.Output
	}
	return ""
}

// end returns how the execution ended without success, nil for every other event.
func (e *Event) end() *FailureDetails {
	switch e.Type {
	case ExecutionFailed:
		return orEmpty(e.ExecutionFailed)
	case ExecutionTimedOut:
		return orEmpty(e.ExecutionTimedOut)
	case ExecutionAborted:
		return orEmpty(e.ExecutionAborted)
	}
	return nil
}

// orEmpty keeps an end without details from being taken for a success.
func orEmpty(f *FailureDetails) *FailureDetails {
	if f == nil {
		return &FailureDetails{}
	}
	return f
}

// Message returns the text of the error: where a function failed the cause is JSON with the member errorMessage.
func (f *FailureDetails) Message() string {
	var payload struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(f.Cause), &payload) == nil && payload.Message != "" {
		return payload.Message
	}
	return f.Cause
}

// DataDetails reports whether a text of data was cut off. The engine never cuts one off.
type DataDetails struct {
	Truncated bool `json:"truncated"`
}

// ExecutionStartedDetails has the input as JSON text.
type ExecutionStartedDetails struct {
	Input        string      `json:"input"`
	InputDetails DataDetails `json:"inputDetails"`
	RoleARN      string      `json:"roleArn"`
}

// RedriveDetails counts the redrives, this one included.
type RedriveDetails struct {
	RedriveCount int `json:"redriveCount"`
}

// OutputDetails has an output as JSON text.
type OutputDetails struct {
	Output        string      `json:"output"`
	OutputDetails DataDetails `json:"outputDetails"`
}

// FailureDetails has an error's name and cause; a time-out has no cause.
type FailureDetails struct {
	Error string `json:"error,omitempty"`
	Cause string `json:"cause,omitempty"`
}

// StateEnteredDetails has a state's raw input as JSON text.
type StateEnteredDetails struct {
	Name         string      `json:"name"`
	Input        string      `json:"input"`
	InputDetails DataDetails `json:"inputDetails"`
}

// StateExitedDetails has a state's output as JSON text, and the variables that it assigned, each as JSON text.
type StateExitedDetails struct {
	Name                     string            `json:"name"`
	Output                   string            `json:"output"`
	OutputDetails            DataDetails       `json:"outputDetails"`
	AssignedVariables        map[string]string `json:"assignedVariables,omitempty"`
	AssignedVariablesDetails *DataDetails      `json:"assignedVariablesDetails,omitempty"`
}

// FunctionScheduledDetails describes the delivery of a task whose resource is a function.
type FunctionScheduledDetails struct {
	Resource           string      `json:"resource"`
	Input              string      `json:"input"`
	InputDetails       DataDetails `json:"inputDetails"`
	TimeoutInSeconds   int         `json:"timeoutInSeconds,omitempty"`
	HeartbeatInSeconds int         `json:"heartbeatInSeconds,omitempty"`
}

// IntegrationDetails names a service integration: "invoke" of "lambda".
type IntegrationDetails struct {
	ResourceType string `json:"resourceType"`
	Resource     string `json:"resource"`
}

// IntegrationScheduled describes the delivery of a task by a service integration.
type IntegrationScheduled struct {
	IntegrationDetails
	Region             string `json:"region"`
	Parameters         string `json:"parameters"`
	TimeoutInSeconds   int    `json:"timeoutInSeconds,omitempty"`
	HeartbeatInSeconds int    `json:"heartbeatInSeconds,omitempty"`
}

// IntegrationOutputDetails has the output of a service integration.
type IntegrationOutputDetails struct {
	IntegrationDetails
	OutputDetails
}

// IntegrationFailureDetails has the error of a service integration.
type IntegrationFailureDetails struct {
	IntegrationDetails
	FailureDetails
}

// MapStartedDetails has the number of items.
type MapStartedDetails struct {
	Length int `json:"length"`
}

// IterationDetails names an iteration of a Map state.
type IterationDetails struct {
	Name  string `json:"name"`
	Index int    `json:"index"`
}
