// Command tripsaga books trips through a saga: it demonstrates, serves, measures and verifies it, and is a client of any
// deployment. Each verb is in the file of its name: its flags, what it prints, its exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// gcPercent trades memory for CPU: the live heap is small (15 to 25 MB), and much is allocated that is dropped soon. A server, which
// stays, takes servedGCPercent, which keeps it below 200 MB (docs/performance.md, Growth).
const (
	gcPercent       = 400
	servedGCPercent = 200
)

// setGC sets it, unless GOGC is set.
func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

func main() {
	setGC(gcPercent)
	p := program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(p.run(os.Args[1:]))
}

// program is one run of the command with its streams.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	ctx            context.Context // ends with the first interrupt or SIGTERM
	args           []string        // of the command line
	log            *slog.Logger    // of a server; errors go there, too. nil prints them as text
}

// commands is the command line.
type commands struct {
	Version versionFlag `help:"Show the version."`

	Demo      demoCmd      `cmd:"" help:"Book five trips in a throw-away store, four of which must fail and be compensated, and check the ledger."`
	Serve     serveCmd     `cmd:"" help:"Serve the REST API over a durable store."`
	Book      bookCmd      `cmd:"" help:"Book the trip in a JSON file and follow its saga."`
	Trips     tripsCmd     `cmd:"" help:"List trips, the newest first."`
	Trip      tripCmd      `cmd:"" help:"Show one trip: reservations, payment, progress of its saga."`
	History   historyCmd   `cmd:"" help:"Show everything that happened in one of a trip's sagas."`
	Cancel    cancelCmd    `cmd:"" help:"Cancel a trip, or show what that would cost."`
	Redrive   redriveCmd   `cmd:"" help:"Resume a saga that ended without success at the state where it failed."`
	Events    eventsCmd    `cmd:"" help:"Show the domain events."`
	Ledger    ledgerCmd    `cmd:"" help:"Add up what is held and paid, by currency, and report whether it balances."`
	Check     checkCmd     `cmd:"" help:"Book trips at any deployment and verify every record that they leave."`
	Inventory inventoryCmd `cmd:"" help:"Show or load flights and hotels."`
	Bench     benchCmd     `cmd:"" help:"Measure bookings on a durable store against a raw log."`
	Verify    verifyCmd    `cmd:"" help:"Play every fault at every step of a booking and check every outcome."`
	Rehearse  kong.Plugins `embed:""`
	Backup    backupCmd    `cmd:"" help:"Copy the data folder of a running or a stopped server, and read the copy through."`
	Table     tableCmd     `cmd:"" help:"Inspect the items of a data folder whose server is stopped."`
	Cost      kong.Plugins `embed:""`

	VersionVerb versionCmd    `cmd:"" name:"version" help:"Show the version, and of what it was built."`
	Help        helpCmd       `cmd:"" help:"Show the help of a command."`
	Completion  completionCmd `cmd:"" help:"Print a script that completes the command line in a shell."`
}

// extensions add the verbs and flags of the files that a build may lack: aws.go and console.go.
var extensions []func(*commands)

// remotes are the flags of every verb that calls a server.
func (c *commands) remotes() []*remote {
	return []*remote{
		&c.Book.remote, &c.Trips.remote, &c.Trip.remote, &c.History.remote, &c.Cancel.remote, &c.Redrive.remote, &c.Events.remote,
		&c.Ledger.remote, &c.Check.HappyPath.remote, &c.Check.Compensation.remote, &c.Check.Cancellation.remote, &c.Inventory.Show.remote, &c.Inventory.Load.remote,
	}
}

// run is one run of the process. The first interrupt or SIGTERM ends its context, a second one the process.
func (p *program) run(args []string) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		s := <-signals
		signal.Stop(signals)
		cancel(interruption{s})
	}()
	out := &output{Writer: p.stdout, stop: cancel}
	p.ctx, p.stdout, p.args = ctx, out, args
	err := p.dispatch(args)
	if err == nil || out.err != nil {
		return out.ended(p, 0)
	}
	return out.ended(p, p.fail(err))
}

// exited carries the code with which kong ends after it has printed a help text.
type exited int

// parser returns the parser of the command line, which fills in cli.
func (p *program) parser(cli *commands) (*kong.Kong, error) {
	for _, extend := range extensions {
		extend(cli)
	}
	return kong.New(cli, kong.Name("tripsaga"), kong.UsageOnError(), kong.Writers(p.stdout, p.stderr),
		kong.Vars{"scenarios": scenarioHelp()},
		kong.Description("Books a flight, a hotel and a payment that all happen or none: an orchestrated saga."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(func(o kong.HelpOptions, k *kong.Context) error {
			return errors.Join(kong.DefaultHelpPrinter(o, k), printExitCodes(k.Stdout))
		}),
		kong.KindMapper(reflect.Int, wholeNumber), kong.KindMapper(reflect.Int64, wholeNumber), kong.KindMapper(reflect.Uint64, wholeNumber),
		kong.Bind(p),
		kong.Exit(func(code int) { panic(exited(code)) }))
}

// wholeNumber reads a flag in decimal digits. The library's own mapper takes 010 for eight.
var wholeNumber = kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) (err error) {
	var text string
	if err := ctx.Scan.PopValueInto("int", &text); err != nil {
		return err
	}
	if bits := target.Type().Bits(); target.CanUint() {
		var n uint64
		n, err = strconv.ParseUint(text, 10, bits)
		target.SetUint(n)
	} else {
		var n int64
		n, err = strconv.ParseInt(text, 10, bits)
		target.SetInt(n)
	}
	if err != nil {
		return fmt.Errorf("%q is not a whole number in decimal digits, or too large", text)
	}
	return nil
})

func (p *program) dispatch(args []string) (err error) {
	parser, err := p.parser(&commands{})
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
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == completeVerb:
		return complete(p.stdout, parser.Model.Node, args[1:])
	}
	if err := refuseEmpty(args); err != nil {
		p.log = logOf(p, args)
		return usage(err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		p.log = logOf(p, args)
		return usage(fmt.Errorf("%w (see %s --help)", err, verbOf(err)))
	}
	if err := refuseEmptyEnv(k); err != nil {
		p.log = logOf(p, args)
		return usage(err)
	}
	return k.Run()
}

// refuseEmpty refuses an argument that is given and empty: mostly a script's variable that is not set, and never what
// its author wanted.
func refuseEmpty(args []string) error {
	for i, arg := range args {
		name, value, valued := strings.Cut(arg, "=")
		switch {
		case valued && strings.HasPrefix(name, "-") && blank(value):
			return fmt.Errorf("%s: it is empty; give a value, or leave the flag out", name)
		case blank(arg) && i > 0 && strings.HasPrefix(args[i-1], "-"):
			return fmt.Errorf("%s: it is empty; give a value, or leave the flag out", args[i-1])
		case blank(arg):
			return fmt.Errorf("argument %d is empty", i+1)
		}
	}
	return nil
}

// refuseEmptyEnv does the same with the environment variables of the verb's flags, unless the flag itself is given.
func refuseEmptyEnv(k *kong.Context) error {
	given := map[*kong.Flag]bool{}
	for _, step := range k.Path {
		given[step.Flag] = true
	}
	for _, f := range k.Flags() {
		for _, name := range f.Tag.Envs {
			if text, set := os.LookupEnv(name); set && !given[f] && blank(text) {
				return fmt.Errorf("$%s: it is empty; give it a value or unset it (it sets --%s)", name, f.Name)
			}
		}
	}
	return nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

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
