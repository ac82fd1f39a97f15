package sfnapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"tripsaga/engine"
)

// problem is an error as the SDKs expect it.
type problem struct {
	status  int
	code    string
	message string
}

func (p *problem) Error() string { return p.code + ": " + p.message }

func invalid(code, format string, args ...any) *problem {
	return &problem{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

func missing(arn string) *problem {
	return invalid("ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", arn)
}

// engineProblem translates the engine's errors about the execution of this ARN.
func engineProblem(arn string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, engine.ErrNotFound):
		return missing(arn)
	case errors.Is(err, engine.ErrExists):
		return invalid("ExecutionAlreadyExists", "Execution Already Exists: '%s'", arn)
	case errors.Is(err, engine.ErrNotRedrivable):
		return invalid("ExecutionNotRedrivable", "Execution is not redrivable: '%s'", arn)
	case errors.Is(err, engine.ErrBusy):
		return invalid("ExecutionLimitExceeded", "%v", err)
	case errors.Is(err, engine.ErrClosed):
		return &problem{http.StatusServiceUnavailable, "ServiceUnavailable", err.Error()}
	}
	return err
}

// fail answers with the error. One that is no problem is logged, and not told.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem
	if !errors.As(err, &p) {
		a.log.ErrorContext(r.Context(), "request failed", "target", r.Header.Get("X-Amz-Target"), "error", err)
		p = &problem{http.StatusInternalServerError, "InternalFailure", "the request failed for an internal reason"}
	}
	w.Header().Set("X-Amzn-Errortype", p.code)
	w.WriteHeader(p.status)
	json.NewEncoder(w).Encode(struct { // as above
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{p.code, p.message})
}
