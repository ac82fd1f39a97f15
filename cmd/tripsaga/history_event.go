package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
)

// historyEvent is what a timeline needs of an event in Step Functions' JSON.
type historyEvent struct {
	Timestamp time.Time `json:"timestamp"`
	Type      string    `json:"type"`
	ID        int64     `json:"id"`
	Previous  int64     `json:"previousEventId"`

	StateEntered      *stateDetails   `json:"stateEnteredEventDetails"`
	StateExited       *stateDetails   `json:"stateExitedEventDetails"`
	FunctionSucceeded *outputDetails  `json:"lambdaFunctionSucceededEventDetails"`
	TaskSucceeded     *outputDetails  `json:"taskSucceededEventDetails"`
	FunctionFailed    *failureDetails `json:"lambdaFunctionFailedEventDetails"`
	FunctionTimedOut  *failureDetails `json:"lambdaFunctionTimedOutEventDetails"`
	TaskFailed        *failureDetails `json:"taskFailedEventDetails"`
	TaskTimedOut      *failureDetails `json:"taskTimedOutEventDetails"`
	ExecutionFailed   *failureDetails `json:"executionFailedEventDetails"`
	ExecutionAborted  *failureDetails `json:"executionAbortedEventDetails"`
	ExecutionTimedOut *failureDetails `json:"executionTimedOutEventDetails"`
}

type stateDetails struct {
	Name string `json:"name"`
}

type outputDetails struct {
	Output string `json:"output"` // JSON
}

type failureDetails struct {
	Error string `json:"error"`
	Cause string `json:"cause"`
}

// decodeHistory takes events of any type whose JSON is Step Functions'.
func decodeHistory[E any](events []E) ([]historyEvent, error) {
	text, err := json.Marshal(events)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	var history []historyEvent
	if err := json.Unmarshal(text, &history); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return history, nil
}

// statesEntered lists the states in the order in which they were entered.
func statesEntered(history []historyEvent) []string {
	names := []string{}
	for _, e := range history {
		if e.StateEntered != nil {
			names = append(names, e.StateEntered.Name)
		}
	}
	return names
}

// ended tells whether the history is complete, unless the saga is redriven.
func ended(history []historyEvent) bool {
	if len(history) == 0 {
		return false
	}
	switch history[len(history)-1].Type {
	case "ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut":
		return true
	}
	return false
}

// failure is how an attempt failed, nil when e tells something else.
func (e *historyEvent) failure() *failureDetails {
	for _, f := range []*failureDetails{e.FunctionFailed, e.FunctionTimedOut, e.TaskFailed, e.TaskTimedOut} {
		if f != nil {
			return f
		}
	}
	return nil
}

// takenBack is what a compensation tells in its output, nil when e is not the success of one.
func (e *historyEvent) takenBack() *bool {
	type cancelled struct {
		TakenBack *bool `json:"taken_back"`
	}
	for _, d := range []*outputDetails{e.FunctionSucceeded, e.TaskSucceeded} {
		var output struct {
			cancelled
			Payload cancelled // where lambda:invoke puts it
		}
		if d == nil || json.Unmarshal([]byte(d.Output), &output) != nil {
			continue
		}
		return cmp.Or(output.TakenBack, output.Payload.TakenBack)
	}
	return nil
}

// end is how the execution ended without success, nil when e tells something else.
func (e *historyEvent) end() *failureDetails {
	for _, f := range []*failureDetails{e.ExecutionFailed, e.ExecutionAborted, e.ExecutionTimedOut} {
		if f != nil {
			return f
		}
	}
	return nil
}

// message is the text in a cause, which is JSON where a function failed.
func (f *failureDetails) message() string {
	var payload struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(f.Cause), &payload) == nil && payload.Message != "" {
		return payload.Message
	}
	return f.Cause
}
