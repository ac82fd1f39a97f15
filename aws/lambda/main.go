// Package lambda is the program of all functions on AWS: the tasks of the saga, the REST API, the listener for the ends of
// executions, the reconciler, the relay of events and the trial of new versions. The environment variable _HANDLER
// selects the function of a process. docs/lambda.md lists the variables.
package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"tripsaga/aws/functions"
	"tripsaga/telemetry"
	"tripsaga/trip/app"
	"tripsaga/trip/handlers"
)

// Main builds the function that _HANDLER names and serves its invocations. It returns only if the function cannot be
// built, after it has reported the reason to Lambda; the caller must then exit with an error.
func Main() {
	err := run(os.Getenv, os.Stdout, func(h lambda.Handler) { lambda.StartWithOptions(h) })
	fmt.Fprintln(os.Stderr, "tripsaga:", err)
	reportInit(os.Getenv, err)
}

// handler serves one invocation: JSON in, JSON out.
type handler func(ctx context.Context, payload []byte) ([]byte, error)

// Invoke implements lambda.Handler.
func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return h(ctx, payload) }

// run builds the function and serves it. It returns only if the function cannot be built.
func run(getenv func(string) string, stdout io.Writer, serve func(lambda.Handler)) error {
	cfg, err := readConfig(getenv)
	if err != nil {
		return err
	}
	s, err := compose(cfg, stdout)
	if err != nil {
		return err
	}
	takeRuntimeLog(s.log)
	serve(s.invocation(dispatch()[cfg.function](s)))
	return nil
}

// dispatch maps the name of each function, which is the value of _HANDLER, to its constructor.
func dispatch() map[string]func(*system) handler {
	table := map[string]func(*system) handler{
		functions.API:               newAPI,
		functions.ExecutionListener: newListener,
		functions.Reconciler:        newReconciler,
		functions.OutboxRelay:       newRelay,
		functions.PreTraffic:        newPreTraffic,
	}
	for name := range handlers.New(&app.Service{}) {
		table[name] = func(s *system) handler { return newTask(s, name) }
	}
	return table
}

const (
	reportTime = 300 * time.Millisecond // reserved at the end of a call for the answer and its log
	flushTime  = time.Second            // for the traces of one invocation
	answerTime = 100 * time.Millisecond // of reportTime, which traces must leave to the answer
)

// invocation adds the invocation's attributes to the context, and sends its traces before it returns, since Lambda may
// freeze the process right after.
func (s *system) invocation(next handler) handler {
	var warm atomic.Bool
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		ctx = s.describe(ctx, !warm.Swap(true))
		defer s.flush(ctx)
		within, cancel := early(ctx)
		defer cancel()
		return next(within, payload)
	}
}

func (s *system) describe(ctx context.Context, cold bool) context.Context {
	attrs := []slog.Attr{slog.String("function_version", s.config.version), slog.Bool("cold_start", cold)}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		attrs = append(attrs, slog.String("invocation_id", lc.AwsRequestID))
	}
	if header, ok := ctx.Value(traceHeaderKey).(string); ok && header != "" {
		ctx = telemetry.WithTraceHeader(ctx, header)
	}
	return telemetry.With(ctx, attrs...)
}

// traceHeaderKey is the key that aws-lambda-go uses.
const traceHeaderKey = "x-amzn-trace-id"

// early moves the deadline forward by reportTime: Lambda discards a late answer and kills the process.
func early(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-reportTime))
}

func (s *system) flush(ctx context.Context) {
	ctx, cancel := context.WithDeadline(ctx, flushBy(ctx, time.Now()))
	defer cancel()
	_ = s.observer.Traces.Flush(ctx) // it warns of lost spans, once in a process
}

// flushBy returns the deadline for sending traces. The answer is sent after them and needs time too.
func flushBy(ctx context.Context, now time.Time) time.Time {
	end := now.Add(flushTime)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-answerTime).Before(end) {
		return deadline.Add(-answerTime)
	}
	return end
}

// reportInit reports to the Runtime API, if there is one, why the function cannot start. Errors of the report are ignored:
// the exit code and the log have the reason too.
func reportInit(getenv func(string) string, cause error) {
	api := getenv("AWS_LAMBDA_RUNTIME_API")
	if api == "" {
		return
	}
	kind := "Runtime.Unknown"
	if errors.As(cause, new(*configError)) {
		kind = "Runtime.ConfigInvalid"
	}
	body, _ := json.Marshal(map[string]any{ // texts always marshal
		"errorMessage": cause.Error(), "errorType": kind, "stackTrace": []string{},
	})
	r, err := http.NewRequest(http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(body))
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Lambda-Runtime-Function-Error-Type", kind)
	client := http.Client{Timeout: 2 * time.Second}
	if answer, err := client.Do(r); err == nil {
		answer.Body.Close()
	}
}

// takeRuntimeLog redirects the lines that the runtime's library logs. It logs each error that a function returns, which is
// an ordinary answer (info), and what ends the process (error).
func takeRuntimeLog(to *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(runtimeLog{to})
}

type runtimeLog struct{ log *slog.Logger }

// Write takes one line.
func (r runtimeLog) Write(line []byte) (int, error) {
	level := slog.LevelError
	if bytes.HasPrefix(line, []byte(`{"errorMessage":`)) && !bytes.Contains(line, []byte(`"stackTrace":`)) {
		level = slog.LevelInfo
	}
	r.log.LogAttrs(context.Background(), level, "runtime", slog.String("line", string(bytes.TrimSpace(line))))
	return len(line), nil
}
