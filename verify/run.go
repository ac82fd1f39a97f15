package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"tripsaga/table"
	"tripsaga/verify/world"
)

// ReplayVariable is the environment variable with the id of a schedule: with it [Run] plays that schedule alone, and shows it.
const ReplayVariable = "VERIFY_REPLAY"

// Run explores a saga: it plays every fault at every step, and judges each run. It fails the test with the shortest schedule
// of faults that shows a violation, what happened in it, and the command that plays it again.
//
// A run is judged by Saga.Check and Saga.Rest, and by what holds for every saga: an execution that succeeded has all its
// effects, one that failed has none (by the records of package barrier, and the counters in their transactions), every
// execution ends, what was acknowledged is never lost, nothing panics. [world.Invariants] has the rest.
func Run(t *testing.T, s Saga) {
	t.Helper()
	p, err := s.prepare()
	if err != nil {
		t.Fatalf("verify.Saga: %v", err)
	}
	cfg := world.Config{Subject: p.subject()}
	ctx := t.Context()
	if err := p.play(ctx, cfg); err != nil {
		t.Fatalf("verify: %v", err)
	}
	if id := os.Getenv(ReplayVariable); id != "" {
		replay(t, cfg, id)
		return
	}
	if s.Budget > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Budget)
		defer cancel()
	}
	opt := p.options(cfg)
	r, err := Explore(ctx, opt)
	if err != nil && !(r.Partial && errors.Is(err, context.DeadlineExceeded)) {
		t.Fatalf("verify: %v", err)
	}
	t.Logf("%d schedules in %.1f s, %.0f a second: %d of one fault, %d of two, %d of three", r.Schedules, r.Seconds, r.PerSecond,
		r.Singles+r.Reordered+r.Interleaved, r.Pairs, r.Triples)
	for _, left := range r.leftOut(opt) {
		t.Log("left out: " + left)
	}
	if len(r.Violations) == 0 {
		return
	}
	text, err := shortest(context.WithoutCancel(ctx), cfg, r, t.Name())
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	t.Error(text)
}

func (p *prepared) options(cfg world.Config) Options {
	opt := Options{World: cfg, Depth: p.Depth, Triples: p.Triples, Seed: p.Seed, OneIn: p.OneIn, Workers: p.Workers}
	if opt.Depth == 0 {
		opt.Depth = 2
	}
	if testing.Short() {
		opt.Depth, opt.Triples = 1, 0
	}
	return opt
}

// play plays every scenario without a fault, to learn which records its steps have.
func (p *prepared) play(ctx context.Context, cfg world.Config) error {
	w, err := world.New(cfg)
	if err != nil {
		return err
	}
	defer w.Close()
	p.learning = true
	defer func() { p.learning = false }()
	for i, s := range p.Scenarios {
		if _, err := w.Run(ctx, world.Schedule{Scenario: s.Name}); err != nil {
			return err
		}
		if base := p.base[s.Name]; base != nil {
			cfg.Subject.Scenarios[i].Takes = base.takes
		}
	}
	return nil
}

func replay(t *testing.T, cfg world.Config, id string) {
	t.Helper()
	s, err := cfg.Subject.ParseSchedule(id)
	if err != nil {
		t.Fatalf("%s: %v", ReplayVariable, err)
	}
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var text strings.Builder
	r, err := Show(t.Context(), &text, w, s)
	if err == nil {
		err = Missed(s, r)
	}
	if err != nil {
		t.Fatalf("%s: %v", ReplayVariable, err)
	}
	if len(r.Violations) > 0 {
		t.Error(text.String())
		return
	}
	t.Log(text.String())
}

// shortest describes the first violation of a report, by its shortest schedule.
func shortest(ctx context.Context, cfg world.Config, r *Report, test string) (string, error) {
	w, err := world.New(cfg)
	if err != nil {
		return "", err
	}
	defer w.Close()
	first := r.Violations[0]
	s, err := cfg.Subject.ParseSchedule(first.ID)
	if err != nil {
		return "", err
	}
	if s, err = Shrink(ctx, w, s, first.Invariant); err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s is broken in %d of %d schedules. The shortest:\n\n", first.Invariant, r.Broken[first.Invariant], r.Schedules)
	if _, err := Show(ctx, &text, w, s); err != nil {
		return "", err
	}
	fmt.Fprintf(&text, "\nAgain: %s='%s' go test -run '^%s$'\n", ReplayVariable, s, strings.ReplaceAll(test, "/", "$/^"))
	if n := r.Found - 1; n > 0 {
		fmt.Fprintf(&text, "%d more violations, such as\n", n)
	}
	for _, v := range r.Violations[1:min(len(r.Violations), 6)] {
		fmt.Fprintf(&text, "  %s: %s: %s\n", v.ID, v.Invariant, v.Detail)
	}
	return text.String(), nil
}

// Show plays a schedule and writes what happens in it: the timeline, the records, the ends and the violations.
func Show(ctx context.Context, out io.Writer, w *world.World, s world.Schedule) (*world.Result, error) {
	r, records, err := w.Replay(ctx, s)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "Schedule    %s\n\nTimeline\n", s)
	for i := range r.Points {
		p := &r.Points[i]
		fmt.Fprintf(out, "  %10s  %s", p.At.Truncate(time.Millisecond), p.Label)
		if p.Hit != "" {
			fmt.Fprintf(out, "  <- %s", p.Hit)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out, "\nRecords")
	for _, item := range records {
		fmt.Fprintf(out, "  %s\n", lineOf(item))
	}
	fmt.Fprintf(out, "\nEnds        %s\n", strings.Join(r.Statuses, ", "))
	for _, v := range r.Violations {
		fmt.Fprintf(out, "Violation   %s: %s\n", v.Invariant, v.Detail)
	}
	return r, nil
}

// lineOf is one record, cut to a line.
func lineOf(item table.Item) string {
	const longest = 200
	text := fmt.Sprintf("%s  %s", item.Key, item.Data)
	for name, n := range item.Ints {
		text += fmt.Sprintf(" %s=%d", name, n)
	}
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}
