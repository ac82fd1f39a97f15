package asl

import (
	"strings"
	"time"

	"tripsaga/asl/expr"
)

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

// record counts an event of the strand whose newest event is *last, and gives it to be filled in and passed to rec;
// nil when nobody wants it. The last place of a full history is kept for the execution's own end.
func (s *stepper) record(last *int64, kind string) *HistoryEvent {
	x := s.x
	if x.lastEvent >= MaxHistory-1 && !endsExecution(kind) {
		x.exhausted = true
		return nil
	}
	x.lastEvent++
	previous := *last
	*last = x.lastEvent
	if s.rec == nil {
		return nil
	}
	return &HistoryEvent{Timestamp: s.now, Type: kind, ID: x.lastEvent, PreviousEventID: previous}
}

func endsExecution(kind string) bool {
	switch kind {
	case "ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted":
		return true
	}
	return false
}

// executionStarted leaves the strand without a newest event: the event after it has previousEventId 0, too.
func (s *stepper) executionStarted(input []byte) {
	var last int64
	if e := s.record(&last, "ExecutionStarted"); e != nil {
		e.ExecutionStarted = &ExecutionStartedDetails{Input: string(input), RoleARN: s.x.started.RoleARN}
		s.rec(*e)
	}
}

func (s *stepper) executionSucceeded(output []byte) {
	if e := s.record(&s.x.root.last, "ExecutionSucceeded"); e != nil {
		e.ExecutionSucceeded = &OutputDetails{Output: string(output)}
		s.rec(*e)
	}
}

func (s *stepper) executionEnded(status Status, f *failure) {
	kind := map[Status]string{
		Failed: "ExecutionFailed", TimedOut: "ExecutionTimedOut", Aborted: "ExecutionAborted",
	}[status]
	e := s.record(&s.x.root.last, kind)
	if e == nil {
		return
	}
	details := &FailureDetails{Error: f.name, Cause: f.cause}
	switch status {
	case TimedOut:
		e.ExecutionTimedOut = details
	case Aborted:
		e.ExecutionAborted = details
	default:
		e.ExecutionFailed = details
	}
	s.rec(*e)
}

func (s *stepper) executionRedriven() {
	if e := s.record(&s.x.root.last, "ExecutionRedriven"); e != nil {
		e.ExecutionRedriven = &RedriveDetails{RedriveCount: s.x.redrives}
		s.rec(*e)
	}
}

func (s *stepper) stateEntered(t *thread) {
	if e := s.record(&t.last, t.state.entered); e != nil {
		e.StateEntered = &StateEnteredDetails{Name: t.state.name, Input: jsonText(t.input)}
		s.rec(*e)
	}
}

func (s *stepper) stateExited(t *thread, output any, assigned map[string]any) {
	e := s.record(&t.last, t.state.exited)
	if e == nil {
		return
	}
	e.StateExited = &StateExitedDetails{Name: t.state.name, Output: jsonText(output)}
	if len(assigned) > 0 {
		texts := make(map[string]string, len(assigned))
		for name, v := range assigned {
			texts[name] = jsonText(v)
		}
		e.StateExited.AssignedVariables, e.StateExited.AssignedVariablesDetails = texts, &DataDetails{}
	}
	s.rec(*e)
}

func (s *stepper) stateAborted(t *thread) {
	if e := s.record(&t.last, t.state.kind+"StateAborted"); e != nil {
		s.rec(*e)
	}
}

// taskScheduled records the delivery of input; params is what Parameters made of the state's input.
func (s *stepper) taskScheduled(t *thread, b *task, input []byte, params any, timeout time.Duration) {
	seconds, heartbeat := int(timeout.Seconds()), int(t.heartbeatEvery.Seconds())
	if !b.resource.invoke {
		if e := s.record(&t.last, "LambdaFunctionScheduled"); e != nil {
			e.LambdaFunctionScheduled = &FunctionScheduledDetails{
				Resource: b.resource.text, Input: string(input), TimeoutInSeconds: seconds, HeartbeatInSeconds: heartbeat,
			}
			s.rec(*e)
		}
		return
	}
	if e := s.record(&t.last, "TaskScheduled"); e != nil {
		e.TaskScheduled = &IntegrationScheduled{
			IntegrationDetails: lambdaInvoke, Region: regionOf(s.x.started.ExecutionID), Parameters: jsonText(params),
			TimeoutInSeconds: seconds, HeartbeatInSeconds: heartbeat,
		}
		s.rec(*e)
	}
}

var lambdaInvoke = IntegrationDetails{ResourceType: "lambda", Resource: "invoke"}

// regionOf is the region in an ARN, "" when id is none.
func regionOf(id string) string {
	if parts := strings.SplitN(id, ":", 5); len(parts) == 5 && parts[0] == "arn" {
		return parts[3]
	}
	return ""
}

func (s *stepper) taskStarted(t *thread, b *task) {
	if !b.resource.invoke {
		if e := s.record(&t.last, "LambdaFunctionStarted"); e != nil {
			s.rec(*e)
		}
		return
	}
	if e := s.record(&t.last, "TaskStarted"); e != nil {
		e.TaskStarted = &IntegrationDetails{ResourceType: lambdaInvoke.ResourceType, Resource: lambdaInvoke.Resource}
		s.rec(*e)
	}
}

// taskEndedWell records a task's output as it came; result is what the state makes of it.
func (s *stepper) taskEndedWell(t *thread, b *task, output []byte, result any) {
	if !b.resource.invoke {
		if e := s.record(&t.last, "LambdaFunctionSucceeded"); e != nil {
			e.LambdaFunctionSucceeded = &OutputDetails{Output: string(output)}
			s.rec(*e)
		}
		return
	}
	if e := s.record(&t.last, "TaskSucceeded"); e != nil {
		e.TaskSucceeded = &IntegrationOutputDetails{lambdaInvoke, OutputDetails{Output: jsonText(result)}}
		s.rec(*e)
	}
}

func (s *stepper) taskEndedBadly(t *thread, b *task, f *failure) {
	outcome := "Failed"
	if f.timeout {
		outcome = "TimedOut"
	}
	details := FailureDetails{Error: f.name, Cause: f.cause}
	if !b.resource.invoke {
		s.functionEndedBadly(t, "LambdaFunction"+outcome, details, f.timeout)
		return
	}
	e := s.record(&t.last, "Task"+outcome)
	if e == nil {
		return
	}
	both := &IntegrationFailureDetails{lambdaInvoke, details}
	if f.timeout {
		e.TaskTimedOut = both
	} else {
		e.TaskFailed = both
	}
	s.rec(*e)
}

func (s *stepper) functionEndedBadly(t *thread, kind string, details FailureDetails, timeout bool) {
	e := s.record(&t.last, kind)
	if e == nil {
		return
	}
	if timeout {
		e.LambdaFunctionTimedOut = &details
	} else {
		e.LambdaFunctionFailed = &details
	}
	s.rec(*e)
}

// forkStarted records that a Parallel or Map state begins its n branches or iterations.
func (s *stepper) forkStarted(t *thread, n int) {
	e := s.record(&t.last, t.state.kind+"StateStarted")
	if e == nil {
		return
	}
	if t.state.kind == "Map" {
		e.MapStateStarted = &MapStartedDetails{Length: n}
	}
	s.rec(*e)
}

func (s *stepper) forkEvent(t *thread, suffix string) {
	if e := s.record(&t.last, t.state.kind+suffix); e != nil {
		s.rec(*e)
	}
}

// iterationEvent records an event of an iteration; the branches of a Parallel state have none.
func (s *stepper) iterationEvent(child *thread, kind string) {
	st := child.parent.state
	if st.kind != "Map" {
		return
	}
	e := s.record(&child.last, kind)
	if e == nil {
		return
	}
	details := &IterationDetails{Name: st.name, Index: child.index}
	switch kind {
	case "MapIterationStarted":
		e.MapIterationStarted = details
	case "MapIterationSucceeded":
		e.MapIterationSucceeded = details
	case "MapIterationFailed":
		e.MapIterationFailed = details
	default:
		e.MapIterationAborted = details
	}
	s.rec(*e)
}

func jsonText(v any) string { return string(expr.AppendEncode(nil, v)) }
