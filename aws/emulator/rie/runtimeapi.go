package rie

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	apiVersion = "/2018-06-01"
	accountARN = "arn:aws:lambda:us-east-1:000000000000:function:"
)

// routes is the Runtime API of one environment. It serves only the environment's process: a request for another host
// name, or from a browser, was made by a web page.
func (e *environment) routes(address string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+apiVersion+"/runtime/invocation/next", e.next)
	mux.HandleFunc("POST "+apiVersion+"/runtime/invocation/{id}/response", e.response)
	mux.HandleFunc("POST "+apiVersion+"/runtime/invocation/{id}/error", e.failure)
	mux.HandleFunc("POST "+apiVersion+"/runtime/init/error", e.initFailure)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != address || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			refuse(w, http.StatusForbidden, "Forbidden", "only the function's own process is served")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// next blocks until there is an invocation.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e.idle <- struct{}{}:
	default: // it called earlier and closed the connection
	}
	select {
	case inv := <-e.work:
		e.give(w, inv)
	case <-r.Context().Done():
	}
}

func (e *environment) give(w http.ResponseWriter, inv *invocation) {
	e.mu.Lock()
	e.current = inv
	e.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", accountARN+e.function.Name)
	if inv.trace != "" {
		h.Set("Lambda-Runtime-Trace-Id", inv.trace)
	}
	w.Write(inv.payload) // fails only if the process is gone, which reap notices
}

func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		e.reply(w, r, http.StatusRequestEntityTooLarge, reply{err: newFunctionError(ErrorResponseTooLarge,
			"Response payload size exceeded maximum allowed payload size (%d bytes).", MaxResponse)})
	case err != nil:
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
	case !json.Valid(body):
		e.reply(w, r, http.StatusAccepted, reply{err: newFunctionError("Runtime.InvalidJSON", "the reply is not JSON")})
	default:
		e.reply(w, r, http.StatusAccepted, reply{payload: body})
	}
}

func (e *environment) failure(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	e.reply(w, r, http.StatusAccepted, reply{err: reportedError(body)})
}

// reply passes the process's reply on. The process gets its answer only when the invocation is accepted, so that a fault
// can kill it before.
func (e *environment) reply(w http.ResponseWriter, r *http.Request, status int, answer reply) {
	inv := e.take(r.PathValue("id"))
	if inv == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", fmt.Sprintf("no invocation %.40q is under way", r.PathValue("id")))
		return
	}
	inv.replied <- answer
	select {
	case <-inv.accepted:
		accept(w, status)
	case <-r.Context().Done():
	}
}

// take removes and returns the current invocation if it has this id, else nil.
func (e *environment) take(id string) *invocation {
	e.mu.Lock()
	defer e.mu.Unlock()
	inv := e.current
	if inv == nil || inv.id != id {
		return nil
	}
	e.current = nil
	return inv
}

func (e *environment) initFailure(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	select {
	case e.initFailed <- reportedError(body):
	default: // the first one counts
	}
	accept(w, http.StatusAccepted)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, MaxResponse))
}

func accept(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(errorPayload{Type: kind, Message: message}) // as above
}

var (
	// ErrClosed reports that the server is closing or closed.
	ErrClosed = errors.New("rie: closed")
	// ErrReplyLost reports that the fault ReplyLost discarded the function's reply.
	ErrReplyLost = errors.New("rie: the reply is lost")
)

// The error types that Lambda itself reports.
const (
	ErrorExit             = "Runtime.ExitError"
	ErrorTimedOut         = "Sandbox.Timedout"
	ErrorResponseTooLarge = "Function.ResponseSizeTooLarge"
	ErrorNotFound         = "Lambda.ResourceNotFoundException"
	ErrorRequestTooLarge  = "Lambda.RequestTooLargeException"
	ErrorUnknown          = "Lambda.Unknown" // the name that Step Functions uses if Lambda reports none
)

// FunctionError is the error that the caller of an invocation gets.
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

// reportedError is the error that a runtime posted.
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
