package story

import (
	"fmt"
	"slices"
	"strings"

	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// Mermaid draws the run as a sequence diagram in Mermaid's language.
func Mermaid(s *world.Subject, trace *world.Trace) string {
	t := &teller{s, trace}
	d := drawing{teller: t}
	steps := t.steps()
	for i := range steps {
		d.draw(&steps[i])
	}
	for _, text := range t.ends(func(v judge.Violation) string { return v.Invariant + ": " + v.Detail }) {
		d.message("Note over %s: %s", d.engine(), escaped(text))
	}
	lines := d.messages
	if left := len(lines) - maxSteps; left > 0 {
		note := fmt.Sprintf("Note over %s: %d lines left out", d.engine(), left)
		lines = slices.Concat(lines[:maxSteps/2], []string{note}, lines[len(lines)-maxSteps/2:])
	}
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	for i, name := range d.names {
		fmt.Fprintf(&b, "    participant %s as %s\n", id(i), escaped(name))
	}
	for _, line := range lines {
		b.WriteString("    " + line + "\n")
	}
	return b.String()
}

// drawing collects the participants in order of appearance, and the messages between them.
type drawing struct {
	*teller
	names    []string
	messages []string
}

func id(i int) string { return fmt.Sprintf("P%d", i+1) }

func (d *drawing) participant(name string) string {
	i := slices.Index(d.names, name)
	if i < 0 {
		i, d.names = len(d.names), append(d.names, name)
	}
	return id(i)
}

func (d *drawing) engine() string { return d.participant("engine") }

// actor returns the participant for an actor; a repeated delivery belongs to its function.
func (d *drawing) actor(name string) string {
	if d.subject.IsEngine(name) || name == "" {
		return d.engine()
	}
	return d.participant(strings.TrimPrefix(d.who(name), "a repeated delivery of "))
}

func (d *drawing) message(format string, args ...any) {
	d.messages = append(d.messages, fmt.Sprintf(format, args...))
}

func (d *drawing) draw(s *step) {
	switch s.kind {
	case delivered:
		d.delivered(s)
	case ended:
		d.ended(s)
	case entered:
		who := d.actor(s.actor)
		d.message("%s->>%s: %s", who, d.engine(), escaped(strings.TrimSpace("calls "+s.saga)))
	case called:
		who, provider := d.actor(s.actor), d.participant("provider")
		if s.failed {
			d.message("%s-x%s: %s", who, provider, escaped(s.call))
			return
		}
		d.message("%s->>%s: %s", who, provider, escaped(s.call))
		if s.lost {
			d.message("%s--x%s: the reply is lost", provider, who)
		}
	case process:
		d.message("Note over %s: %s", d.engine(), escaped(s.text))
	case redriven:
		d.message("Note over %s: %s", d.engine(), escaped(d.tell(s)))
	default:
		d.message("Note over %s: %s", d.actor(s.actor), escaped(d.tell(s)))
	}
}

func (d *drawing) delivered(s *step) {
	text := s.delivery.label.String()
	switch {
	case repeated(s.actor):
		text += ": " + d.told(s.actor, s.delivery)
	case s.more > 0:
		text += fmt.Sprintf(", the first of %d equal retries over %s", s.more+1, short(s.last-s.before.at))
	case s.before != nil && s.before.label.Actor == s.actor && s.delivery.attempt > s.before.attempt:
		text += ", a retry after " + short(s.at-s.before.at)
	}
	arrow := "->>"
	if !s.delivery.answered && s.delivery.late == "" {
		arrow = "-x"
	}
	d.message("%s%s%s: %s", d.engine(), arrow, d.actor(s.actor), escaped(text))
}

func (d *drawing) ended(s *step) {
	text := escaped(d.told(s.actor, s.delivery))
	switch o := s.delivery.outcome; {
	case !o.answered:
		d.message("Note over %s: %s", d.engine(), text)
	case o.heard:
		d.message("%s-->>%s: %s", d.actor(s.actor), d.engine(), text)
	default:
		d.message("%s--x%s: %s", d.actor(s.actor), d.engine(), text)
	}
}

// longest is the maximum length of a label, in characters.
const longest = 160

// escaped returns the text as a label: one line, not too long, without characters that Mermaid or HTML interprets.
func escaped(text string) string {
	if all := []rune(plain(text)); len(all) > longest {
		text = string(all[:longest]) + "..."
	}
	text = strings.NewReplacer("#", "#35;", ";", "#59;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "%%", "#37;#37;").Replace(strings.TrimSpace(plain(text)))
	if text == "" {
		return "-"
	}
	return text
}
