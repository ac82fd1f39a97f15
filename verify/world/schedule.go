package world

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tripsaga/engine/sim"
)

// Kinds of fault in addition to those of [sim.Calls], with their meaning at the points where they can happen. docs/verify.md
// lists all of them in one table.
const (
	Throttle sim.Kind = "throttle" // the table is busy or two transactions conflict: nothing is written
	Gone     sim.Kind = "gone"     // the function's process ends after it
	Altered  sim.Kind = "altered"  // the delivery is repeated immediately with another input
	Down     sim.Kind = "down"     // it fails, and so does every later delivery until an operator repairs it
	Mute     sim.Kind = "mute"     // it has its effect, and its reply is lost, now and later, until an operator repairs it
	Broken   sim.Kind = "broken"   // it fails with an error that is not retried, until an operator repairs it; only in scenarios
	Crash    sim.Kind = "crash"    // the whole process is killed before it, and started again
	Crashed  sim.Kind = "crashed"  // the whole process is killed after it, and started again
	Leave    sim.Kind = "leave"    // the client gets an error and does not come back
	Doze     sim.Kind = "doze"     // it fails, and the whole process is killed half-way through the wait for the next attempt
	Nap      sim.Kind = "nap"      // it never arrives, and the whole process is killed half-way through its time-out

	// Time passes just before the point: the machine is suspended, or the process is off.
	Hour      sim.Kind = "hour"
	Day       sim.Kind = "day"
	Fortnight sim.Kind = "fortnight" // 15 days
	Break     sim.Kind = "break"     // the process is off for an hour
	Weekend   sim.Kind = "weekend"   // off for two days
	Holidays  sim.Kind = "holidays"  // off for 15 days

	// Another actor works between two operations. With -N@POINT it is paused before its N-th operation and resumes at that
	// point.
	Rival   sim.Kind = "rival"   // a second engine opens on the same table just before it
	Redrive sim.Kind = "redrive" // an operator redrives the stopped sagas just before it
)

// words are the kinds that every program can meet. The place of a failure determines its error.
var words = sim.Words{
	sim.Fail: sim.Nothing, sim.Lost: sim.Nothing, sim.Die: sim.Nothing, sim.Late: sim.Until, sim.Twice: sim.Nothing, sim.Again: sim.Until,
	Throttle: sim.Nothing, Gone: sim.Nothing, Altered: sim.Nothing, Down: sim.Nothing, Mute: sim.Nothing, Broken: sim.Nothing,
	Crash: sim.Count, Crashed: sim.Count, Leave: sim.Nothing, Doze: sim.Nothing, Nap: sim.Nothing,
	Hour: sim.Nothing, Day: sim.Nothing, Fortnight: sim.Nothing, Break: sim.Nothing, Weekend: sim.Nothing, Holidays: sim.Nothing,
	Redrive: sim.Split, Rival: sim.Nothing,
}

// Lasts reports whether the fault lasts until it is repaired, so that retries do not help.
func Lasts(k sim.Kind) bool { return k == Down || k == Mute || k == Broken }

// ParseFault parses a fault that the subject knows.
func (s *Subject) ParseFault(text string) (sim.Fault, error) {
	f, err := s.words().Parse(text)
	switch {
	case err != nil:
		return f, err
	case f.Last != 0:
		return f, fmt.Errorf("%q: a schedule names each delivery, such as %s#%d", text, f.At.Actor, f.At.N)
	case words[f.Kind] == sim.Until && f.Until == (sim.Label{}):
		return f, fmt.Errorf("%q: in a schedule a call resumes before a point, such as @end", text)
	}
	return f, nil
}

// Schedule is a scenario and its faults, in the order of the points.
type Schedule struct {
	Scenario string
	Order    uint64 // seed of the order of functions that are due at one instant; 0: the order in which they were queued
	Faults   []sim.Fault
}

// String returns the schedule's id.
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

// ParseSchedule parses the id that String returns.
func (s *Subject) ParseSchedule(id string) (Schedule, error) {
	name, list, some := strings.Cut(id, ":")
	name, order, ordered := strings.Cut(name, "~")
	one := Schedule{Scenario: name}
	if ordered {
		var err error
		if one.Order, err = strconv.ParseUint(order, 10, 64); err != nil || one.Order == 0 {
			return one, fmt.Errorf("%q: after a ~ comes the seed of an order, a number from 1", id)
		}
	}
	if _, ok := s.Scenario(name); !ok {
		return one, fmt.Errorf("there is no scenario %q, only %s", name, strings.Join(s.ScenarioNames(), ", "))
	}
	if !some {
		return one, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		f, err := s.ParseFault(text)
		if err != nil {
			return one, err
		}
		if slices.ContainsFunc(one.Faults, func(o sim.Fault) bool { return o.At == f.At }) {
			return one, fmt.Errorf("%q: there are two faults at %s", id, f.At)
		}
		one.Faults = append(one.Faults, f)
	}
	return one, nil
}

// With returns s with one more fault.
func (s Schedule) With(f sim.Fault) Schedule {
	return Schedule{s.Scenario, s.Order, append(slices.Clip(slices.Clone(s.Faults)), f)}
}

// Without returns s without its i-th fault.
func (s Schedule) Without(i int) Schedule {
	return Schedule{s.Scenario, s.Order, slices.Delete(slices.Clone(s.Faults), i, i+1)}
}
