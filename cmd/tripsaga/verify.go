package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/schollz/progressbar/v3"

	"tripsaga/report"
	"tripsaga/table"
	"tripsaga/trip/saga"
	"tripsaga/verify"
	"tripsaga/verify/lint"
	"tripsaga/verify/mutants"
	"tripsaga/verify/story"
	"tripsaga/verify/trip"
	"tripsaga/verify/world"
)

// verifyCmd explores what can go wrong with a booking.
type verifyCmd struct {
	Depth    int      `help:"Faults of one schedule: 1 is every single fault at every point, 2 is every pair as well." default:"2"`
	Triples  int      `help:"Schedules of three faults, drawn by the seed." default:"2000"`
	Seed     uint64   `help:"The seed of everything drawn at random." default:"1"`
	Scenario []string `help:"Play only these: ${scenarios}." placeholder:"NAME"`
	Only     string   `help:"Run only the schedules with the most faults whose id contains this text." placeholder:"TEXT"`
	OneIn    int      `help:"Run one in so many schedules, drawn by the seed." default:"1" placeholder:"N"`
	Whole    bool     `help:"Also run schedules that are equivalent to others. Takes many times as long."`

	Replay  string       `help:"Run one schedule and show all that happens." placeholder:"ID" xor:"what"`
	As      string       `help:"How --replay shows the schedule: ${enum}. A story is in plain words, mermaid is a sequence diagram, test is a Go test that plays it again." enum:"timeline,story,mermaid,test" default:"timeline" placeholder:"FORM"`
	Mutants bool         `help:"Explore variants that are broken on purpose: each must be found out." xor:"what"`
	ASL     string       `help:"Verify this definition in place of the saga's own: a lint first, then the exploration. A cancellation is only linted." name:"asl" placeholder:"FILE"`
	Stores  kong.Plugins `embed:""` // each a verifyStore
	JSON    bool         `help:"Print one JSON object." name:"json"`
	htmlFlag
	coverageFlags
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
	if err := c.check(p); err != nil {
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

func (c *verifyCmd) check(p *program) error {
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
	case c.told() && c.Replay == "":
		return fmt.Errorf("--as %s is how --replay shows a schedule: add --replay ID", c.As)
	case c.told() && c.JSON:
		return fmt.Errorf("--as %s is no JSON: leave out --as or --json", c.As)
	case c.HTML != "" && (c.Mutants || c.Replay != ""):
		return errors.New("--html is the page of an exploration: it goes with neither --mutants nor --replay")
	}
	for _, name := range c.Scenario {
		if !slices.Contains(trip.Product().ScenarioNames(), name) {
			return fmt.Errorf("--scenario: there is no scenario %q, only %q", name, trip.Product().ScenarioNames())
		}
	}
	if err := c.coverageFlags.check(c); err != nil {
		return err
	}
	return c.htmlFlag.check(p, c.ASL, c.Coverage, c.CoverageEquals)
}

// world returns the configuration of what is played, and what closes it.
func (c *verifyCmd) world(ctx context.Context) (cfg world.Config, done func(), err error) {
	done = func() {}
	var product trip.Config
	if c.ASL != "" {
		if product.Definition, err = readRegular(c.ASL); err != nil {
			return cfg, done, usage(err)
		}
		if trip.OfCancellation(product.Definition) && (c.Replay != "" || c.HTML != "" || c.asked()) {
			return cfg, done, usage(fmt.Errorf("--asl %s is a cancellation, which is linted and not played: leave out --replay, --html and --coverage", c.ASL))
		}
	}
	cfg.Subject = trip.Subject(product)
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
	Differences []string `json:"coverage_differences,omitempty"` // from the file of --coverage-equals
}

func (c *verifyCmd) explore(p *program, cfg world.Config) error {
	result := verified{Lint: []lint.Finding{}, Unjudged: []string{}}
	file := cmp.Or(c.ASL, "the saga's own definition")
	definition := cfg.Subject.Machines[0].Source
	if trip.OfCancellation(definition) {
		return c.lintCancellation(p, definition)
	}
	findings, err := trip.Lint(definition)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", file, err))
	}
	if c.ASL == "" {
		second, err := trip.LintCancellation(saga.Cancellation().Definition())
		if err != nil {
			return err
		}
		findings = append(findings, second...)
	}
	unjudged, err := trip.Unjudged(definition)
	if err != nil {
		return usage(fmt.Errorf("%s: %w", file, err))
	}
	result.Lint, result.Unjudged = append(result.Lint, findings...), append(result.Unjudged, unjudged...)
	if !c.JSON {
		p.printLint(file, result.Lint)
		p.printUnjudged(result.Unjudged)
	}
	bar, began := p.stages(), time.Now()
	about := verify.About{
		Options: verify.Options{
			World: cfg, Depth: c.Depth, Triples: c.Triples, Seed: c.Seed, Scenarios: c.Scenario, Only: c.Only, OneIn: c.OneIn,
			Whole: c.Whole, Progress: bar.show,
		},
		Definition: file, Lint: result.Lint, Unjudged: result.Unjudged, Replay: c.replayCommand(),
	}
	if playInLab != nil {
		about.Lab, about.LabAddress = func(id string) string { return playInLab(c.ASL, id) }, labAddress
	}
	found, err := verify.Explore(p.ctx, about.Options)
	bar.clear()
	if p.ctx.Err() == nil {
		about.Failure = err
	}
	written := c.htmlFlag.write(p, began, func() *report.Page { return found.Page(about) })
	if about.Failure != nil {
		return errors.Join(about.Failure, written)
	}
	result.Report = found
	uncovered := c.cover(p, &result)
	if err := c.printReport(p, cfg, result); err != nil {
		return errors.Join(err, written)
	}
	return errors.Join(c.verdict(p, file, result), uncovered, written)
}

// lintCancellation lints an edited cancellation. No exploration plays it: they cancel by the program's own.
func (c *verifyCmd) lintCancellation(p *program, definition []byte) error {
	findings, err := trip.LintCancellation(definition)
	switch {
	case err != nil:
		return usage(fmt.Errorf("%s: %w", c.ASL, err))
	case c.JSON:
		err = p.printJSON(verified{Lint: append([]lint.Finding{}, findings...), Unjudged: []string{}})
	default:
		p.printLint(c.ASL, findings)
		fmt.Fprintln(p.stdout, "explored    nothing: this is a cancellation, and explorations cancel by the program's own definition")
	}
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("%s: %d findings of the lint", c.ASL, len(findings))
	}
	return err
}

// verdict returns what was found as an error.
func (c *verifyCmd) verdict(p *program, file string, result verified) error {
	r := result.Report
	switch n := r.Found; {
	case n > 0:
		return fmt.Errorf("%d violations in %d schedules", n, r.Schedules)
	case p.ctx.Err() != nil:
		return &exitError{interrupted, errors.New("interrupted: what was not run is not verified")}
	case c.Depth+c.Triples > 0 && c.deepest(r)+r.Triples == 0:
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

// replay plays one schedule and prints everything that happens.
func (c *verifyCmd) replay(p *program, cfg world.Config) error {
	s, err := trip.Product().ParseSchedule(c.Replay)
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
	show := p.printReplay
	if c.told() {
		show = c.tell(p)
	}
	r, err := show(p.ctx, w, s)
	if err != nil {
		return err
	}
	return cmp.Or(violated(len(r.Violations)), verify.Missed(s, r))
}

// told reports whether a schedule is shown in another form than its timeline.
func (c *verifyCmd) told() bool { return c.As != "" && c.As != "timeline" }

// tell plays the schedule and prints it in the form of --as.
func (c *verifyCmd) tell(p *program) func(context.Context, *world.World, world.Schedule) (*world.Result, error) {
	return func(ctx context.Context, w *world.World, s world.Schedule) (*world.Result, error) {
		trace, err := w.Trace(ctx, s)
		if err != nil {
			return nil, err
		}
		if err := verify.Missed(s, trace.Result); err != nil {
			return nil, err
		}
		text := ""
		switch c.As {
		case "story":
			text = story.Text(w.Subject(), trace)
		case "mermaid":
			text = story.Mermaid(w.Subject(), trace)
		default:
			if text, err = c.asTest(s); err != nil {
				return nil, err
			}
		}
		fmt.Fprint(p.stdout, text)
		return trace.Result, nil
	}
}

func (c *verifyCmd) asTest(s world.Schedule) (string, error) {
	file := c.ASL
	if file != "" {
		var err error
		if file, err = filepath.Abs(file); err != nil { // a test runs in the folder of its package
			return "", err
		}
	}
	code, err := story.Test(trip.Program(file), s)
	return string(code), err
}

func violated(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d violations", n)
}

// scenarioHelp lists the scenarios in the help text.
func scenarioHelp() string { return strings.Join(trip.Product().ScenarioNames(), ", ") }

// mutantsKilled is what --mutants --json prints.
type mutantsKilled struct {
	Mutants  []mutants.Verdict `json:"mutants"`
	Killed   int               `json:"killed"`
	Survived int               `json:"survived"`
}

func (c *verifyCmd) killMutants(p *program) error {
	var result mutantsKilled
	bar := p.stages()
	for _, m := range mutants.All() {
		v, err := mutants.Kill(p.ctx, m, verify.Options{Depth: c.Depth, Seed: c.Seed, Triples: c.Triples, Progress: func(at verify.Progress) {
			at.Stage = m.Name + ": " + at.Stage
			bar.show(at)
		}})
		bar.clear()
		if err != nil {
			return err
		}
		result.Mutants = append(result.Mutants, v)
		if v.Killed {
			result.Killed++
		} else {
			result.Survived++
		}
		if !c.JSON {
			p.printVerdict(v)
		}
	}
	if c.JSON {
		if err := p.printJSON(result); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(p.stdout, "%d mutants, %d killed, %d survived\n", len(result.Mutants), result.Killed, result.Survived)
	}
	if result.Survived > 0 {
		return fmt.Errorf("%d mutants survived: the exploration does not see what they break", result.Survived)
	}
	return nil
}

func (p *program) printVerdict(v mutants.Verdict) {
	if !v.Killed {
		fmt.Fprintf(p.stdout, "%-22s %s after %d schedules, %.1f s\n", v.Name, p.paint(red, "SURVIVED"), v.Schedules, v.Seconds)
		return
	}
	fmt.Fprintf(p.stdout, "%-22s %s by %s, %d schedules, %.1f s\n%-22s %s\n",
		v.Name, p.paint(green, "killed"), v.Invariant, v.Schedules, v.Seconds, "", v.Schedule)
}

// stageBar is a bar on a terminal for each stage of an exploration.
type stageBar struct {
	p     *program
	stage string
	bar   *progressbar.ProgressBar
}

func (p *program) stages() *stageBar { return &stageBar{p: p} }

func (b *stageBar) show(at verify.Progress) {
	if at.Stage != b.stage || at.Done == 0 {
		b.clear()
		b.stage, b.bar = at.Stage, b.p.progress(at.Stage, at.All)
	}
	b.bar.Describe(fmt.Sprintf("%s (%d schedules, %d violations)", at.Stage, at.Schedules, at.Violations))
	_ = b.bar.Set(at.Done)
}

func (b *stageBar) clear() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}

func (p *program) printLint(file string, findings []lint.Finding) {
	if len(findings) == 0 {
		fmt.Fprintf(p.stdout, "lint        %s: nothing found\n", file)
		return
	}
	fmt.Fprintf(p.stdout, "lint        %s: %s\n", file, p.paint(red, fmt.Sprintf("%d findings", len(findings))))
	for _, f := range findings {
		fmt.Fprintf(p.stdout, "  %s  %s\n    %s; %s\n", f.Path, f.Rule, f.Problem, f.Advice)
	}
}

func (p *program) printUnjudged(tasks []string) {
	for _, name := range tasks {
		fmt.Fprintf(p.stdout, "%s  %s: what it does is looked at by no invariant; add it to the effects of verify/model, with invariants of its records\n",
			p.paint(red, "not judged"), name)
	}
}

func (p *program) printCounts(r *verify.Report) {
	fmt.Fprintf(p.stdout, "singles     %d schedules of one fault, and %d with another order of equal events\n", r.Singles, r.Reordered)
	if r.Interleaved > 0 {
		fmt.Fprintf(p.stdout, "interleaved %d schedules in which the work of two is split between their operations\n", r.Interleaved)
	}
	if r.Pairs > 0 {
		fmt.Fprintf(p.stdout, "pairs       %d schedules of two faults; %d of the singles go on as another one, whose pairs are theirs\n", r.Pairs, r.Same)
	}
	if r.Triples > 0 {
		fmt.Fprintf(p.stdout, "triples     %d schedules of three faults, drawn\n", r.Triples)
	}
	fmt.Fprintf(p.stdout, "all         %d schedules in %.1f s, %.0f a second; %d ends\n", r.Schedules, r.Seconds, r.PerSecond, r.Ends)
	verdict := p.paint(green, "0 violations")
	if r.Partial {
		verdict = "0 violations in what was run"
	}
	verdict += fmt.Sprintf(" of %d invariants", len(trip.Product().AllInvariants()))
	if n := r.Found; n > 0 {
		verdict = p.paint(red, fmt.Sprintf("%d violations", n))
	}
	fmt.Fprintf(p.stdout, "verdict     %s\n", verdict)
}

// playInLab says how the console's lab plays a schedule; nil in a build without console.go.
var playInLab func(asl, id string) string

// labAddress is the page of the lab that plays a schedule, at the default port; nil in a build without console.go.
var labAddress func(id string) string

// shown is how many violations are listed.
const shown = 10

// printViolations shows the first in full, as its shortest schedule, and lists more.
func (c *verifyCmd) printViolations(p *program, cfg world.Config, all []verify.Violation) error {
	w, err := world.New(cfg)
	if err != nil {
		return err
	}
	defer w.Close()
	first, err := trip.Product().ParseSchedule(all[0].ID)
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(p.ctx) // what was found is shown, even after an interrupt
	if first, err = verify.Shrink(ctx, w, first, all[0].Invariant); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\nThe shortest, %s:\n\n", p.paint(red, all[0].Invariant))
	if _, err := p.printReplay(ctx, w, first); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\nAgain: %s '%s'\n", c.replayCommand(), first)
	if playInLab != nil {
		fmt.Fprintf(p.stdout, "Step by step: %s\n", playInLab(c.ASL, first.String()))
	}
	if len(all) > 1 {
		fmt.Fprintln(p.stdout, "\nMore:")
	}
	for _, v := range all[1:min(len(all), shown+1)] {
		fmt.Fprintf(p.stdout, "  %s  %s\n    %s\n", p.paint(red, v.Invariant), v.ID, printable(v.Detail))
	}
	if n := len(all) - shown - 1; n > 0 {
		fmt.Fprintf(p.stdout, "  and %d more; --json lists them\n", n)
	}
	return nil
}

// replayCommand plays one schedule, whose id follows.
func (c *verifyCmd) replayCommand() string {
	if c.ASL == "" {
		return "tripsaga verify --replay"
	}
	return "tripsaga verify --asl " + quoted(c.ASL) + " --replay"
}

// printReplay plays the schedule and prints its timeline, records, ends and violations.
func (p *program) printReplay(ctx context.Context, w *world.World, s world.Schedule) (*world.Result, error) {
	r, records, err := w.Replay(ctx, s)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(p.stdout, "Schedule    %s: %s\n", s.Scenario, scenarioMeans(s.Scenario))
	for _, f := range s.Faults {
		fmt.Fprintf(p.stdout, "            %s\n", f)
	}
	fmt.Fprintln(p.stdout, "\nTimeline")
	for i := range r.Points {
		p.printPoint(&r.Points[i])
	}
	fmt.Fprintln(p.stdout, "\nRecords")
	for _, item := range records {
		fmt.Fprintf(p.stdout, "  %s\n", recordLine(item))
	}
	fmt.Fprintf(p.stdout, "\nEnds        %s\n", strings.Join(r.Statuses, ", "))
	if len(r.Violations) == 0 {
		fmt.Fprintf(p.stdout, "Violations  %s\n", p.paint(green, "none"))
	}
	for _, v := range r.Violations {
		fmt.Fprintf(p.stdout, "Violation   %s: %s\n", p.paint(red, v.Invariant), printable(v.Detail))
	}
	return r, nil
}

func (p *program) printPoint(pt *world.Point) {
	line := fmt.Sprintf("  %10s  %s", pt.At.Truncate(time.Millisecond), pt.Label)
	if pt.Hit != "" {
		line += "  " + p.paint(yellow, "<- "+string(pt.Hit))
	}
	fmt.Fprintln(p.stdout, line)
}

// notShown are the fields that are the same in every run.
var notShown = []string{"traveler", "card", "flight", "hotel", "fingerprint", "created", "updated", "at", "started", "stopped",
	"definition", "id"}

// recordLine is one record, as short as it can be read.
func recordLine(item table.Item) string {
	const longest = 200
	var fields map[string]any
	text := string(item.Data)
	if json.Unmarshal(item.Data, &fields) == nil {
		for _, field := range notShown {
			delete(fields, field)
		}
		if short, err := json.Marshal(fields); err == nil {
			text = string(short)
		}
	}
	for name, n := range item.Ints {
		text = fmt.Sprintf("%s=%d %s", name, n, text)
	}
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return printable(item.Key.String() + "  " + text)
}

func scenarioMeans(name string) string {
	s, _ := trip.Product().Scenario(name)
	return s.Means
}
