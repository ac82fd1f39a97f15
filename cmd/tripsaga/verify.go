package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"tripsaga/table"
	"tripsaga/trip/saga"
	"tripsaga/verify"
	"tripsaga/verify/lint"
	"tripsaga/verify/world"
)

// verifyCmd explores what can go wrong with a booking.
type verifyCmd struct {
	Depth    int      `help:"Faults of one schedule: 1 is every single fault at every point, 2 is every pair as well." default:"2"`
	Triples  int      `help:"Schedules of three faults, drawn by the seed." default:"2000"`
	Seed     uint64   `help:"Of what is drawn." default:"1"`
	Scenario []string `help:"Play only these: ${scenarios}." placeholder:"NAME"`
	Only     string   `help:"Of the schedules with most faults, run those whose id contains this." placeholder:"TEXT"`
	OneIn    int      `help:"Run one in so many schedules, drawn by the seed." default:"1" placeholder:"N"`
	Whole    bool     `help:"Leave no schedule out because another one goes on alike. Takes many times as long."`

	Replay  string       `help:"Run one schedule and show all that happens." placeholder:"ID" xor:"what"`
	Mutants bool         `help:"Explore variants that are broken on purpose: each must be found out." xor:"what"`
	ASL     string       `help:"Verify this definition in place of the saga's own: a lint first, then the exploration." name:"asl" placeholder:"FILE"`
	Stores  kong.Plugins `embed:""` // each a verifyStore
	JSON    bool         `help:"Print one JSON object." name:"json"`
}

// verifyStore is another table than the embedded one, when its flag asks for it.
type verifyStore interface {
	chosen() bool
	open(context.Context) (open func() (table.Table, func() error, error), done func(), err error)
}

// store returns the one that is chosen; nil is the embedded one.
func (c *verifyCmd) store() verifyStore {
	for _, s := range c.Stores {
		if s := s.(verifyStore); s.chosen() {
			return s
		}
	}
	return nil
}

func (c *verifyCmd) Run(p *program) error {
	if err := c.check(); err != nil {
		return usage(err)
	}
	cfg, done, err := c.world(p.ctx)
	if err != nil {
		return err
	}
	defer done()
	switch {
	case c.Mutants:
		return c.killMutants(p)
	case c.Replay != "":
		return c.replay(p, cfg)
	}
	return c.explore(p, cfg)
}

func (c *verifyCmd) check() error {
	switch {
	case c.Depth < 0 || c.Depth > 2:
		return fmt.Errorf("--depth %d: allowed are 0 to 2; --triples has schedules of three faults", c.Depth)
	case c.Triples < 0:
		return fmt.Errorf("--triples %d: allowed are 0 and more", c.Triples)
	case c.OneIn < 1:
		return fmt.Errorf("--one-in %d: allowed are 1 and more", c.OneIn)
	case c.Mutants && (c.ASL != "" || c.store() != nil):
		return errors.New("--mutants breaks the product's own definition, over the embedded store: it takes neither --asl nor --backend")
	case c.Mutants && (len(c.Scenario) > 0 || c.Only != "" || c.OneIn > 1 || c.Whole):
		return errors.New("--mutants explores all: it takes none of --scenario, --only, --one-in and --whole")
	}
	for _, name := range c.Scenario {
		if !slices.Contains(world.ScenarioNames(), name) {
			return fmt.Errorf("--scenario: there is no scenario %q, only %q", name, world.ScenarioNames())
		}
	}
	return nil
}

// world is what is played, and what closes it.
func (c *verifyCmd) world(ctx context.Context) (cfg world.Config, done func(), err error) {
	done = func() {}
	if c.ASL != "" {
		if cfg.Definition, err = os.ReadFile(c.ASL); err != nil {
			return cfg, done, usage(err)
		}
	}
	if s := c.store(); s != nil {
		cfg.Open, done, err = s.open(ctx)
	}
	return cfg, done, err
}

// verified is what --json prints.
type verified struct {
	Lint     []lint.Finding `json:"lint"`
	Unjudged []string       `json:"unjudged_tasks"` // whose effects no invariant looks at
	*verify.Report
}

func (c *verifyCmd) explore(p *program, cfg world.Config) error {
	result := verified{Lint: []lint.Finding{}, Unjudged: []string{}}
	file := cmp.Or(c.ASL, "the saga's own definition")
	definition := cfg.Definition
	if definition == nil {
		definition = saga.Definition()
	}
	findings, err := verify.Lint(definition)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", file, err))
	}
	unjudged, err := verify.Unjudged(definition)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", file, err))
	}
	result.Lint, result.Unjudged = append(result.Lint, findings...), append(result.Unjudged, unjudged...)
	if !c.JSON {
		p.printLint(file, result.Lint)
		p.printUnjudged(result.Unjudged)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // a world makes much garbage, and keeps little
	}
	bar := p.stages()
	report, err := verify.Explore(p.ctx, verify.Options{
		World: cfg, Depth: c.Depth, Triples: c.Triples, Seed: c.Seed, Scenarios: c.Scenario, Only: c.Only, OneIn: c.OneIn,
		Whole: c.Whole, Progress: bar.show,
	})
	bar.clear()
	if err != nil && p.ctx.Err() == nil {
		return err
	}
	result.Report = report
	if err := c.printReport(p, cfg, result); err != nil {
		return err
	}
	switch n := report.Found; {
	case n > 0:
		return fmt.Errorf("%d violations in %d schedules", n, report.Schedules)
	case p.ctx.Err() != nil:
		return &exitError{interrupted, errors.New("interrupted: what was not run is not verified")}
	case c.Depth+c.Triples > 0 && c.deepest(report)+report.Triples == 0:
		return fmt.Errorf("nothing was run: --only %q and --one-in %d leave no schedule of %d faults", c.Only, c.OneIn, c.Depth)
	case len(result.Lint)+len(result.Unjudged) > 0:
		return fmt.Errorf("%s: %d findings of the lint, %d tasks that no invariant looks at", file, len(result.Lint), len(result.Unjudged))
	}
	return nil
}

// deepest is how many schedules of the asked depth were run.
func (c *verifyCmd) deepest(r *verify.Report) int {
	switch c.Depth {
	case 0:
		return 0
	case 1:
		return r.Singles
	}
	return r.Pairs
}

func (c *verifyCmd) printReport(p *program, cfg world.Config, result verified) error {
	if c.JSON {
		return p.printJSON(result)
	}
	p.printCounts(result.Report)
	if len(result.Violations) == 0 {
		return nil
	}
	return c.printViolations(p, cfg, result.Violations)
}

// replay plays one schedule and tells everything.
func (c *verifyCmd) replay(p *program, cfg world.Config) error {
	s, err := world.ParseSchedule(c.Replay)
	if err != nil {
		return usage(fmt.Errorf("--replay: %w", err))
	}
	w, err := world.New(cfg)
	if err != nil {
		return err
	}
	defer w.Close()
	if c.JSON {
		report, err := verify.Replay(p.ctx, w, s)
		if report == nil {
			return err
		}
		return cmp.Or(p.printJSON(report), violated(len(report.Violations)), err)
	}
	r, err := p.printReplay(p.ctx, w, s)
	if err != nil {
		return err
	}
	return cmp.Or(violated(len(r.Violations)), verify.Missed(s, r))
}

func violated(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d violations", n)
}

// scenarioHelp is a part of the help text.
func scenarioHelp() string { return strings.Join(world.ScenarioNames(), ", ") }
