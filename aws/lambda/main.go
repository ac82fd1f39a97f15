// Package lambda is every function of tripsaga on AWS, in one program: the tasks of the saga, the REST API, the listener
// on the executions' ends, the reconciler, the relay of events and the trial of new versions. The environment variable
// _HANDLER selects the function of a process. docs/lambda.md lists the variables.
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

// Main is the program of every function: it builds the one that _HANDLER names and serves its invocations. It returns
// only when that function cannot be built, after it has reported why to Lambda; the process then exits with an error.
func Main() {
	err := run(os.Getenv, os.Stdout, func(h lambda.Handler) { lambda.StartWithOptions(h) })
	fmt.Fprintln(os.Stderr, "tripsaga:", err)
	reportInit(os.Getenv, err)
}

// handler serves one invocation: JSON in, JSON out.
type handler func(ctx context.Context, payload []byte) ([]byte, error)

// Invoke makes it a lambda.Handler.
func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return h(ctx, payload) }

// run builds the function and serves it. It returns only when the function cannot be built.
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

// dispatch is the table of the functions: what makes each of them, by the name that _HANDLER gives.
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
	reportTime = 300 * time.Millisecond // of a call's time, for the answer and what is logged of it
	flushTime  = time.Second            // for the traces of one invocation
	answerTime = 100 * time.Millisecond // of reportTime, which traces must leave to the answer
)

// invocation says in the context what is known of each invocation, and sends its traces when it has ended, since the
// process may be frozen right after.
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

// traceHeaderKey is aws-lambda-go's own.
const traceHeaderKey = "x-amzn-trace-id"

// early ends a little before the call's time does: an answer that is too late is none, and the process ends with it.
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
	if err := s.observer.Traces.Flush(ctx); err != nil {
		s.log.WarnContext(ctx, "sending the traces failed", "error", err)
	}
}

// flushBy is when the traces must be sent, or be left: the answer goes out after them, and needs time too.
func flushBy(ctx context.Context, now time.Time) time.Time {
	end := now.Add(flushTime)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-answerTime).Before(end) {
		return deadline.Add(-answerTime)
	}
	return end
}

// reportInit tells the Runtime API why the function does not start, where there is one. It is a courtesy: the exit code
// and the log say it as well, so that errors of the report itself do not count.
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

// takeRuntimeLog puts the lines that the runtime's library writes by itself into our log. It writes each error that a
// function returns, which is no more than an answer, and what ends the process.
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
