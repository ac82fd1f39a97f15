package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"tripsaga/table"
	"tripsaga/verify"
	"tripsaga/verify/lint"
	"tripsaga/verify/world"
)

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
	verdict += fmt.Sprintf(" of %d invariants", len(verify.Invariants()))
	if n := r.Found; n > 0 {
		verdict = p.paint(red, fmt.Sprintf("%d violations", n))
	}
	fmt.Fprintf(p.stdout, "verdict     %s\n", verdict)
}

// shown is how many violations are listed.
const shown = 10

// printViolations shows the first in full, as its shortest schedule, and lists more.
func (c *verifyCmd) printViolations(p *program, cfg world.Config, all []verify.Violation) error {
	w, err := world.New(cfg)
	if err != nil {
		return err
	}
	defer w.Close()
	first, err := world.ParseSchedule(all[0].ID)
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
	edited := ""
	if c.ASL != "" {
		edited = "--asl " + c.ASL + " "
	}
	fmt.Fprintf(p.stdout, "\nAgain: tripsaga verify %s--replay '%s'\n", edited, first)
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

// printReplay plays the schedule and tells what came of it.
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

// notShown is what every run writes alike.
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
	all := world.Scenarios()
	i := slices.IndexFunc(all, func(s world.Scenario) bool { return s.Name == name })
	return all[i].Means
}
