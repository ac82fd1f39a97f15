package world

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kind is a way in which something goes wrong at a point.
type Kind string

// The kinds of fault, with what they mean at the points where they can happen.
const (
	Fail     Kind = "fail"     // an error, and nothing happens; of a reply: an error after the effect
	Lost     Kind = "lost"     // it happens, and the caller hears an error; of a reply: the caller hears nothing
	Throttle Kind = "throttle" // the table is busy or meets a conflict of transactions: nothing is written
	Die      Kind = "die"      // the function's process ends before it; a delivery never arrives
	Gone     Kind = "gone"     // the function's process ends after it
	Late     Kind = "late"     // the caller hears nothing; the call stands still here and goes on at another point
	Twice    Kind = "twice"    // the delivery comes twice at once; the second reply counts
	Again    Kind = "again"    // the delivery comes once more at another point
	Altered  Kind = "altered"  // the delivery comes once more at once, with another input
	Down     Kind = "down"     // it fails, and so does every later delivery until a person mends it
	Mute     Kind = "mute"     // it has its effect and nobody hears of it, now and later, until a person mends it
	Decline  Kind = "decline"  // the bank declines the card
	Crash    Kind = "crash"    // the whole process is killed before it, and started again
	Crashed  Kind = "crashed"  // the whole process is killed after it, and started again
	Leave    Kind = "leave"    // the client hears an error and does not come back

	Overdue Kind = "overdue" // the reconciler runs just before it, and finds every open trip overdue
	Load    Kind = "load"    // an inventory with one more of everything is loaded just before it
	Rival   Kind = "rival"   // a second engine opens on the same table just before it
	Redrive Kind = "redrive" // somebody redrives the stopped sagas just before it
)

// Kinds lists all of them.
func Kinds() []Kind {
	return []Kind{Fail, Lost, Throttle, Die, Gone, Late, Twice, Again, Altered, Down, Mute, Decline, Crash, Crashed, Leave,
		Overdue, Load, Rival, Redrive}
}

// Lasting tells that the fault is there until it is mended, so that retries do not help.
func (k Kind) Lasting() bool { return k == Down || k == Mute }

// Diverts tells that the saga takes another way after the fault, whatever it tries again.
func (k Kind) Diverts() bool { return k.Lasting() || k == Decline }

// Fault is what happens at one point.
type Fault struct {
	At    Label
	Kind  Kind
	Until Label // Late, Again: the point before which the call goes on
	Cut   int   // Crash, Crashed: how many of the newest writes that were not waited for are lost
}

func (f Fault) String() string {
	s := f.At.String() + "=" + string(f.Kind)
	switch {
	case f.Kind == Late || f.Kind == Again:
		return s + "@" + f.Until.String()
	case f.Cut > 0:
		return s + "-" + strconv.Itoa(f.Cut)
	}
	return s
}

// ParseFault reads what String writes.
func ParseFault(s string) (f Fault, err error) {
	at, what, ok := strings.Cut(s, "=")
	if !ok {
		return f, fmt.Errorf("%q is no fault, such as A.ReserveFlight#1.put1=lost", s)
	}
	if f.At, err = ParseLabel(at); err != nil {
		return f, err
	}
	kind, until, held := strings.Cut(what, "@")
	kind, cut, isCut := strings.Cut(kind, "-")
	f.Kind = Kind(kind)
	if !slices.Contains(Kinds(), f.Kind) {
		return f, fmt.Errorf("%q: there is no fault %q, only %q", s, kind, Kinds())
	}
	if held != (f.Kind == Late || f.Kind == Again) || isCut && f.Kind != Crash && f.Kind != Crashed {
		return f, fmt.Errorf("%q: late and again have a point behind an @, crash and crashed may have a number behind a -", s)
	}
	if held {
		f.Until, err = ParseLabel(until)
	}
	if isCut {
		if f.Cut, err = strconv.Atoi(cut); err == nil && f.Cut < 0 {
			err = fmt.Errorf("%q: the number is below 0", s)
		}
	}
	return f, err
}

// Schedule is a scenario and what goes wrong in it, in the order of the points.
type Schedule struct {
	Scenario string
	Order    uint64 // of what is due at one instant, drawn from this seed; 0 is that in which it was asked for
	Faults   []Fault
}

// String is the schedule's id.
func (s Schedule) String() string {
	var b strings.Builder
	b.WriteString(s.Scenario)
	if s.Order != 0 {
		b.WriteString("~" + strconv.FormatUint(s.Order, 10))
	}
	for i, f := range s.Faults {
		b.WriteString([]string{":", ","}[min(i, 1)] + f.String())
	}
	return b.String()
}

// ParseSchedule reads what String writes.
func ParseSchedule(id string) (Schedule, error) {
	name, list, some := strings.Cut(id, ":")
	name, order, ordered := strings.Cut(name, "~")
	s := Schedule{Scenario: name}
	if ordered {
		var err error
		if s.Order, err = strconv.ParseUint(order, 10, 64); err != nil || s.Order == 0 {
			return s, fmt.Errorf("%q: behind a ~ stands the seed of an order, a number from 1", id)
		}
	}
	if _, ok := scenarioNamed(name); !ok {
		return s, fmt.Errorf("there is no scenario %q, only %q", name, ScenarioNames())
	}
	if !some {
		return s, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		f, err := ParseFault(text)
		if err != nil {
			return s, err
		}
		if slices.ContainsFunc(s.Faults, func(o Fault) bool { return o.At == f.At }) {
			return s, fmt.Errorf("%q: there are two faults at %s", id, f.At)
		}
		s.Faults = append(s.Faults, f)
	}
	return s, nil
}

// With is s and one more fault.
func (s Schedule) With(f Fault) Schedule {
	return Schedule{s.Scenario, s.Order, append(slices.Clip(slices.Clone(s.Faults)), f)}
}

// Without is s without its i-th fault.
func (s Schedule) Without(i int) Schedule {
	return Schedule{s.Scenario, s.Order, slices.Delete(slices.Clone(s.Faults), i, i+1)}
}
