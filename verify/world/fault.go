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
	Doze     Kind = "doze"     // it fails, and the whole process is killed half-way through the wait for the next attempt
	Nap      Kind = "nap"      // it never arrives, and the whole process is killed half-way through its time-out
	Broken   Kind = "broken"   // it fails with an error that is not retried, until a person mends it; of scenarios only

	// Somebody else comes in between. With @, it is paused before its N-th operation, and resumes at another point.
	Overdue Kind = "overdue" // the reconciler runs just before it, and finds every open trip overdue
	Load    Kind = "load"    // more, at a higher price, is offered of what it is about just before it
	Lower   Kind = "lower"   // less, at a higher price, is offered of what it is about just before it
	Rival   Kind = "rival"   // a second engine opens on the same table just before it
	Redrive Kind = "redrive" // somebody redrives the stopped sagas just before it
	Rebook  Kind = "rebook"  // the client's call comes once more just before it
	Look    Kind = "look"    // somebody reads all there is to read just before it, and asks for what must be refused
	Stray   Kind = "stray"   // a payment and a confirmation of the trip are delivered out of the blue just before it
)

// Kinds lists all of them.
func Kinds() []Kind {
	return []Kind{Fail, Lost, Throttle, Die, Gone, Late, Twice, Again, Altered, Down, Mute, Decline, Crash, Crashed, Leave, Doze, Nap,
		Broken, Overdue, Load, Lower, Rival, Redrive, Rebook, Look, Stray}
}

// Lasting tells that the fault is there until it is mended, so that retries do not help.
func (k Kind) Lasting() bool { return k == Down || k == Mute || k == Broken }

// Splits tells that it is somebody else's work, which can be paused between two of its operations.
func (k Kind) Splits() bool {
	return k == Overdue || k == Load || k == Lower || k == Redrive || k == Rebook
}

// waits tells that the fault needs another point.
func (k Kind) waits() bool { return k == Late || k == Again }

// Diverts tells that the saga takes another way after the fault, whatever it tries again.
func (k Kind) Diverts() bool { return k.Lasting() || k == Decline }

// Fault is what happens at one point.
type Fault struct {
	At    Label
	Kind  Kind
	Until Label // Late, Again, and those that split: the point before which what is paused resumes
	Cut   int   // Crash, Crashed: how many of the newest writes that were not waited for are lost; of those that split: the operation before which it is paused
}

func (f Fault) String() string {
	s := f.At.String() + "=" + string(f.Kind)
	if f.Cut > 0 {
		s += "-" + strconv.Itoa(f.Cut)
	}
	if f.Until != (Label{}) {
		s += "@" + f.Until.String()
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
	if !f.Kind.takes(held, isCut) {
		return f, fmt.Errorf("%q: late and again have a point behind an @, crash and crashed may have a number behind a -, "+
			"and what somebody else does may have both", s)
	}
	if held {
		f.Until, err = ParseLabel(until)
	}
	if isCut {
		n, bad := strconv.Atoi(cut)
		if f.Cut = n; bad != nil || n < 0 || n == 0 && held {
			return f, fmt.Errorf("%q: %q is not a number of writes or operations", s, cut)
		}
	}
	return f, err
}

// takes tells whether the kind can have a point behind an @, and a number behind a -.
func (k Kind) takes(point, number bool) bool {
	switch {
	case k.waits():
		return point && !number
	case k.Splits():
		return point == number
	case k == Crash || k == Crashed:
		return !point
	}
	return !point && !number
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
