package asl

import (
	"errors"
	"fmt"
	"strings"

	"tripsaga/asl/expr"
)

// failure is an error inside an execution: what Retry and Catch match, and what an execution ends with.
type failure struct {
	name  string
	cause string
	// terminal failures are matched by no wildcard: States.Runtime by nothing at all, and a data limit that the
	// execution itself broke by its name only.
	terminal bool
	// branch tells that a branch of the state failed, which States.BranchFailed matches beside the error's own name.
	branch bool
	// timeout tells that a timer ended the task: Step Functions records it as TimedOut, without a cause.
	timeout bool
	// state is where it began.
	state string
}

func runtimeFailure(format string, args ...any) *failure {
	return &failure{name: ErrRuntime, cause: fmt.Sprintf(format, args...), terminal: true}
}

// dataLimit is the failure of a state that makes more data than the limit.
func dataLimit(state string) *failure {
	return &failure{name: ErrDataLimitExceeded, cause: limitCause(state), terminal: true}
}

func limitCause(name string) string {
	return fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", name)
}

// OutputLimit is the event for a task whose output is over the limit, for an engine that does not want to journal it. As
// observed on AWS, States.ALL matches this one, and the cause names the resource.
func (t *StartTask) OutputLimit() Event {
	return Event{Failed: &TaskFailed{Task: t.Task, Error: ErrDataLimitExceeded, Cause: limitCause(taskName(t.Resource))}}
}

func taskName(resource string) string {
	if _, integration, ok := strings.Cut(resource, ":states:::"); ok {
		service, _, _ := strings.Cut(integration, ":")
		return service
	}
	return resource
}

// own makes f, unless it came up from below, a failure of t's state.
func (t *thread) own(f *failure) {
	if f.state != "" || t.state == nil {
		return
	}
	f.state = t.state.name
	if f.name == ErrRuntime && f.terminal {
		f.cause = fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). %s",
			t.state.name, t.enteredEvent, f.cause)
	}
}

// evaluation is the failure of a path or a template of t's state. A path that matches nothing is States.Runtime on Step
// Functions, in every field; the specification's own name for some of them, States.ParameterPathFailure, is not what one
// sees.
func (t *thread) evaluation(field string, err error) *failure {
	var e *expr.Error
	if !errors.As(err, &e) {
		return runtimeFailure("%s: %s", field, err)
	}
	switch e.Name {
	case ErrParameterPathFailure, ErrRuntime:
		return runtimeFailure("%s", e.Message)
	case ErrDataLimitExceeded:
		return dataLimit(t.state.name)
	}
	return &failure{name: e.Name, cause: field + ": " + e.Message}
}
