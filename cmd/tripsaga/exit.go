package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"text/tabwriter"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// The exit codes: the same for the same cause in every verb. Their meaning is in exitCodes.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitUnknown     = 3
	exitStore       = 4
	exitUnavailable = 5
	exitBusy        = 6
	exitSignal      = 128 // plus the signal's number, as shells have it
	interrupted     = exitSignal + int(syscall.SIGINT)
	terminated      = exitSignal + int(syscall.SIGTERM)
	brokenPipe      = exitSignal + 13 // SIGPIPE, which not every system names
)

// exitCodes is the table that each help text shows.
var exitCodes = []struct {
	code    int
	meaning string
}{
	{0, "success; of serve: it was stopped and has drained"},
	{exitFailure, "it was tried and did not end well: declined, not found, in conflict, not as expected"},
	{exitUsage, "the command line, an input file or the configuration is wrong; nothing was done"},
	{exitUnknown, "the outcome is unknown: the server went away, or did not answer in time"},
	{exitStore, "the store cannot be opened or cannot continue: in use, damaged, or its disk is full"},
	{exitUnavailable, "there is no server, or it is too busy; nothing was done, try again"},
	{exitBusy, "of aws clean-up: something is being deployed, or a rollback has failed; nothing was deleted"},
	{interrupted, "interrupted (Ctrl-C)"},
	{terminated, "terminated (SIGTERM)"},
}

func printExitCodes(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nExit codes:")
	for _, e := range exitCodes {
		fmt.Fprintf(w, "  %d\t%s\n", e.code, e.meaning)
	}
	return w.Flush()
}

// exitError gives an error its exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage marks an error as the caller's: a wrong flag, a file that cannot be read or parsed.
func usage(err error) error { return &exitError{code: exitUsage, err: err} }

// codeOf is the exit code of an error. The errors of calls have theirs from explain.
func codeOf(err error) int {
	var own *exitError
	switch {
	case errors.As(err, &own):
		return own.code
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, table.ErrDamaged), errors.Is(err, table.ErrClosed):
		return exitStore
	}
	return exitFailure
}

// openFailed gives an error of opening a store its exit code. A folder that cannot be a store is the caller's mistake.
func openFailed(err error) error {
	var own *exitError
	var path *fs.PathError
	switch {
	case err == nil, errors.As(err, &own), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, embedded.ErrNotAStore), errors.As(err, &path) && !errors.Is(err, syscall.ENOSPC):
		return usage(err)
	}
	return &exitError{code: exitStore, err: err}
}

// interruption is the signal that ends a run.
type interruption struct{ os.Signal }

func (i interruption) Error() string {
	if i.Signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// Is reports that the error equals context.Canceled.
func (i interruption) Is(target error) bool { return target == context.Canceled }

// interruptedBy returns the signal that has ended the run, and its exit code; 0 if there was no signal.
func (p *program) interruptedBy() (signal interruption, code int) {
	if p.ctx == nil || !errors.Is(p.ctx.Err(), context.Canceled) {
		return signal, 0
	}
	signal.Signal = os.Interrupt
	errors.As(context.Cause(p.ctx), &signal)
	if signal.Signal == syscall.SIGTERM {
		return signal, terminated
	}
	return signal, interrupted
}

// fail prints an error and returns its exit code. After a signal the code is the signal's, and an error that the signal
// has caused is not printed.
func (p *program) fail(err error) int {
	code, message := codeOf(err), err.Error()
	if signal, by := p.interruptedBy(); by != 0 && code != exitUsage {
		var own *exitError
		if errors.Is(err, context.Canceled) && !errors.As(err, &own) {
			message = signal.Error()
		}
		code = by
	}
	if message == "" {
		return code
	}
	if p.log != nil {
		p.log.Error(message, "exit_code", code)
	} else {
		fmt.Fprintln(p.stderr, "tripsaga:", message)
	}
	return code
}

// output keeps the first error of writing, which also ends the run, because its result cannot be read.
type output struct {
	io.Writer
	stop context.CancelCauseFunc
	err  error
}

func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.Writer.Write(b)
	if err != nil {
		o.err = err
		o.stop(err)
	}
	return n, err
}

// ended is the exit code of a run whose output may have failed. A pipe without a reader ends the run silently.
func (o *output) ended(p *program, code int) int {
	switch {
	case o.err == nil:
		return code
	case errors.Is(o.err, syscall.EPIPE):
		return brokenPipe
	}
	fmt.Fprintf(p.stderr, "tripsaga: standard output: %v\n", o.err)
	return exitFailure
}
