package asl

import (
	"strings"
	"time"

	"tripsaga/asl/expr"
)

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
