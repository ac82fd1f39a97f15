// Package sfnapi emulates the part of the Step Functions API that a saga's callers use, over the embedded engine. It
// speaks what the AWS SDKs and the AWS CLI speak (JSON 1.0), so that a program written for Step Functions needs nothing
// but another endpoint. A request with an unsupported field is refused with the field's name.
//
// It is for programs on the same machine: signatures are not checked, only requests to a loopback host are served, and
// no request that a browser makes for another web site.
package sfnapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/shared/strictjson"
)

// Engine runs the executions. *[engine.Engine] implements it, and its comments name the errors.
type Engine interface {
	Start(ctx context.Context, name string, input json.RawMessage) error
	Describe(ctx context.Context, name string) (engine.Description, error)
	History(ctx context.Context, name string) ([]asl.HistoryEvent, error)
	List(ctx context.Context, q engine.ListQuery) (page []engine.Description, cursor string, err error)
	Redrive(ctx context.Context, name string) error
	Redrivable(d engine.Description) error
	Stop(ctx context.Context, name, errorName, cause string) (engine.Description, error)
	Definition(ctx context.Context, name string) ([]byte, error)
	SendTaskSuccess(ctx context.Context, token string, output json.RawMessage) error
	SendTaskFailure(ctx context.Context, token, errorName, cause string) error
	SendTaskHeartbeat(ctx context.Context, token string) error
}

// maxBody bounds a request, in bytes: the largest input of an execution, escaped within JSON.
const maxBody = 4 << 20

const targetPrefix = "AWSStepFunctions."

// Machine is a state machine and the engine of its executions.
type Machine struct {
	ARN    string // see [engine.StateMachineID]
	Engine Engine
}

type api struct {
	machines []Machine
	opened   time.Time
	log      *slog.Logger
	origin   *http.CrossOriginProtection
	throttle throttle

	mu       sync.Mutex
	redriven map[string]redrive // the last one of an execution, by ARN
}

// redrive recognizes a repeated call of RedriveExecution.
type redrive struct {
	token string
	at    time.Time
}

// Options configure the API. The zero value never throttles.
type Options struct {
	Quotas Quotas           // beyond which calls get a ThrottlingException
	Now    func() time.Time // by which the quotas are filled; default: time.Now
	Log    *slog.Logger     // default: discarded
}

// New serves the state machines.
func New(opt Options, machines ...Machine) http.Handler {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &api{
		machines: machines, opened: time.Now(), log: opt.Log, origin: http.NewCrossOriginProtection(), redriven: map[string]redrive{},
		throttle: throttle{quotas: opt.Quotas, now: opt.Now, tokens: map[string]float64{}},
	}
}

// operations maps the name of each supported action to its function.
var operations = map[string]func(*api, context.Context, []byte) (any, error){
	"StartExecution":      operation((*api).start),
	"DescribeExecution":   operation((*api).describe),
	"GetExecutionHistory": operation((*api).history),
	"ListExecutions":      operation((*api).list),
	"RedriveExecution":    operation((*api).redrive),
	"StopExecution":       operation((*api).stop),

	"SendTaskSuccess":   operation((*api).taskSuccess),
	"SendTaskFailure":   operation((*api).taskFailure),
	"SendTaskHeartbeat": operation((*api).taskHeartbeat),

	"ListStateMachines":                operation((*api).listMachines),
	"DescribeStateMachine":             operation((*api).describeMachine),
	"DescribeStateMachineForExecution": operation((*api).describeMachineOf),
	"ValidateStateMachineDefinition":   operation((*api).validate),
}

func operation[In, Out any](do func(*api, context.Context, In) (Out, error)) func(*api, context.Context, []byte) (any, error) {
	return func(a *api, ctx context.Context, body []byte) (any, error) {
		var in In
		if err := decode(body, &in); err != nil {
			return nil, err
		}
		return do(a, ctx, in)
	}
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	out, err := a.serve(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	json.NewEncoder(w).Encode(out) // fails only if the connection is gone
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) (any, error) {
	target, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	do := operations[target]
	switch {
	case !loopback(r.Host):
		return nil, &problem{http.StatusForbidden, "AccessDeniedException", fmt.Sprintf("the host %.80q is not of this machine", r.Host)}
	case a.origin.Check(r) != nil:
		return nil, &problem{http.StatusForbidden, "AccessDeniedException", "the request comes from another web site"}
	case r.Method != http.MethodPost || !ours || do == nil:
		return nil, invalid("UnknownOperationException", "the operation %.80q is not supported; supported are %s",
			target, strings.Join(slices.Sorted(maps.Keys(operations)), ", "))
	case !a.throttle.take(target):
		return nil, invalid("ThrottlingException", "Rate exceeded")
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	return do(a, r.Context(), body)
}

// loopback refuses a foreign host name that resolves to this machine, by which a web page could reach it (DNS rebinding).
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// execution returns the state machine and the name in an execution's ARN.
func (a *api) execution(arn string) (Machine, string, error) {
	for _, m := range a.machines {
		if name, ok := strings.CutPrefix(arn, m.execution("")); ok && name != "" {
			return m, name, nil
		}
	}
	if strings.HasPrefix(arn, "arn:") && strings.Contains(arn, ":execution:") {
		return Machine{}, "", missing(arn)
	}
	return Machine{}, "", invalid("InvalidArn", "Invalid Arn: '%s'", arn)
}

func (m Machine) execution(name string) string {
	return strings.Replace(m.ARN, ":stateMachine:", ":execution:", 1) + ":" + name
}

func (a *api) machine(arn string) (Machine, error) {
	for _, m := range a.machines {
		if m.ARN == arn {
			return m, nil
		}
	}
	if strings.HasPrefix(arn, "arn:") && strings.Contains(arn, ":stateMachine:") {
		return Machine{}, invalid("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", arn)
	}
	return Machine{}, invalid("InvalidArn", "Invalid Arn: '%s'", arn)
}

// seconds is a time in JSON 1.0: seconds since 1970, with milliseconds.
type seconds float64

func at(t time.Time) seconds { return seconds(float64(t.UnixMilli()) / 1e3) }

// maybeAt is nil for no time.
func maybeAt(t time.Time) *seconds {
	if t.IsZero() {
		return nil
	}
	s := at(t)
	return &s
}

// included marks data that is complete.
type included struct {
	Included bool `json:"included"`
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &problem{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", err.Error()}
	}
	if err != nil {
		return nil, invalid("SerializationException", "reading the request: %v", err)
	}
	return body, nil
}

func decode(body []byte, into any) error {
	if err := strictjson.Decode(body, into); err != nil {
		return invalid("ValidationException", "the request: %v", err)
	}
	return nil
}

// limit returns the size of a page: 100 for 0, at most 1,000.
func limit(maxResults int) (int, error) {
	switch {
	case maxResults < 0 || maxResults > 1000:
		return 0, invalid("ValidationException", "maxResults %d, allowed are 0 to 1000", maxResults)
	case maxResults == 0:
		return 100, nil
	}
	return maxResults, nil
}

// problem is an error in the format that the SDKs expect.
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

// fail answers with the error. An error that is not a problem is logged, and its text is not returned.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p *problem
	if !errors.As(err, &p) {
		a.log.ErrorContext(r.Context(), "request failed", "target", r.Header.Get("X-Amz-Target"), "error", err)
		p = &problem{http.StatusInternalServerError, "InternalFailure", "the request failed for an internal reason"}
	}
	w.Header().Set("X-Amzn-Errortype", p.code)
	w.WriteHeader(p.status)
	json.NewEncoder(w).Encode(struct { // fails only if the connection is gone
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{p.code, p.message})
}
