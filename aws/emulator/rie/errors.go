package rie

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrClosed tells that the server is closing or closed.
	ErrClosed = errors.New("rie: closed")
	// ErrReplyLost tells that the fault ReplyLost took the function's reply away.
	ErrReplyLost = errors.New("rie: the reply is lost")
)

// The error types that Lambda itself gives.
const (
	ErrorExit             = "Runtime.ExitError"
	ErrorTimedOut         = "Sandbox.Timedout"
	ErrorResponseTooLarge = "Function.ResponseSizeTooLarge"
	ErrorNotFound         = "Lambda.ResourceNotFoundException"
	ErrorRequestTooLarge  = "Lambda.RequestTooLargeException"
	ErrorUnknown          = "Lambda.Unknown" // the name that Step Functions gives where Lambda gave none
)

// FunctionError is an invocation's error as its caller sees it.
type FunctionError struct {
	Type    string
	Message string
	Payload json.RawMessage // with the members errorType and errorMessage, perhaps stackTrace
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// ErrorName is the type, by which a state machine matches the error.
func (e *FunctionError) ErrorName() string { return e.Type }

// ErrorCause is the payload, which is what Step Functions shows as the cause.
func (e *FunctionError) ErrorCause() string { return string(e.Payload) }

type errorPayload struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func newFunctionError(kind, format string, args ...any) *FunctionError {
	p := errorPayload{Type: kind, Message: fmt.Sprintf(format, args...)}
	payload, _ := json.Marshal(p) // two strings always marshal
	return &FunctionError{Type: p.Type, Message: p.Message, Payload: payload}
}

// reportedError is what a runtime posted as its error.
func reportedError(payload []byte) *FunctionError {
	var p errorPayload
	if err := json.Unmarshal(payload, &p); err == nil && p.Type != "" {
		return &FunctionError{Type: p.Type, Message: p.Message, Payload: payload}
	}
	return newFunctionError(ErrorUnknown, "The cause could not be determined because Lambda did not return an error type."+
		" Returned payload: %s", payload)
}

func timedOut(id string, after time.Duration) *FunctionError {
	return newFunctionError(ErrorTimedOut, "RequestId: %s Error: Task timed out after %.2f seconds", id, after.Seconds())
}

// exited is the error for a process that ended; reason is "exit status 1", "signal: killed", or "" for a clean exit.
func exited(id, reason string) *FunctionError {
	if reason == "" {
		return newFunctionError(ErrorExit, "RequestId: %s Error: Runtime exited without providing a reason", id)
	}
	return newFunctionError(ErrorExit, "RequestId: %s Error: Runtime exited with error: %s", id, reason)
}
