// Command benchcompare compares this checkout, as it is in the folder, with an earlier commit: `make bench-compare BASE=main~1
// N=5 BENCH="--http --trips 20000"`. It builds both commands, runs their `bench` with these flags N times each, alternating,
// and prints the medians and their ratios: on a shared machine, figures of different times cannot be compared, but those of
// neighbouring runs can.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-compare:", err)
		os.Exit(1)
	}
}

// run removes its temporary files, even if it is interrupted.
func run(ctx context.Context, out io.Writer, args []string) (err error) {
	if len(args) < 2 || args[0] == "" {
		return errors.New("name a commit: make bench-compare BASE=commit [N=5] [BENCH=\"--http --trips 20000\"]")
	}
	rounds, err := strconv.Atoi(args[1])
	if err != nil || rounds < 1 || rounds > 1000 {
		return fmt.Errorf("field N is %q: allowed are 1 to 1000 runs of each", args[1])
	}
	commit, err := output(ctx, "git", "rev-parse", "--verify", "--quiet", args[0]+"^{commit}")
	if err != nil {
		return fmt.Errorf("field BASE is %q: it is not a commit of this repository", args[0])
	}
	dir, err := os.MkdirTemp("", "bench-compare-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tree := filepath.Join(dir, "base")
	defer func() { // also after an interrupt
		if _, gone := os.Stat(tree); gone == nil {
			_, removeErr := output(context.WithoutCancel(ctx), "git", "worktree", "remove", "--force", tree)
			err = errors.Join(err, removeErr)
		}
	}()
	if _, err := output(ctx, "git", "worktree", "add", "--detach", "--quiet", tree, commit); err != nil {
		return err
	}
	sides := []*side{{name: args[0], program: filepath.Join(dir, "before"), sources: tree}, {name: "this checkout", program: filepath.Join(dir, "now"), sources: "."}}
	for _, s := range sides {
		if _, err := output(ctx, "go", "-C", s.sources, "build", "-trimpath", "-o", s.program, "./cmd/tripsaga"); err != nil {
			return fmt.Errorf("building %s: %w", s.name, err)
		}
	}
	for range rounds {
		for _, s := range sides {
			if err := s.run(ctx, args[2:]); err != nil {
				return err
			}
		}
		slices.Reverse(sides) // neither is always the first one
	}
	if sides[0].name != args[0] {
		slices.Reverse(sides)
	}
	print(out, sides[0], sides[1])
	return nil
}

// side is one of the two programs.
type side struct {
	name, sources, program string
	runs                   []map[string]float64
}

func (s *side) run(ctx context.Context, flags []string) error {
	text, err := output(ctx, s.program, append([]string{"bench", "--json"}, flags...)...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 {
		return fmt.Errorf("bench of %s does not take %s: take a later BASE or other flags in BENCH: %w", s.name, strings.Join(flags, " "), err)
	}
	if err != nil {
		return fmt.Errorf("bench of %s: %w", s.name, err)
	}
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return fmt.Errorf("bench of %s: %w", s.name, err)
	}
	figures := map[string]float64{}
	for name, v := range all {
		if n, ok := v.(float64); ok {
			figures[name] = n
		}
	}
	s.runs = append(s.runs, figures)
	return nil
}

// figures are the compared figures, with the direction that is better.
var figures = []struct{ name, better string }{
	{"trips_per_s", "more"}, {"p50_ms", "less"}, {"p99_ms", "less"}, {"answer_p50_ms", "less"}, {"answer_p99_ms", "less"},
	{"cpu_us_per_trip", "less"}, {"client_cpu_us_per_trip", "less"}, {"allocs_per_trip", "less"}, {"bytes_per_trip", "less"},
	{"durable_waits_per_trip", "less"}, {"heap_mb", "less"}, {"rss_mb", "less"}, {"reopen_seconds", "less"},
}

// print leaves out figures that one of the programs does not measure.
func print(out io.Writer, before, now *side) {
	fmt.Fprintf(out, "%d runs of each, alternating; medians\n", len(now.runs))
	fmt.Fprintf(out, "%-24s %14.14s %14s %7s  %s\n", "", before.name, now.name, "ratio", "better is")
	for _, f := range figures {
		a, ok := before.median(f.name)
		b, also := now.median(f.name)
		if !ok || !also {
			continue
		}
		ratio := "-"
		if a != 0 {
			ratio = fmt.Sprintf("%.3f", b/a)
		}
		fmt.Fprintf(out, "%-24s %14.2f %14.2f %7s  %s\n", f.name, a, b, ratio, f.better)
	}
}

func (s *side) median(figure string) (median float64, measured bool) {
	var all []float64
	for _, r := range s.runs {
		if v, ok := r[figure]; ok {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2, true
}

// output runs a program and returns its output. The error contains the program's messages.
func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it cleans up
	var stderr strings.Builder
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if ctx.Err() != nil {
		return "", errors.New("interrupted")
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(text)), nil
}
