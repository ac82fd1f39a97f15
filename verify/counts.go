package verify

import (
	"cmp"
	"slices"
	"strings"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// Explored counts the schedules with one kind of fault at one step.
type Explored struct {
	Step      string   `json:"step"` // a task, or another actor: the engine, the client, ...
	Fault     sim.Kind `json:"fault"`
	Schedules int      `json:"schedules"`
	Broken    int      `json:"broken,omitempty"` // how many of them violated an invariant
}

// Played counts the schedules of one scenario.
type Played struct {
	Scenario  string `json:"scenario"`
	Schedules int    `json:"schedules"`
	Broken    int    `json:"broken,omitempty"`
}

// counts are the sums that take maintains: a few words for each schedule, since an exploration plays over a thousand a second.
type counts struct {
	faults    map[cell]*tally
	scenarios map[string]*tally
	coverage  coverage
}

type cell struct {
	step  string
	fault sim.Kind
}

type tally struct{ schedules, broken int }

func newCounts() counts { return counts{map[cell]*tally{}, map[string]*tally{}, coverage{}} }

func (c *counts) add(s world.Schedule, broken bool) {
	count(c.scenarios, s.Scenario, broken)
	c.coverage.add(s)
	for i, f := range s.Faults {
		at := cellOf(f)
		if !slices.ContainsFunc(s.Faults[:i], func(o sim.Fault) bool { return cellOf(o) == at }) {
			count(c.faults, at, broken)
		}
	}
}

// cellOf returns the cell of a fault. A duplicate delivery counts for its task.
func cellOf(f sim.Fault) cell { return cell{strings.TrimSuffix(f.At.Actor, "+"), f.Kind} }

func count[K comparable](all map[K]*tally, key K, broken bool) {
	t := all[key]
	if t == nil {
		t = &tally{}
		all[key] = t
	}
	t.schedules++
	if broken {
		t.broken++
	}
}

// explored lists the faults. The tasks come first, in the order of the saga.
func (c *counts) explored(subject *world.Subject) []Explored {
	list := []Explored{}
	for at, t := range c.faults {
		list = append(list, Explored{at.step, at.fault, t.schedules, t.broken})
	}
	slices.SortFunc(list, func(a, b Explored) int {
		return cmp.Or(cmp.Compare(stepOrder(subject, a.Step), stepOrder(subject, b.Step)), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Fault, b.Fault))
	})
	return list
}

func stepOrder(subject *world.Subject, step string) int {
	if i := slices.Index(subject.Steps, step); i >= 0 {
		return i
	}
	return len(subject.Steps)
}

// played lists the scenarios in the subject's order.
func (c *counts) played(subject *world.Subject) []Played {
	list := []Played{}
	for _, name := range subject.ScenarioNames() {
		if t := c.scenarios[name]; t != nil {
			list = append(list, Played{name, t.schedules, t.broken})
		}
	}
	return list
}
