// Package production is the deployed system on one machine: every function of tripsaga runs as a process of the deployed
// program (cmd/lambda) behind the Lambda Runtime API, the records are on DynamoDB Local, and the saga's definition is
// run by what stands for Step Functions: the embedded engine, with a store of its own, behind the Step Functions API.
// OutboxRelay and PreTraffic are there as well, and nobody calls them: the table has no stream here, and nothing is
// deployed. What is left of AWS is played here, in a few lines each: the HTTP API in front of the function Api, the
// status changes that EventBridge brings to ExecutionListener, and the schedule of Reconciler.
//
//	client -> HTTP API -> Api -> Step Functions API -> engine -> the saga's functions
//	                       |                              |             |
//	                       +-----> DynamoDB Local <-------|-------------+
//	                                    ^---- ExecutionListener
//
// The command's serve --production-shape and aws/tests/production open it; nothing else imports it.
package production

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tripsaga/aws/dynamo"
	"tripsaga/aws/dynamo/dynamolocal"
	"tripsaga/aws/emulator/rie"
	"tripsaga/aws/emulator/sfnapi"
	"tripsaga/aws/functions"
	"tripsaga/engine"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// Options say where and how. Bootstrap is required, see [Build].
type Options struct {
	Bootstrap string // the program of cmd/lambda, built for this machine

	Dir     string           // data folder; "" is in memory
	Records *dynamodb.Client // of a DynamoDB Local that runs already; nil starts one
	Table   string           // name of the table; default "tripsaga"
	MaxOpen int              // sagas under way at once; default the engine's

	StepFunctions net.Listener // of the Step Functions API, on a loopback address; nil chooses a port. Close closes it

	Env          []string // of the functions, NAME=VALUE, beside what they cannot do without
	FunctionLogs io.Writer
	Log          *slog.Logger

	Scheduler engine.Scheduler // default engine.RealTime
	Seed      func() uint64    // of the sagas' random choices

	// For tests: what stands between engine and functions, what goes wrong with an invocation, other time-outs, and the
	// environment of one function, which goes before Env.
	WrapTasks   func(map[string]engine.Task) map[string]engine.Task
	Interfere   func(rie.Invocation) rie.Fault
	Timeout     func(functions.Function) time.Duration
	FunctionEnv func(s *System, function string) []string
}

func (o *Options) setDefaults() {
	if o.Table == "" {
		o.Table = "tripsaga"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.WrapTasks == nil {
		o.WrapTasks = func(t map[string]engine.Task) map[string]engine.Task { return t }
	}
	if o.Timeout == nil {
		o.Timeout = func(f functions.Function) time.Duration { return f.Timeout }
	}
	if o.FunctionEnv == nil {
		o.FunctionEnv = func(*System, string) []string { return nil }
	}
}

// machineName is the state machine's name.
const machineName = "booking"

// StateMachineARN is that of the booking saga.
var StateMachineARN = engine.StateMachineID(machineName)

// System is everything, running.
type System struct {
	Engine        *engine.Engine
	Functions     *rie.Server
	Table         *dynamo.Table // with the records
	DynamoDB      string        // URL
	StepFunctions string        // URL of its API

	log     *slog.Logger
	closers []func(context.Context) error // of what is open, in the order of opening
}

// Open starts everything and resumes every open saga. Errors: those of the options; dynamolocal.ErrNotSetUp.
func Open(ctx context.Context, opt Options) (*System, error) {
	opt.setDefaults()
	s := &System{log: opt.Log}
	if err := s.open(ctx, opt); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

func (s *System) open(ctx context.Context, opt Options) error {
	journal, err := embedded.Open(below(opt.Dir, "orchestrator"), embedded.Options{Logger: opt.Log})
	if err != nil {
		return fmt.Errorf("opening the orchestrator's store: %w", err)
	}
	s.whenClosed(func(context.Context) error { return journal.Close() })
	if err := s.openRecords(ctx, &opt); err != nil {
		return err
	}
	listener := opt.StepFunctions
	if listener == nil {
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return fmt.Errorf("listening for the Step Functions API: %w", err)
		}
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	s.whenClosed(func(context.Context) error { return errors.Join(server.Close(), closeListener(listener)) })
	s.StepFunctions = "http://" + listener.Addr().String()
	if s.Functions, err = rie.New(s.functions(opt)); err != nil {
		return err
	}
	s.whenClosed(s.Functions.Close)
	s.Engine, err = engine.Open(ctx, engine.Options{
		Name: machineName, Definition: saga.Definition(), Table: journal, MaxOpen: opt.MaxOpen, Role: sfnapi.Role(StateMachineARN),
		Tasks: opt.WrapTasks(s.tasks()), OnEnd: s.announce,
		Scheduler: opt.Scheduler, Seed: opt.Seed, Log: opt.Log,
	})
	if err != nil {
		return fmt.Errorf("opening the engine: %w", err)
	}
	s.whenClosed(s.Engine.Close)
	server.Handler = sfnapi.New(s.Engine, StateMachineARN, opt.Log)
	go server.Serve(listener) // ends with the server
	return nil
}

// openRecords finds or starts DynamoDB, and the table on it.
func (s *System) openRecords(ctx context.Context, opt *Options) error {
	if opt.Records == nil {
		dir := below(opt.Dir, "dynamodb")
		if dir != "" {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return fmt.Errorf("the folder of DynamoDB Local: %w", err)
			}
		}
		server, err := dynamolocal.Start(ctx, dynamolocal.Options{Dir: dir})
		if err != nil {
			return err
		}
		s.whenClosed(func(context.Context) error { return server.Close() })
		opt.Records = server.Client()
	}
	s.DynamoDB = *opt.Records.Options().BaseEndpoint
	s.Table = dynamo.New(opt.Records, opt.Table, dynamo.Options{})
	return dynamo.CreateTable(ctx, opt.Records, opt.Table, dynamo.WithoutStream)
}

// below is a folder within dir, or in memory as dir is.
func below(dir, name string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, name)
}

func closeListener(l net.Listener) error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (s *System) whenClosed(f func(context.Context) error) { s.closers = append(s.closers, f) }

// Close lets tasks and calls of functions under way end, as long as ctx allows, and ends every process. What was cut
// off is resumed by the next Open.
func (s *System) Close(ctx context.Context) error {
	var errs []error
	for _, f := range slices.Backward(s.closers) {
		errs = append(errs, f(ctx))
	}
	s.closers = nil
	return errors.Join(errs...)
}

// functions is what runs the functions: what a deployment says of them.
func (s *System) functions(opt Options) rie.Options {
	r := rie.Options{
		Bootstrap: opt.Bootstrap, Logs: opt.FunctionLogs, Interfere: opt.Interfere,
		Env: append([]string{
			functions.TableName + "=" + opt.Table,
			functions.StateMachineARN + "=" + StateMachineARN,
			functions.EndpointDynamoDB + "=" + s.DynamoDB,
			functions.EndpointStepFunctions + "=" + s.StepFunctions,
		}, opt.Env...),
	}
	for _, f := range functions.All() {
		r.Functions = append(r.Functions, rie.Function{
			Name: f.Name, Timeout: opt.Timeout(f), Env: opt.FunctionEnv(s, f.Name),
		})
	}
	return r
}

// tasks invokes the function of each of the saga's tasks.
func (s *System) tasks() map[string]engine.Task {
	tasks := map[string]engine.Task{}
	for _, f := range functions.All() {
		if f.Task {
			tasks[f.Name] = s.task(f.Name)
		}
	}
	return tasks
}

func (s *System) task(name string) engine.Task {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		info, _ := engine.InfoOf(ctx)
		out, err := s.Functions.Invoke(ctx, rie.Request{Function: name, Payload: input, Trace: info.Trace})
		if errors.Is(err, rie.ErrReplyLost) {
			return nil, engine.ErrNoReply
		}
		return out, err
	}
}

// KeepDemoInventory loads the demo inventory into a table that never had an inventory, and keeps one that has it up to
// date, see inventory.KeepDemo.
func (s *System) KeepDemoInventory(ctx context.Context) (added bool, err error) {
	return inventory.KeepDemo(ctx, store.NewInventory(s.Table), domain.DateOf(time.Now()))
}
