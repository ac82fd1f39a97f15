package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/story"
	"tripsaga/verify/world"
)

// The formats in which a schedule is shown, see AsVariable.
const (
	asTimeline = "timeline"
	asStory    = "story"
	asMermaid  = "mermaid"
	asTest     = "test"
)

// chosen returns the only schedule for Run to play and the format in which to show it; ok is false if ReplayVariable is not
// set.
func chosen(t *testing.T) (id, as string, ok bool) {
	t.Helper()
	if id, ok := again.schedule(t.Name()); ok {
		return id, asTimeline, true
	}
	id, as = os.Getenv(ReplayVariable), os.Getenv(AsVariable)
	forms := []string{asTimeline, asStory, asMermaid, asTest}
	switch {
	case as != "" && !slices.Contains(forms, as):
		t.Fatalf("%s is %q; allowed are %s", AsVariable, as, strings.Join(forms, ", "))
	case as != "" && id == "":
		t.Fatalf("%s is %s, and %s has no schedule to show", AsVariable, as, ReplayVariable)
	}
	return id, cmp.Or(as, asTimeline), id != ""
}

// replay plays one schedule and shows it. An id "" means that the schedule belongs to another test.
func replay(t *testing.T, cfg world.Config, id, as string) {
	t.Helper()
	if id == "" {
		return
	}
	s, err := cfg.Subject.ParseSchedule(id)
	if err != nil {
		t.Fatalf("%s: %v", ReplayVariable, err)
	}
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	text, r, err := shown(t, w, s, as)
	if err == nil && !r.Hung {
		err = Missed(s, r)
	}
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	if len(r.Violations) > 0 {
		t.Error("\n" + text)
		return
	}
	t.Log("\n" + text)
}

func shown(t *testing.T, w *world.World, s world.Schedule, as string) (string, *world.Result, error) {
	if as == asTimeline {
		return timeline(t.Context(), w, s, 0)
	}
	trace, err := w.Trace(t.Context(), s)
	if err != nil {
		return "", nil, err
	}
	switch as {
	case asStory:
		return story.Text(w.Subject(), trace), trace.Result, nil
	case asMermaid:
		return story.Mermaid(w.Subject(), trace), trace.Result, nil
	}
	code, err := testFile(".", t.Name(), s)
	return code, trace.Result, err
}

// mostPoints is the maximum length of the timeline in a failure: a hundred retries are not worth reading.
const mostPoints = 60

// mostViolations is the maximum number of violations shown: a task that always panics has one in each delivery.
const mostViolations = 5

// shortest describes the first violation of a report, by its shortest schedule.
func shortest(ctx context.Context, cfg world.Config, r *Report, test string) (string, error) {
	w, err := world.New(cfg)
	if err != nil {
		return "", err
	}
	defer w.Close()
	first := r.Violations[0]
	if first.hung { // a replay would hang as well
		return fmt.Sprintf("%s is broken, and the exploration has ended there, after %d schedules.\n\nSchedule    %s\nViolation   %s\n\nAgain: %s='%s' %s\n",
			first.Invariant, r.Schedules, first.ID, first.Detail, ReplayVariable, first.ID, command(test)), nil
	}
	s, err := cfg.Subject.ParseSchedule(first.ID)
	if err != nil {
		return "", err
	}
	if s, err = Shrink(ctx, w, s, first.Invariant); err != nil {
		return "", err
	}
	trace, err := w.Trace(ctx, s)
	if err != nil {
		return "", err
	}
	what, _, err := timeline(ctx, w, s, mostPoints)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s is broken in %d of %d schedules. The shortest:\n\n%s\n\n%s", first.Invariant, r.Broken[first.Invariant], r.Schedules,
		story.Short(w.Subject(), trace, first.Invariant), what)
	fmt.Fprintf(&text, "\nAgain: %s='%s' %s\n", ReplayVariable, s, command(test))
	fmt.Fprintf(&text, "With %s=%s before it as a story, with %[1]s=%[3]s as a diagram, with %[1]s=%[4]s as a Go test to keep.\n",
		AsVariable, asStory, asMermaid, asTest)
	if n := r.Found - 1; n > 0 {
		fmt.Fprintf(&text, "%d more violations, such as\n", n)
	}
	for _, v := range r.Violations[1:min(len(r.Violations), 6)] {
		fmt.Fprintf(&text, "  %s: %s: %s\n", v.ID, v.Invariant, v.Detail)
	}
	return text.String(), nil
}

// command runs one test, from any folder of the module.
func command(test string) string {
	names := strings.Split(test, "/")
	for i, name := range names {
		names[i] = "^" + regexp.QuoteMeta(name) + "$"
	}
	pattern := strings.ReplaceAll(strings.Join(names, "/"), "'", `'\''`)
	path := "."
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		path = strings.TrimSuffix(strings.TrimSuffix(info.Path, ".test"), "_test")
	}
	return fmt.Sprintf("go test -v -run '%s' %s", pattern, path)
}

// timeline plays a schedule and describes what happens in it: the points (at most most of them, or all if it is 0), the
// records, the ends and the violations.
func timeline(ctx context.Context, w *world.World, s world.Schedule, most int) (string, *world.Result, error) {
	r, records, err := w.Replay(ctx, s)
	if err != nil {
		return "", nil, err
	}
	if r.Hung {
		return fmt.Sprintf("Schedule    %s\nViolation   %s: %s\n", s, r.Violations[0].Invariant, r.Violations[0].Detail), r, nil
	}
	trace, err := w.Trace(ctx, s)
	if err != nil {
		return "", nil, err
	}
	var out strings.Builder
	fmt.Fprintf(&out, "Schedule    %s\n", s)
	if s.Order != 0 {
		fmt.Fprintf(&out, "            what is due at one instant happens in another order, drawn by %d\n", s.Order)
	}
	out.WriteString("\nTimeline\n")
	for i := range r.Points {
		if left := len(r.Points) - most; most > 0 && left > 0 && i >= most/2 && i < most/2+left {
			if i == most/2 {
				fmt.Fprintf(&out, "              ... %d operations ...\n", left)
			}
			continue
		}
		out.WriteString(lineAt(w.Subject(), &trace.Points[i], trace.Answers) + "\n")
	}
	out.WriteString("\nRecords\n")
	for _, item := range records {
		fmt.Fprintf(&out, "  %s\n", lineOf(item))
	}
	fmt.Fprintf(&out, "\nEnds        %s\n", strings.Join(r.Statuses, ", "))
	for i, v := range r.Violations {
		if most > 0 && i == mostViolations {
			fmt.Fprintf(&out, "            ... %d more violations of this schedule ...\n", len(r.Violations)-i)
			break
		}
		fmt.Fprintf(&out, "Violation   %s: %s\n", v.Invariant, v.Detail)
	}
	return out.String(), r, nil
}

// lineAt formats one point: the operation, the error that a task has returned, and the fault.
func lineAt(subject *world.Subject, p *world.Point, answers map[sim.Label]world.Answer) string {
	line := fmt.Sprintf("  %10s  %s", p.At.Truncate(time.Millisecond), p.Label)
	if delivery, ok := p.Call(); ok && p.Where == world.AtReply && answers[delivery].Error != "" {
		line += "  " + answers[delivery].Error
	}
	if p.Hit == "" {
		return line
	}
	line += fmt.Sprintf("  <- %s: %s", p.Hit, kindMeans(subject, string(p.Hit)))
	if name := p.Injected(); name != "" {
		line += "; the error is " + name
	}
	return line
}

// lineOf formats one record as a line of limited length.
func lineOf(item table.Item) string {
	const longest = 200
	text := fmt.Sprintf("%s  %s", item.Key, item.Data)
	for _, name := range slices.Sorted(maps.Keys(item.Ints)) {
		text += fmt.Sprintf(" %s=%d", name, item.Ints[name])
	}
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "..."
	}
	return text
}
