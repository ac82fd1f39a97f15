package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tripsaga/asl"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/judge"
)

// use is a call that a step makes in each of its deliveries.
type use struct{ saga, task, op string }

// act is a successful call of a provider.
type act struct {
	call   sim.Label
	op, id string
	wrote  bool // in the provider's books
}

// asks judges a call of a provider before it is made. The step's record must be durable, so that a crash leaves a trace of the
// call, and all deliveries of the step must use the same id. A step of a Map state has one record and one id for each item.
func (e *effects) asks(c *sagaCast, op, id string) {
	e.ops[op] = true
	call, ok := c.Delivery()
	base := e.of.base[c.scenario.Name]
	if !ok || base == nil {
		return
	}
	is := use{call.Saga, taskOf(call), op}
	var records []table.Key
	lasting := 0
	for _, key := range base.keys {
		if f := base.effects[key]; f.started && f.saga == is.saga && f.task == is.task {
			records = append(records, key)
			if _, there := c.Lasting(key); there {
				lasting++
			}
		}
	}
	if len(records) == 0 {
		return
	}
	before := e.ids[is]
	if !slices.Contains(before, id) {
		e.ids[is] = append(before, id)
	}
	if lasting < min(len(e.ids[is]), len(records)) {
		c.Violation(recordFirst, "%s calls the provider (%s of %s), and a crash now would leave no record %s", call, op, id, textOfKeys(records))
	}
	if len(e.ids[is]) > max(len(records), len(before)) {
		c.Violation(idKept, "%s calls the provider (%s) about %s, and deliveries before it about %s", call, op, id, strings.Join(before, ", "))
	}
}

func textOfKeys(keys []table.Key) string {
	var all []string
	for _, key := range keys {
		all = append(all, key.String())
	}
	return strings.Join(all, ", ")
}

// acted records a successful call of a provider.
func (e *effects) acted(c *sagaCast, a act) {
	if call, ok := c.Delivery(); ok {
		a.call = call
		e.acts = append(e.acts, a)
	}
}

// askedFor judges the record of a step at a provider: the delivery that writes it must have called the provider, with the id
// under which the step acted.
func (e *effects) askedFor(f *effect, call sim.Label, key table.Key) []judge.Violation {
	var known []string
	for is, ids := range e.ids {
		if is.saga == f.saga && is.task == f.task {
			known = append(known, ids...)
		}
	}
	slices.Sort(known)
	records := 0 // more than one in a Map state: which id belongs to which is not known
	for _, other := range e.all {
		if other.saga == f.saga && other.task == f.task {
			records++
		}
	}
	if slices.ContainsFunc(e.acts, func(a act) bool {
		return a.call == call && (len(known) == 0 || records > 1 || slices.Contains(known, a.id))
	}) {
		return nil
	}
	return []judge.Violation{{Invariant: providerAsked, Detail: fmt.Sprintf("%s writes the record %s as %s, and has called no provider about %s with success",
		call, key, textOf(f.now), strings.Join(slices.Compact(known), ", "))}}
}

// open returns what an execution has done at providers and has not reversed since, by task and id. These are the calls that its
// steps make when it succeeds, except those that were followed by another call of the compensation or of the step itself.
func (e *effects) open(saga string) map[use]act {
	all := map[use]act{}
	for _, a := range e.acts {
		task := taskOf(a.call)
		switch {
		case a.call.Saga != saga:
		case e.of.acts[use{task: task, op: a.op}]:
			if a.wrote || !e.of.keeps[task] { // else it repeats what it has done
				all[use{saga, task, a.id}] = a
			}
		default:
			maps.DeleteFunc(all, func(is use, _ act) bool {
				return is.op == a.id && (is.task == task || e.of.Compensations[is.task] == task)
			})
		}
	}
	return all
}

// atProviders judges the effects that an execution has left at providers.
func (e *effects) atProviders(c *sagaCast, i int, status asl.Status) (found []judge.Violation) {
	s, base := &c.sagas[i], e.of.base[c.scenario.Name]
	open := e.open(s.Name)
	switch {
	case status == asl.Failed && !c.Halted(&s.Saga):
		for _, is := range slices.SortedFunc(maps.Keys(open), compareUses) {
			if by := e.of.Compensations[is.task]; by != "" {
				found = append(found, judge.Violation{Invariant: everyOrNone, Detail: fmt.Sprintf("saga %s is %s, and %s has acted at the provider (%s of %s), which %s has not reversed there since",
					s.Name, status, open[is].call, open[is].op, is.op, by)})
			}
		}
	case status == asl.Succeeded && base.succeeded(i):
		is := byTask(open)
		for _, task := range slices.Sorted(maps.Keys(base.open[i])) {
			if n := len(base.open[i][task]); len(is[task]) != n && !e.of.isOptional(task) {
				found = append(found, judge.Violation{Invariant: everyOrNone, Detail: fmt.Sprintf("saga %s is %s, and %s has acted at the provider about %d ids (%s); without a fault about %d",
					s.Name, status, task, len(is[task]), strings.Join(is[task], ", "), n)})
			}
		}
	}
	return found
}

// byTask returns the ids with which each task has acted.
func byTask(open map[use]act) map[string][]string {
	all := map[string][]string{}
	for _, is := range slices.SortedFunc(maps.Keys(open), compareUses) {
		all[is.task] = append(all[is.task], is.op)
	}
	return all
}

func compareUses(a, b use) int {
	return strings.Compare(a.task+"\x00"+a.op, b.task+"\x00"+b.op)
}
