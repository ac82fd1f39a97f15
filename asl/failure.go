package asl

import (
	"errors"
	"fmt"

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

func dataLimit(what string, size int) *failure {
	return &failure{
		name:     ErrDataLimitExceeded,
		cause:    fmt.Sprintf("%s has %d bytes, allowed are %d", what, size, MaxData),
		terminal: true,
	}
}

// evaluation is the failure of a path or a template. A path that matches nothing is States.Runtime on Step Functions,
// in every field; the specification's own name for some of them, States.ParameterPathFailure, is not what one sees.
func evaluation(field string, err error) *failure {
	var e *expr.Error
	if !errors.As(err, &e) {
		return runtimeFailure("%s: %s", field, err)
	}
	if e.Name == ErrParameterPathFailure || e.Name == ErrRuntime {
		return runtimeFailure("%s: %s", field, e.Message)
	}
	return &failure{name: e.Name, cause: field + ": " + e.Message}
}
