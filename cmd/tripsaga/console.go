package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/alecthomas/kong"

	"tripsaga/console"
	"tripsaga/console/lab"
	"tripsaga/local"
)

// This file plugs in the web console. Without it, and without console/, the command builds and serves the API alone.

func init() {
	extensions = append(extensions, func(c *commands) {
		playInLab, labAddress = inLab, atDefaultPort
		c.Serve.Modes = append(c.Serve.Modes, &labMode{})
		c.Serve.pages = c.Serve.console(console.Options{Pages: lab.Off})
	})
}

// inLab is how a shell starts a lab that plays the definition, and where it plays the schedule.
func inLab(asl, id string) string {
	command := "tripsaga serve --lab"
	if asl != "" {
		command += " --asl " + quoted(asl)
	}
	return command + ", then " + atDefaultPort(id)
}

// atDefaultPort is the address of the lab's page of a schedule, on a server with the default port.
func atDefaultPort(id string) string { return "http://127.0.0.1:8080" + lab.Address(id) }

// console returns the console over a system.
func (c *serveCmd) console(opt console.Options) func(http.Handler, *local.System, *slog.Logger) http.Handler {
	return func(api http.Handler, sys *local.System, log *slog.Logger) http.Handler {
		opt.UseCases, opt.LatestEvents, opt.Sagas = sys.UseCases(log), sys.LatestEvents, sys.Sagas()
		if c.cost != nil {
			opt.Cost = func(cancellation, succeeded bool, transitions int) (console.Cost, error) {
				cost, err := c.cost(cancellation, succeeded, transitions)
				return console.Cost(cost), err
			}
		}
		return console.New(api, opt)
	}
}

// labMode serves the console with its lab, from a store in memory.
type labMode struct {
	Lab bool   `xor:"mode" help:"Add the lab to the console, in which sagas are broken on purpose and every schedule of tripsaga verify can be played step by step. The records are in memory and thrown away at the end: there is no data folder, and $TRIPSAGA_DATA is not used."`
	ASL string `name:"asl" help:"With --lab: the lab plays this definition in place of the saga's own, as verify --asl does." placeholder:"FILE"`
}

// AfterApply refuses a data folder, because the lab never runs beside real data. kong calls it after parsing the command
// line.
func (m *labMode) AfterApply(k *kong.Context) error {
	for _, step := range k.Path {
		if m.Lab && step.Flag != nil && step.Flag.Name == "data" {
			return errors.New("--lab and --data can't be used together: the lab has its own store, in memory, and never opens a data folder")
		}
	}
	return nil
}

func (m *labMode) chosen() bool { return m.Lab }

func (m *labMode) check() error {
	if m.ASL != "" && !m.Lab {
		return errors.New("--asl: it is for --lab")
	}
	return nil
}

func (m *labMode) serve(p *program, c *serveCmd, listener net.Listener, log *slog.Logger) (err error) {
	var definition []byte
	if m.ASL != "" {
		if definition, err = readRegular(m.ASL); err != nil {
			return usage(fmt.Errorf("--asl: %w", err))
		}
	}
	l, err := lab.New(definition)
	if err != nil {
		return usage(fmt.Errorf("--asl %s: %w", m.ASL, err))
	}
	c.Data, c.wrapTasks = "", l.Tasks
	c.pages = c.console(console.Options{Pages: l.Pages, ThrowAway: true})
	return c.system(p, listener, log)
}
