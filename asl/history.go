package asl

import "time"

// HistoryEvent is one entry of an execution's history, in the JSON that Step Functions' GetExecutionHistory gives: the
// common fields and at most one object of details. Ids count up from 1 without gaps and go on after a redrive.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
type HistoryEvent struct {
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
	TaskSucceeded           *IntegrationOutputDetails  `json:"taskSucceededEventDetails,omitempty"`
	TaskFailed              *IntegrationFailureDetails `json:"taskFailedEventDetails,omitempty"`
	TaskTimedOut            *IntegrationFailureDetails `json:"taskTimedOutEventDetails,omitempty"`
	MapStateStarted         *MapStartedDetails         `json:"mapStateStartedEventDetails,omitempty"`
	MapIterationStarted     *IterationDetails          `json:"mapIterationStartedEventDetails,omitempty"`
	MapIterationSucceeded   *IterationDetails          `json:"mapIterationSucceededEventDetails,omitempty"`
	MapIterationFailed      *IterationDetails          `json:"mapIterationFailedEventDetails,omitempty"`
	MapIterationAborted     *IterationDetails          `json:"mapIterationAbortedEventDetails,omitempty"`
}

// DataDetails tells whether a text of data was cut off; here none is.
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
