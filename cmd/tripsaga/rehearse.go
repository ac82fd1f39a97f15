package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"tripsaga/aws/rehearsal"
	"tripsaga/aws/rehearsal/template"
)

// rehearseCmd plays a roll-out in virtual time, by what a synthesised template says of it.
type rehearseCmd struct {
	Template   string               `help:"CloudFormation template; default: that of production, synthesised or as it is checked in." placeholder:"FILE"`
	BadVersion rehearsal.BadVersion `help:"What is wrong with the new version: faults (10 % of its deliveries fail), declines (30 % of its customers' cards are declined), latency (it is slow) or none." name:"bad-version" enum:"faults,declines,latency,none" default:"faults"`
	Function   string               `help:"Only the new version of this task is bad; default: of every task." placeholder:"NAME"`
	Rate       int                  `help:"Bookings a minute." default:"120"`
	Seed       uint64               `help:"Of everything that is left to chance." default:"1"`
	JSON       bool                 `help:"Print one JSON object." name:"json"`
}

// templates are looked for where no file is named: what make synth writes, then what is checked in.
var templates = []string{"cdk.out/ProductionStack.template.json", "infrastructure/testdata/ProductionStack.template.json"}

func (c *rehearseCmd) Run(p *program) error {
	file, release, err := c.release()
	if err != nil {
		return usage(err)
	}
	began := time.Now()
	progress := p.rehearsalProgress(began)
	report, err := rehearsal.Run(p.ctx, rehearsal.Options{
		Release: release, Bad: c.BadVersion, Function: c.Function, Rate: c.Rate, Seed: c.Seed, Progress: progress.show,
	})
	progress.clear()
	if err != nil {
		return rehearsalError(file, err)
	}
	if err := p.printRehearsal(file, report, c.JSON); err != nil {
		return err
	}
	if !report.OK() {
		return fmt.Errorf("the rehearsal did not end as it must:\n  %s", strings.Join(report.Findings, "\n  "))
	}
	return nil
}

func (c *rehearseCmd) release() (file string, release *template.Release, err error) {
	if file, err = c.file(); err != nil {
		return "", nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return file, nil, err
	}
	t, err := template.Parse(data)
	if err != nil {
		return file, nil, fmt.Errorf("%s: %w", file, err)
	}
	release, err = t.Release()
	if err != nil {
		return file, nil, fmt.Errorf("%s:\n  %s", file, strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	return file, release, nil
}

func (c *rehearseCmd) file() (string, error) {
	if c.Template != "" {
		return c.Template, nil
	}
	for _, file := range templates {
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("there is no template: neither %s; both are in the source of tripsaga: run this in a checkout, where make synth writes the first, or name one with --template FILE", strings.Join(templates, " nor "))
}

// rehearsalFlags are those by which the options are given.
var rehearsalFlags = map[rehearsal.Option]string{
	rehearsal.OptionBad: "--bad-version", rehearsal.OptionFunction: "--function", rehearsal.OptionRate: "--rate",
}

// rehearsalError names the flag, or the template's file, that is wrong.
func rehearsalError(file string, err error) error {
	var option *rehearsal.OptionError
	switch {
	case errors.As(err, &option) && option.Option == rehearsal.OptionRelease:
		return usage(fmt.Errorf("%s: %s", file, option.Message))
	case errors.As(err, &option):
		return usage(fmt.Errorf("%s %s: %s", rehearsalFlags[option.Option], option.Value, option.Message))
	}
	return err
}

// rehearsalProgress is a line on a terminal, once it takes long.
type rehearsalProgress struct {
	p     *program
	began time.Time
	shown bool
}

func (p *program) rehearsalProgress(began time.Time) *rehearsalProgress {
	return &rehearsalProgress{p: p, began: began}
}

// silence is how long a person waits without wondering.
const silence = time.Second

func (r *rehearsalProgress) show(minute int) {
	if time.Since(r.began) > silence && isTerminal(r.p.stderr) {
		r.shown = true
		fmt.Fprintf(r.p.stderr, "\r\x1b[2Kminute %d of the release", minute)
	}
}

func (r *rehearsalProgress) clear() {
	if r.shown {
		fmt.Fprint(r.p.stderr, "\r\x1b[2K")
	}
}
