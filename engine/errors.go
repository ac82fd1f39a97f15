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
	// ErrExists means that the name is taken by an execution with other input, or by one that has ended.
	ErrExists = errors.New("engine: an execution of this name exists already, with other input or ended")
	// ErrNotFound means that no execution has this name.
	ErrNotFound = errors.New("engine: no such execution")
	// ErrBusy means that MaxOpen executions are open; retry later.
	ErrBusy = errors.New("engine: too many open executions, try again later")
	// ErrClosed means that the engine is closing or closed.
	ErrClosed = errors.New("engine: closed")
	// ErrInvalid means that a name, an input or an option is not valid; it is wrapped with the reason.
	ErrInvalid = errors.New("engine: invalid")
	// ErrNoReply, returned by a task, means that the reply of this delivery is lost: the engine gets no event, and the
	// state's timeout decides. It is for simulations, in which a task cannot just hang.
	ErrNoReply = errors.New("engine: the reply is lost")
	// ErrNotRedrivable means that the execution is running, has succeeded, or is past the limits of MaxRedrives and
	// RedriveWithin.
	ErrNotRedrivable = errors.New("engine: the execution cannot be redriven")
	// ErrInvalidToken means that no execution handed out the task token.
	ErrInvalidToken = errors.New("engine: invalid task token")
	// ErrTaskTimedOut means that the task of the token has ended: it timed out, was answered before, or its execution ended.
	ErrTaskTimedOut = errors.New("engine: the task of this token has timed out or ended")
	// ErrInvalidOutput means that a task's output is not JSON or is larger than asl.MaxData; it is wrapped with the reason.
	ErrInvalidOutput = errors.New("engine: invalid output")
	// ErrFinal, wrapped by an error of OnEnd, means that another call of OnEnd would fail as well.
	ErrFinal = errors.New("engine: final")
)

// TaskError is an error of a task with the name that Retry and Catch match. Any error with a method ErrorName() string
// works as well. For other errors the name is that of their Go type, as on Lambda.
type TaskError struct {
	Name    string
	Message string
}

func (e *TaskError) Error() string { return e.Name + ": " + e.Message }

// ErrorName returns Name.
func (e *TaskError) ErrorName() string { return e.Name }

// An error's name and cause are cut, since Step Functions limits them to 256 and 32,768 characters.
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

// failure returns the event of a task's error. Its cause has the format in which Step Functions shows the error of a Lambda
// function, unless the error has a method ErrorCause() string, as that of a function in a separate process does.
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

// errAbandoned ends a run whose start or redrive failed; callers of Wait look the execution up again.
var errAbandoned = errors.New("engine: the start failed")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
