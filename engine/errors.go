package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"tripsaga/asl"
)

var (
	// ErrExists tells that the name is taken by an execution with other input, or by one that has ended.
	ErrExists = errors.New("engine: an execution of this name exists already, with other input or ended")
	// ErrNotFound tells that there is no execution of that name.
	ErrNotFound = errors.New("engine: no such execution")
	// ErrBusy tells that as many executions are open as the engine takes; try again later.
	ErrBusy = errors.New("engine: too many open executions, try again later")
	// ErrClosed tells that the engine is closing or closed.
	ErrClosed = errors.New("engine: closed")
	// ErrInvalid tells that a name or an input cannot be used; it is wrapped with the reason.
	ErrInvalid = errors.New("engine: invalid")
	// ErrNoReply, returned by a task, tells that its reply is lost: the engine hears nothing of this delivery, and the
	// state's time-out decides. It is for simulations, where a task cannot just hang.
	ErrNoReply = errors.New("engine: the reply is lost")
	// ErrNotRedrivable tells that the execution is running or has succeeded, or has used up what a redrive may.
	ErrNotRedrivable = errors.New("engine: the execution cannot be redriven")
	// ErrFinal, wrapped by an error of OnEnd, tells that calling it again cannot help.
	ErrFinal = errors.New("engine: final")
)

// TaskError is an error of a task under the name by which Retry and Catch match it. Any error with a method
// ErrorName() string does as well; for others the name is their Go type's, as it is on Lambda.
type TaskError struct {
	Name    string
	Message string
}

func (e *TaskError) Error() string { return e.Name + ": " + e.Message }

// ErrorName is Name.
func (e *TaskError) ErrorName() string { return e.Name }

// An error's name and cause are bounded, as they are in Step Functions (256 and 32,768 characters).
const (
	maxErrorName    = 256
	maxErrorMessage = 30_000
)

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}

// failure is the event for a task's error. Its cause has the form in which Step Functions shows a Lambda function's,
// unless the error brings one by a method ErrorCause() string, as that of a function in a process of its own does.
func failure(task int64, err error) asl.Event {
	name := cut(errorName(err), maxErrorName)
	var caused interface{ ErrorCause() string }
	if errors.As(err, &caused) {
		return asl.Event{Failed: &asl.TaskFailed{Task: task, Error: name, Cause: cut(caused.ErrorCause(), maxErrorMessage)}}
	}
	cause, _ := json.Marshal(struct { // two strings always marshal
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{cut(errorMessage(err), maxErrorMessage), name})
	return asl.Event{Failed: &asl.TaskFailed{Task: task, Error: name, Cause: string(cause)}}
}

func errorName(err error) string {
	var named interface{ ErrorName() string }
	if errors.As(err, &named) && named.ErrorName() != "" {
		return named.ErrorName()
	}
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

func errorMessage(err error) string {
	var te *TaskError
	if errors.As(err, &te) {
		return te.Message
	}
	return err.Error()
}

// errAbandoned is the end of a run that was entered and came to nothing; whoever waits for it looks again.
var errAbandoned = errors.New("engine: the start came to nothing")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
