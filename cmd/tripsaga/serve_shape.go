package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"tripsaga/aws/dynamo/dynamolocal"
	"tripsaga/aws/production"
)

// shapeFlags serve the same API with production's parts, each in a process of its own.
type shapeFlags struct {
	ProductionShape bool   `help:"Run production's shape: each task is a process of the Lambda functions' program behind the Lambda Runtime API, the records are on DynamoDB Local. Needs make dynamodb-local or --dynamodb, and tripsaga's source with a Go toolchain or --bootstrap. The functions' log and metrics go to functions.log in the data folder."`
	Bootstrap       string `help:"With --production-shape: the functions' program (cmd/lambda) built for this machine; without it, it is built." type:"path" placeholder:"FILE"`
	DynamoDB        string `name:"dynamodb" env:"DYNAMODB_ENDPOINT" help:"With --production-shape: URL of a DynamoDB Local that runs already, where the table tripsaga is used; without it one is started." placeholder:"URL"`
	SFNAddr         string `name:"sfn-addr" env:"TRIPSAGA_SFN_ADDR" help:"With --production-shape: loopback address of the Step Functions API, for the AWS CLI and SDKs; port 0 chooses one." default:"127.0.0.1:8083"`
}

// logFile is what the functions print, in the data folder.
const logFile = "functions.log"

func (c *serveCmd) serveShape(p *program, listener net.Listener, log *slog.Logger) (err error) {
	stepFunctions, err := listenLoopback(c.SFNAddr)
	if err != nil {
		return usage(fmt.Errorf("--sfn-addr %s: %w", c.SFNAddr, err))
	}
	defer stepFunctions.Close()
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return usage(fmt.Errorf("--data: %w", err))
	}
	logs, err := os.OpenFile(filepath.Join(c.Data, logFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return usage(fmt.Errorf("--data: %w", err))
	}
	defer func() { err = errors.Join(err, logs.Close()) }()
	sys, err := c.openShape(p, stepFunctions, logs, log)
	if err != nil {
		return p.unlessStopped(err)
	}
	err = p.unlessStopped(c.runShape(p, sys, listener, log))
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	return errors.Join(err, sys.Close(ctx))
}

// listenLoopback listens where this machine alone can call: signatures are not checked.
func listenLoopback(addr string) (net.Listener, error) {
	to, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	if !loopback(to) {
		return nil, errors.New("not a loopback address, such as 127.0.0.1:8083: calls are served without authentication")
	}
	l, err := net.ListenTCP("tcp", to)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w; port 0 chooses a free one", err)
	}
	return l, err
}

// check is for what would otherwise show late, or never.
func (f shapeFlags) check() error {
	if f.Bootstrap == "" {
		return nil
	}
	if !f.ProductionShape {
		return errors.New("--bootstrap: it is for --production-shape")
	}
	info, err := os.Stat(f.Bootstrap)
	if err != nil {
		return fmt.Errorf("--bootstrap: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("--bootstrap %s: it is a folder, want the functions' program", f.Bootstrap)
	}
	return nil
}

func (c *serveCmd) openShape(p *program, stepFunctions net.Listener, logs io.Writer, log *slog.Logger) (*production.System, error) {
	log.Info("starting production's shape on this machine")
	opt := production.Options{
		Bootstrap: c.Bootstrap, Dir: c.Data, MaxOpen: c.MaxOpen, Env: c.functionsEnv(), FunctionLogs: logs, Log: log,
		StepFunctions: stepFunctions,
	}
	if opt.Bootstrap == "" {
		var err error
		opt.Bootstrap, err = production.Build(p.ctx, c.Data)
		if errors.Is(err, production.ErrNotBuilt) {
			return nil, usage(fmt.Errorf("%w; give a built one with --bootstrap FILE", err))
		}
		if err != nil {
			return nil, err
		}
	}
	if c.DynamoDB != "" {
		opt.Records = dynamolocal.Client(c.DynamoDB)
	}
	sys, err := production.Open(p.ctx, opt)
	if errors.Is(err, dynamolocal.ErrNotSetUp) {
		err = usage(err)
	}
	return sys, err
}

// functionsEnv passes on what the server was told about logs and traces.
func (c *serveCmd) functionsEnv() []string {
	env := []string{"LOG_LEVEL=" + c.LogLevel}
	const collector = "OTEL_EXPORTER_OTLP_ENDPOINT"
	if url := os.Getenv(collector); url != "" {
		env = append(env, collector+"="+url)
	}
	return env
}

func (c *serveCmd) runShape(p *program, sys *production.System, listener net.Listener, log *slog.Logger) error {
	resumed := sys.Engine.OpenExecutions()
	if err := c.loadDemo(p, sys.KeepDemoInventory, log); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	reconcile := func() {
		if err := sys.Reconcile(ctx); err != nil && ctx.Err() == nil {
			log.Error("reconciling failed", "error", err)
		}
	}
	reconcile()
	every(ctx, reconcileEvery, reconcile)
	return c.serveAPI(p, listener, sys.API(), nil, log, "sagas_resumed", resumed,
		"step_functions_url", sys.StepFunctions, "state_machine_arn", production.StateMachineARN,
		"dynamodb_url", sys.DynamoDB, "functions_log", filepath.Join(c.Data, logFile))
}
