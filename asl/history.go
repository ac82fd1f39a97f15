package asl

import (
	"strings"
	"time"

	"tripsaga/asl/expr"
	"tripsaga/shared/history"
)

// HistoryEvent is one entry of an execution's history, see [history.Event].
type HistoryEvent = history.Event

// record counts a history event of the thread whose newest event is *last. It returns the event for the caller to fill in and
// pass to rec; nil if rec is nil.
//
// Events are counted even if they are not read, because ids and the limit are part of the execution's behaviour: an execution
// with a full history fails. Its last place is reserved for the event of the end, so record drops the event, sets exhausted,
// and run ends the execution at the end of the step. previousEventId follows the thread and not the time: events of branches
// interleave, and each points to the one before in its own branch.
func (s *stepper) record(last *int64, kind string) *HistoryEvent {
	x := s.x
	if x.lastEvent >= MaxHistory-1 && !history.Ends(kind) {
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

// executionStarted records the start. It leaves *last at 0: as on Step Functions, the next event has previousEventId 0, too.
func (s *stepper) executionStarted(input []byte) {
	var last int64
	if e := s.record(&last, history.ExecutionStarted); e != nil {
		e.ExecutionStarted = &history.ExecutionStartedDetails{Input: string(input), RoleARN: s.x.started.RoleARN}
		s.rec(*e)
	}
}

func (s *stepper) executionSucceeded(output []byte) {
	if e := s.record(&s.x.root.last, history.ExecutionSucceeded); e != nil {
		e.ExecutionSucceeded = &history.OutputDetails{Output: string(output)}
		s.rec(*e)
	}
}

func (s *stepper) executionEnded(status Status, f *failure) {
	kind := map[Status]string{
		Failed: history.ExecutionFailed, TimedOut: history.ExecutionTimedOut, Aborted: history.ExecutionAborted,
	}[status]
	e := s.record(&s.x.root.last, kind)
	if e == nil {
		return
	}
	details := &history.FailureDetails{Error: f.name, Cause: f.cause}
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
	if e := s.record(&s.x.root.last, history.ExecutionRedriven); e != nil {
		e.ExecutionRedriven = &history.RedriveDetails{RedriveCount: s.x.redrives}
		s.rec(*e)
	}
}

func (s *stepper) stateEntered(t *thread) {
	if e := s.record(&t.last, t.state.entered); e != nil {
		e.StateEntered = &history.StateEnteredDetails{Name: t.state.name, Input: jsonText(t.input)}
		s.rec(*e)
	}
}

func (s *stepper) stateExited(t *thread, output any, assigned map[string]any) {
	e := s.record(&t.last, t.state.exited)
	if e == nil {
		return
	}
	e.StateExited = &history.StateExitedDetails{Name: t.state.name, Output: jsonText(output)}
	if len(assigned) > 0 {
		texts := make(map[string]string, len(assigned))
		for name, v := range assigned {
			texts[name] = jsonText(v)
		}
		e.StateExited.AssignedVariables, e.StateExited.AssignedVariablesDetails = texts, &history.DataDetails{}
	}
	s.rec(*e)
}

func (s *stepper) stateAborted(t *thread) {
	if e := s.record(&t.last, t.state.kind+"StateAborted"); e != nil {
		s.rec(*e)
	}
}

// taskScheduled records the delivery of input; params is the state's input after Parameters.
func (s *stepper) taskScheduled(t *thread, b *task, input []byte, params any, timeout time.Duration) {
	seconds, heartbeat := int(timeout.Seconds()), int(t.heartbeatEvery.Seconds())
	if !b.resource.invoke {
		if e := s.record(&t.last, "LambdaFunctionScheduled"); e != nil {
			e.LambdaFunctionScheduled = &history.FunctionScheduledDetails{
				Resource: b.resource.text, Input: string(input), TimeoutInSeconds: seconds, HeartbeatInSeconds: heartbeat,
			}
			s.rec(*e)
		}
		return
	}
	if e := s.record(&t.last, "TaskScheduled"); e != nil {
		e.TaskScheduled = &history.IntegrationScheduled{
			IntegrationDetails: b.integration(), Region: regionOf(s.x.started.ExecutionID), Parameters: jsonText(params),
			TimeoutInSeconds: seconds, HeartbeatInSeconds: heartbeat,
		}
		s.rec(*e)
	}
}

func (b *task) integration() history.IntegrationDetails {
	d := history.IntegrationDetails{ResourceType: "lambda", Resource: "invoke"}
	if b.resource.callback {
		d.Resource += waitForTaskToken
	}
	return d
}

// regionOf returns the region of an ARN, "" if id is not an ARN.
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
		d := b.integration()
		e.TaskStarted = &d
		s.rec(*e)
	}
}

// taskReplied records the reply of a callback task's function.
func (s *stepper) taskReplied(t *thread, b *task, reply any) {
	if e := s.record(&t.last, "TaskSubmitted"); e != nil {
		e.TaskSubmitted = &history.IntegrationOutputDetails{
			IntegrationDetails: b.integration(), OutputDetails: history.OutputDetails{Output: jsonText(reply)},
		}
		s.rec(*e)
	}
}

// taskEndedWell records a task's raw output; result is the state's result.
func (s *stepper) taskEndedWell(t *thread, b *task, output []byte, result any) {
	if !b.resource.invoke {
		if e := s.record(&t.last, "LambdaFunctionSucceeded"); e != nil {
			e.LambdaFunctionSucceeded = &history.OutputDetails{Output: string(output)}
			s.rec(*e)
		}
		return
	}
	if e := s.record(&t.last, "TaskSucceeded"); e != nil {
		e.TaskSucceeded = &history.IntegrationOutputDetails{
			IntegrationDetails: b.integration(), OutputDetails: history.OutputDetails{Output: jsonText(result)},
		}
		s.rec(*e)
	}
}

func (s *stepper) taskEndedBadly(t *thread, b *task, f *failure) {
	outcome := "Failed"
	if f.timeout {
		outcome = "TimedOut"
	}
	details := history.FailureDetails{Error: f.name, Cause: f.cause}
	if !b.resource.invoke {
		s.functionEndedBadly(t, "LambdaFunction"+outcome, details, f.timeout)
		return
	}
	e := s.record(&t.last, "Task"+outcome)
	if e == nil {
		return
	}
	both := &history.IntegrationFailureDetails{IntegrationDetails: b.integration(), FailureDetails: details}
	if f.timeout {
		e.TaskTimedOut = both
	} else {
		e.TaskFailed = both
	}
	s.rec(*e)
}

func (s *stepper) functionEndedBadly(t *thread, kind string, details history.FailureDetails, timeout bool) {
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

// forkStarted records that a Parallel or Map state starts its n branches or iterations.
func (s *stepper) forkStarted(t *thread, n int) {
	e := s.record(&t.last, t.state.kind+"StateStarted")
	if e == nil {
		return
	}
	if t.state.kind == "Map" {
		e.MapStateStarted = &history.MapStartedDetails{Length: n}
	}
	s.rec(*e)
}

func (s *stepper) forkEvent(t *thread, suffix string) {
	if e := s.record(&t.last, t.state.kind+suffix); e != nil {
		s.rec(*e)
	}
}

// iterationEvent records an event of an iteration. Branches of a Parallel state have no such events.
func (s *stepper) iterationEvent(child *thread, kind string) {
	st := child.parent.state
	if st.kind != "Map" {
		return
	}
	e := s.record(&child.last, kind)
	if e == nil {
		return
	}
	details := &history.IterationDetails{Name: st.name, Index: child.index}
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
