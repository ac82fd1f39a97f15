package sfnapi

import (
	"context"
	"encoding/json"
	"fmt"
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
)

// Engine is what the API is served from. *[engine.Engine] implements it, and its comments name the errors.
type Engine interface {
	Start(ctx context.Context, name string, input json.RawMessage) error
	Describe(ctx context.Context, name string) (engine.Description, error)
	History(ctx context.Context, name string) ([]asl.HistoryEvent, error)
	List(ctx context.Context, q engine.ListQuery) (page []engine.Description, cursor string, err error)
	Redrive(ctx context.Context, name string) error
	Stop(ctx context.Context, name, errorName, cause string) (engine.Description, error)
	Definition(ctx context.Context, name string) ([]byte, error)
}

// maxBody is the bytes of a request: an execution's largest input, escaped within JSON.
const maxBody = 4 << 20

const targetPrefix = "AWSStepFunctions."

// api serves one state machine.
type api struct {
	engine  Engine
	machine string // ARN
	opened  time.Time
	log     *slog.Logger
	origin  *http.CrossOriginProtection

	mu       sync.Mutex
	redriven map[string]redrive // the last one of an execution, by name
}

// redrive is what makes a repeated call of RedriveExecution the same one.
type redrive struct {
	token string
	at    time.Time
}

// New serves the state machine whose ARN is given, see [engine.StateMachineID]. A nil log discards.
func New(e Engine, stateMachineARN string, log *slog.Logger) http.Handler {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &api{
		engine: e, machine: stateMachineARN, opened: time.Now(), log: log, origin: http.NewCrossOriginProtection(),
		redriven: map[string]redrive{},
	}
}

// operations are the actions that are served, by name.
var operations = map[string]func(*api, context.Context, []byte) (any, error){
	"StartExecution":      operation((*api).start),
	"DescribeExecution":   operation((*api).describe),
	"GetExecutionHistory": operation((*api).history),
	"ListExecutions":      operation((*api).list),
	"RedriveExecution":    operation((*api).redrive),
	"StopExecution":       operation((*api).stop),

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
	json.NewEncoder(w).Encode(out) // the connection is gone when it fails
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
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	return do(a, r.Context(), body)
}

// loopback keeps out what a web page reaches this machine by: a foreign host name that resolves to it.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// nameOf is the name in an execution's ARN.
func (a *api) nameOf(arn string) (string, error) {
	name, ok := strings.CutPrefix(arn, a.executionARN(""))
	switch {
	case ok && name != "":
		return name, nil
	case strings.HasPrefix(arn, "arn:") && strings.Contains(arn, ":execution:"):
		return "", missing(arn)
	}
	return "", invalid("InvalidArn", "Invalid Arn: '%s'", arn)
}

func (a *api) executionARN(name string) string {
	return strings.Replace(a.machine, ":stateMachine:", ":execution:", 1) + ":" + name
}

func (a *api) checkMachine(arn string) error {
	switch {
	case arn == a.machine:
		return nil
	case strings.HasPrefix(arn, "arn:") && strings.Contains(arn, ":stateMachine:"):
		return invalid("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", arn)
	}
	return invalid("InvalidArn", "Invalid Arn: '%s'", arn)
}
