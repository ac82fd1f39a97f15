// Package story describes one run of a schedule for people: as a story in plain words, as a Mermaid sequence diagram, and as a
// Go test that plays it again. It is independent of the program; a [world.Subject] can supply words. The command tripsaga
// verify prints all three.
package story

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// The maximum length of a description: if it is longer, its middle is left out.
const (
	maxSteps      = 80
	maxViolations = 5
)

type teller struct {
	subject *world.Subject
	trace   *world.Trace
}

// Text describes the run in plain words, one line for each thing that happened.
func Text(s *world.Subject, trace *world.Trace) string {
	t := &teller{s, trace}
	var b strings.Builder
	scenario, _ := s.Scenario(trace.Schedule.Scenario)
	fmt.Fprintf(&b, "The story of %s\n(%s: %s)\n\n", trace.Schedule, scenario.Name, scenario.Means)
	for _, line := range bounded(t.lines()) {
		b.WriteString(line + "\n")
	}
	b.WriteByte('\n')
	for _, line := range t.ends(t.broken) {
		b.WriteString(sentence(line) + "\n")
	}
	return b.String()
}

func (t *teller) lines() (lines []string) {
	if t.trace.Cut {
		lines = append(lines, "            The run was too long to be recorded as a whole: what follows is its beginning.")
	}
	steps := t.steps()
	var whole *delivery // whose end is told already
	for i := range steps {
		s := &steps[i]
		text := ""
		switch {
		case s.kind == delivered && (s.more > 0 || repeated(s.actor) || endsNext(steps[i:])):
			text, whole = t.begun(s)+": "+t.told(s.actor, s.delivery), s.delivery
		case s.kind != ended || s.delivery != whole:
			text = t.tell(s)
		}
		if text == "" {
			continue
		}
		if len(t.trace.Sagas) > 1 && s.saga != "" {
			text = s.saga + ": " + text
		}
		lines = append(lines, fmt.Sprintf("  %8s  %s", short(s.at), sentence(text)))
	}
	return lines
}

// endsNext reports whether nothing is described between the beginning and the end of the first step's delivery.
func endsNext(steps []step) bool {
	for i := range steps[1:] {
		if s := &steps[i+1]; s.kind != called {
			return s.kind == ended && s.delivery == steps[0].delivery
		}
	}
	return false
}

// tell returns the sentence about a step; "" if there is nothing to say.
func (t *teller) tell(s *step) string {
	switch s.kind {
	case delivered:
		return t.begun(s)
	case ended:
		return s.actor + ": " + t.told(s.actor, s.delivery)
	case redriven:
		return "the saga had stopped, and was redriven"
	case entered:
		return t.who(s.actor) + " called the program"
	case resumed:
		if s.delivery != nil && s.delivery.late != "" {
			return "the paused call " + s.text + " resumed: " + s.delivery.late
		}
		return "the paused call " + s.text + " resumed"
	case called:
		return ""
	}
	return s.text
}

// begun describes why a delivery began.
func (t *teller) begun(s *step) string {
	d, b := s.delivery, s.before
	switch {
	case s.more > 0:
		return fmt.Sprintf("%s was retried %d times over %s, each time with the same outcome", s.actor, s.more+1, short(s.last-b.at))
	case repeated(s.actor):
		return t.who(s.actor)
	case b == nil:
		return "the saga began with " + s.actor
	case s.also && b.label.Actor != s.actor:
		return "the saga continued with " + s.actor
	case b.label.Actor == s.actor && d.attempt > b.attempt:
		return fmt.Sprintf("%s was retried after %s", s.actor, short(s.at-b.at))
	case b.label.Actor == s.actor:
		return s.actor + " was delivered again"
	}
	return t.after(b) + "the saga continued with " + s.actor
}

// after describes why the saga has left a task.
func (t *teller) after(b *delivery) string {
	o := b.outcome
	switch {
	case b.answer != "" && o.answered && o.err == "" && b.reply != sim.Fail:
		return b.label.Actor + " " + b.answer + ", and "
	case o.heard && o.err == "":
		return ""
	case o.heard:
		return o.err + " was caught, and "
	case b.attempt > 0:
		return fmt.Sprintf("the %d retries of %s ended without success, and ", b.attempt, b.label.Actor)
	}
	return "the failure was caught, and "
}

// told describes the effect of a delivery and the reply that the engine received.
func (t *teller) told(actor string, d *delivery) string {
	o, name := d.outcome, strings.TrimSuffix(actor, "+")
	what := ""
	switch {
	case o.done(name):
		what = "it succeeded"
		if word := t.subject.Words[name]; word != "" {
			what = word
		}
	case o.answered:
		what = "it answered " + o.err
	}
	silence := "it failed"
	if o.waits {
		silence = "no reply came in " + short(d.waited)
	}
	switch {
	case repeated(actor) && what != "":
		return what
	case o.heard:
		return what
	case d.reply != "" && what != "" && !o.waits:
		return what + ", and the engine got an error"
	case what != "":
		return what + ", and " + silence
	}
	return silence
}

// ends returns the sentences about the end; broken formats a violation.
func (t *teller) ends(broken func(judge.Violation) string) (lines []string) {
	for _, status := range t.statuses() {
		lines = append(lines, "in the end "+status)
	}
	if len(t.trace.Violations) == 0 {
		return append(lines, "nothing is broken")
	}
	seen := map[string]bool{}
	for _, v := range t.trace.Violations { // the first of each invariant
		if seen[v.Invariant] {
			continue
		}
		if seen[v.Invariant] = true; len(seen) > maxViolations {
			return append(lines, "more invariants are broken")
		}
		lines = append(lines, "broken: "+broken(v))
	}
	return lines
}

// broken formats a violation: its name, what must hold, and what does not.
func (t *teller) broken(v judge.Violation) string {
	all := t.subject.AllInvariants()
	if i := slices.IndexFunc(all, func(one judge.Invariant) bool { return one.Name == v.Invariant }); i >= 0 && all[i].Means != "" {
		return fmt.Sprintf("%s (%s): %s", v.Invariant, all[i].Means, v.Detail)
	}
	return v.Invariant + ": " + v.Detail
}

// bounded leaves out lines in the middle if there are too many.
func bounded(lines []string) []string {
	if len(lines) <= maxSteps {
		return lines
	}
	left := len(lines) - maxSteps
	return slices.Concat(lines[:maxSteps/2], []string{fmt.Sprintf("            ... %d lines left out ...", left)}, lines[len(lines)-maxSteps/2:])
}

// sentence returns the text as one line, with a capital letter and a full stop.
func sentence(text string) string {
	text = plain(text)
	if text != "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return strings.TrimSuffix(text, ".") + "."
}

// plain removes control characters from a text, since errors and details come from the program that is played.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return ' '
		}
		return r
	}, text)
}

func short(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	case d >= time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	case d >= time.Minute:
		return fmt.Sprintf("%.1f min", d.Minutes())
	case d >= time.Second || d == 0:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return d.Truncate(time.Millisecond).String()
}
