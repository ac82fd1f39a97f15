package story

import (
	"fmt"
	"strings"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// phrases describe the faults that every program can meet. %s is the affected operation, such as "the write put1 of
// ReserveHotel". The faults of a subject are described by their Means.
var phrases = map[sim.Kind]string{
	sim.Fail:       "%s failed",
	sim.Lost:       "%s was lost",
	sim.Die:        "%s never happened: the function's process ended before it",
	sim.Late:       "%s was paused, and its caller got no reply",
	sim.Twice:      "%s was repeated immediately",
	sim.Again:      "%s was to be repeated later",
	world.Throttle: "%s was refused because the table was busy",
	world.Gone:     "the function's process ended after %s",
	world.Altered:  "%s was repeated with another input",
	world.Down:     "%s failed, and so did every later one until an operator repaired it",
	world.Mute:     "all replies were lost from %s on, until an operator repaired it",
	world.Broken:   "%s failed with an error that is not retried, and so did every later one until an operator repaired it",
	world.Crash:    "the process was killed before %s",
	world.Crashed:  "the process was killed after %s",
	world.Leave:    "the client got an error at %s, and never came back",
	world.Doze:     "%s failed, and the process was killed half-way through the wait for the retry",
	world.Nap:      "no reply to %s came, and the process was killed half-way through the wait for it",

	world.Hour:      "the machine was suspended for an hour before %s",
	world.Day:       "the machine was suspended for a day before %s",
	world.Fortnight: "the machine was suspended for 15 days before %s",
	world.Break:     "the process was off for an hour before %s",
	world.Weekend:   "the process was off for two days before %s",
	world.Holidays:  "the process was off for 15 days before %s",

	world.Rival:   "a second engine opened on the same table before %s",
	world.Redrive: "an operator redrove the stopped sagas before %s",
}

// struck describes what went wrong at a point.
func (t *teller) struck(f sim.Fault, p *world.Point) string {
	what := t.operation(p)
	if f.Kind == sim.Lost && p.Where != world.AtReply {
		what = "the answer to " + what
	}
	text := ""
	if phrase, ok := phrases[f.Kind]; ok {
		text = fmt.Sprintf(phrase, what)
	} else {
		text = t.means(f.Kind) + ", at " + what
	}
	switch {
	case f.Count > 0 && t.subject.Splits(f.Kind):
		text += fmt.Sprintf("; it was paused before its operation %d", f.Count)
	case f.Count > 0:
		text += fmt.Sprintf("; the newest %d writes were lost", f.Count)
	}
	if f.Until != (sim.Label{}) {
		text += "; it resumed " + until(f.Until)
	}
	return text
}

func until(l sim.Label) string {
	switch l {
	case sim.AtEnd:
		return "at the end"
	case sim.AtStop:
		return "when the saga had stopped"
	}
	return "before " + l.String()
}

func (t *teller) means(k sim.Kind) string {
	for _, f := range t.subject.Faults {
		if f.Kind == k && f.Means != "" {
			return f.Means
		}
	}
	return string(k)
}

// operation describes the operation of a point.
func (t *teller) operation(p *world.Point) string {
	who := t.who(p.Actor)
	op := fmt.Sprintf("%s%d", p.Op, p.I)
	switch p.Where {
	case world.AtDelivery:
		return fmt.Sprintf("delivery %d of %s", p.N, who)
	case world.AtReply:
		return "the reply of " + who
	case world.AtProvider:
		return fmt.Sprintf("the call %s of %s at the provider", op, who)
	case world.AtWrite, world.AtOtherWrite, world.AtEngineWrite:
		return fmt.Sprintf("the write %s of %s", op, who)
	}
	return fmt.Sprintf("the read %s of %s", op, who)
}

// who returns the name of an actor: a task's name, or the subject's word for another actor.
func (t *teller) who(actor string) string {
	name, repeated := strings.CutSuffix(actor, "+")
	if word := t.subject.Words[name]; word != "" && (t.subject.IsEngine(name) || t.subject.IsActor(name)) {
		name = word
	}
	if repeated {
		return "a repeated delivery of " + name
	}
	return name
}
