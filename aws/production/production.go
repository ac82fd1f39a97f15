// Package production is the deployed system on one machine: every function of tripsaga runs as a process of the deployed
// program (cmd/lambda) behind the Lambda Runtime API, the records are in DynamoDB Local, and the embedded engine with a
// separate store replaces Step Functions, behind an emulation of its API. OutboxRelay and PreTraffic run too, but
// nothing calls them: the table has no stream here, and nothing is deployed. This package emulates the rest of AWS in a
// few lines each: the HTTP API in front of the function Api, the status changes that EventBridge delivers to
// ExecutionListener, and the schedule of Reconciler.
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
	"tripsaga/aws/stepfunctions"
	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
)

// Options configure the system. Bootstrap is required, see [Build].
type Options struct {
	Bootstrap string // the program of cmd/lambda, built for this machine

	Dir     string           // data folder; "" is in memory
	Records *dynamodb.Client // of a running DynamoDB Local; nil starts one
	Table   string           // name of the table; default "tripsaga"
	MaxOpen int              // sagas under way concurrently; default: the engine's

	StepFunctions net.Listener // of the Step Functions API, on a loopback address; nil: any free port. Close closes it

	Env          []string // of the functions, NAME=VALUE, besides the settings that they require
	FunctionLogs io.Writer
	Log          *slog.Logger

	Scheduler engine.Scheduler // default engine.RealTime
	Seed      func() uint64    // of the sagas' random choices

	// For tests: a wrapper around the engine's tasks, faults of invocations, other time-outs, and the environment of one
	// function, which overrides Env.
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

// StateMachines returns the ARNs of the sagas' state machines.
func StateMachines() stepfunctions.ARNs {
	arns := stepfunctions.ARNs{}
	for _, s := range saga.All() {
		arns[s.Name()] = engine.StateMachineID(s.Name())
	}
	return arns
}

// System is the running system.
type System struct {
	Engine        *engine.Engine            // of the booking saga
	Engines       map[string]*engine.Engine // by the name of the saga
	Functions     *rie.Server
	Table         *dynamo.Table // with the records
	DynamoDB      string        // URL
	StepFunctions string        // URL of its API

	log     *slog.Logger
	closers []func(context.Context) error // in the order of opening; Close calls them backwards
}

// Open starts everything and resumes every open saga. Errors: an option that cannot be used; dynamolocal.ErrNotSetUp.
func Open(ctx context.Context, opt Options) (*System, error) {
	opt.setDefaults()
	s := &System{log: opt.Log, Engines: map[string]*engine.Engine{}}
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
	var machines []sfnapi.Machine
	for _, of := range saga.All() {
		m, err := s.openEngine(ctx, of, journal, opt)
		if err != nil {
			return fmt.Errorf("opening the engine of the saga %s: %w", of.Name(), err)
		}
		machines = append(machines, m)
	}
	s.Engine = s.Engines[saga.Booking().Name()]
	server.Handler = sfnapi.New(sfnapi.Options{Quotas: sfnapi.OtherRegions(), Log: opt.Log}, machines...)
	go server.Serve(listener) // ends with the server
	return nil
}

// openEngine opens the engine of a saga. All keep their executions in one store.
func (s *System) openEngine(ctx context.Context, of *saga.Saga, journal table.Table, opt Options) (sfnapi.Machine, error) {
	m := sfnapi.Machine{ARN: engine.StateMachineID(of.Name())}
	e, err := engine.Open(ctx, engine.Options{
		Name: of.Name(), Definition: of.Definition(), Table: journal, MaxOpen: opt.MaxOpen, Role: sfnapi.Role(m.ARN),
		Tasks: opt.WrapTasks(s.tasks()), OnEnd: func(ctx context.Context, d engine.Description) error { return s.announce(ctx, m.ARN, d) },
		Scheduler: opt.Scheduler, Seed: opt.Seed, Log: opt.Log,
	})
	if err != nil {
		return m, err
	}
	s.whenClosed(e.Close)
	m.Engine, s.Engines[of.Name()] = e, e
	return m, nil
}

// openRecords connects to DynamoDB Local, or starts it, and ensures that the table exists.
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

// below returns a folder within dir, "" (in memory) if dir is "".
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

// Close waits for tasks and calls under way until ctx ends, and ends every process. The next Open resumes what was cut
// off.
func (s *System) Close(ctx context.Context) error {
	var errs []error
	for _, f := range slices.Backward(s.closers) {
		errs = append(errs, f(ctx))
	}
	s.closers = nil
	return errors.Join(errs...)
}

// functions configures the server of the functions as a deployment does.
func (s *System) functions(opt Options) rie.Options {
	r := rie.Options{
		Bootstrap: opt.Bootstrap, Logs: opt.FunctionLogs, Interfere: opt.Interfere,
		Env: append([]string{
			functions.TableName + "=" + opt.Table,
			functions.EndpointDynamoDB + "=" + s.DynamoDB,
			functions.EndpointStepFunctions + "=" + s.StepFunctions,
		}, opt.Env...),
	}
	for name, arn := range StateMachines() {
		r.Env = append(r.Env, functions.MachineARN(name)+"="+arn)
	}
	for _, f := range functions.All() {
		r.Functions = append(r.Functions, rie.Function{
			Name: f.Name, Timeout: opt.Timeout(f), Env: opt.FunctionEnv(s, f.Name),
		})
	}
	return r
}

// tasks returns the engines' tasks: each invokes its function.
func (s *System) tasks() map[string]engine.Task {
	tasks := map[string]engine.Task{}
	for _, t := range saga.Tasks() {
		tasks[t.Name] = s.Functions.Task(t.Name)
	}
	return tasks
}

// KeepDemoInventory loads the demo inventory into a table that never had an inventory, and adds new days to a table that
// has it, see inventory.KeepDemo.
func (s *System) KeepDemoInventory(ctx context.Context) (added bool, err error) {
	return inventory.KeepDemo(ctx, store.NewInventory(s.Table), domain.DateOf(time.Now()))
}
