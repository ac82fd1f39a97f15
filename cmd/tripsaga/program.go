package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// program is one run of the command with its streams.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	ctx            context.Context // ends with the first interrupt
	log            *slog.Logger    // of a server whose log is JSON: what it fails with is a line of it
}

// The exit codes, beside 0 for success.
const (
	exitFailure = 1 // it was tried and did not end well
	exitUsage   = 2 // the command line or an input file is wrong; nothing was done
	exitUnknown = 3 // the server went away while a saga was followed: its outcome is unknown
)

// commands is the command line; each verb's fields and Run stand in the file of its name.
type commands struct {
	Demo      demoCmd      `cmd:"" help:"Book five trips in a throw-away store, four of which must fail and be compensated, and check the ledger."`
	Serve     serveCmd     `cmd:"" help:"Serve the REST API over a durable store."`
	Book      bookCmd      `cmd:"" help:"Book the trip in a JSON file and follow its saga."`
	Trips     tripsCmd     `cmd:"" help:"List trips, the newest first."`
	Trip      tripCmd      `cmd:"" help:"Show one trip: reservations, payment, progress of its saga."`
	History   historyCmd   `cmd:"" help:"Show everything that happened in a trip's saga."`
	Redrive   redriveCmd   `cmd:"" help:"Resume a saga that ended without success at the state where it failed."`
	Events    eventsCmd    `cmd:"" help:"Show the domain events."`
	Check     checkCmd     `cmd:"" help:"Book trips at any deployment and verify every record that they leave."`
	Inventory inventoryCmd `cmd:"" help:"Show or load flights and hotels."`
	Bench     benchCmd     `cmd:"" help:"Measure bookings on a durable store against a raw log."`
	Verify    verifyCmd    `cmd:"" help:"Play every fault at every step of a booking and judge what comes of it."`
	Rehearse  rehearseCmd  `cmd:"" help:"Play a roll-out in virtual time by what a synthesised CloudFormation template says of it."`
	Table     tableCmd     `cmd:"" help:"Inspect the items of a data folder whose server is stopped."`
	Cost      costCmd      `cmd:"" help:"Estimate what bookings cost on AWS, from measured use and list prices."`
}

// exitError gives an error an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage marks an error as the caller's: a wrong flag, a file that cannot be read or parsed.
func usage(err error) error { return &exitError{code: exitUsage, err: err} }

func (p *program) run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	p.ctx = ctx
	if err := p.dispatch(args); err != nil {
		return p.fail(err)
	}
	return 0
}

// exited carries the code with which kong ends after it has printed a help text.
type exited int

func (p *program) dispatch(args []string) (err error) {
	var cli commands
	parser, err := kong.New(&cli, kong.Name("tripsaga"), kong.UsageOnError(), kong.Writers(p.stdout, p.stderr),
		kong.Vars{"scenarios": scenarioHelp()},
		kong.Description("Books a flight, a hotel and a payment that all happen or none: an orchestrated saga."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(code int) { panic(exited(code)) }))
	if err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			code, ok := r.(exited)
			if !ok {
				panic(r)
			}
			if code != 0 {
				err = &exitError{code: int(code), err: errors.New("")}
			}
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if err != nil {
		p.log = logOf(p, args)
		return usage(fmt.Errorf("%w (see %s --help)", err, verbOf(err)))
	}
	return k.Run(p)
}

// verbOf is the command, as far as it was understood, whose line could not be parsed.
func verbOf(err error) string {
	var parse *kong.ParseError
	if !errors.As(err, &parse) {
		return "tripsaga"
	}
	names := []string{"tripsaga"}
	for _, step := range parse.Context.Path {
		if step.Command != nil {
			names = append(names, step.Command.Name)
		}
	}
	return strings.Join(names, " ")
}

func (p *program) fail(err error) int {
	code := exitFailure
	var e *exitError
	if errors.As(err, &e) {
		code = e.code
	}
	switch msg := err.Error(); {
	case msg == "":
	case p.log != nil:
		p.log.Error(msg, "exit_code", code)
	default:
		fmt.Fprintln(p.stderr, "tripsaga:", msg)
	}
	return code
}
