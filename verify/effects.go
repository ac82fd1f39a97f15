package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tripsaga/asl"
	"tripsaga/barrier"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// effects judges any saga by the records of the barrier: at the end, all effects exist or no effect does. A step's record is
// the first operation of its transaction. Which task writes which record is learned from the runs without a fault. The counters
// that a transaction changes (table.Add) belong to its record.
type effects struct {
	of  *prepared
	log []written
	all map[table.Key]*effect

	moves []move
	tasks map[use]bool // tasks that have succeeded, by execution

	ops  map[string]bool // calls of providers
	acts []act
	ids  map[use][]string // under which each step has called its provider
}

// written is a transaction with a record. A crash can lose it.
type written struct {
	position int // among the program's transactions
	key      table.Key
	call     sim.Label
	now      record
	adds     []table.Op
}

// effect is a step's record and what belongs to it.
type effect struct {
	saga, task string // of the first delivery that wrote it: the step, or its compensation if that came first
	now        record
	started    bool              // it was STARTED: a provider may have acted
	counters   map[counter]int64 // changed by all transactions with the record
}

type counter struct {
	key  table.Key
	attr string
}

type record = barrier.Record[json.RawMessage]

func newEffects(of *prepared) effects {
	return effects{of: of, all: map[table.Key]*effect{}, tasks: map[use]bool{}, ops: map[string]bool{}, ids: map[use][]string{}}
}

// recordOf reads a record; ok is false for other items.
func recordOf(item table.Item) (rec record, ok bool) {
	rec, err := barrier.Decode[json.RawMessage](item)
	if err != nil {
		return rec, false
	}
	switch rec.State {
	case barrier.Started, barrier.Done, barrier.Refused, barrier.Undone:
		return rec, true
	}
	return rec, false
}

// closed reports whether the step has no effect and can have none later.
func closed(rec record) bool {
	return rec.State == barrier.Undone || rec.State == barrier.Refused && !rec.Open
}

func (e *effects) commit(c *sagaCast, call sim.Label, ops []table.Op, before world.Lookup) []judge.Violation {
	if call == (sim.Label{}) || len(ops) == 0 {
		return nil
	}
	e.moved(c, call, ops, before)
	if ops[0].Kind != table.OpPut || strings.HasPrefix(ops[0].Key.PK, outside) {
		return nil
	}
	rec, ok := recordOf(ops[0].Item)
	if !ok {
		return nil
	}
	w := written{position: c.Committed(), key: ops[0].Key, call: call, now: rec}
	for i := range ops {
		if ops[i].Kind == table.OpAdd {
			w.adds = append(w.adds, ops[i])
		}
	}
	e.log = append(e.log, w)
	now := e.apply(w)
	item, had := before(w.key)
	found := e.mayWrite(now, w, had)
	was, judged := recordOf(item)
	if had && judged && !mayFollow(was, rec) {
		found = append(found, judge.Violation{Invariant: recordKept, Detail: fmt.Sprintf("%s changes the record %s from %s to %s", call, w.key, textOf(was), textOf(rec))})
	}
	if now.started && (closed(rec) || rec.State == barrier.Done) {
		found = append(found, e.askedFor(now, call, w.key)...)
	}
	if !closed(rec) {
		return found
	}
	for at, n := range now.counters {
		if n != 0 && !slices.Contains(e.of.Statistics, at.attr) {
			found = append(found, judge.Violation{Invariant: effectReversed, Detail: fmt.Sprintf("%s writes the record %s as %s, and %s of %s is off by %+d",
				call, w.key, rec.State, at.attr, at.key, n)})
		}
	}
	slices.SortFunc(found, func(a, b judge.Violation) int { return strings.Compare(a.Detail, b.Detail) })
	return found
}

// mayWrite judges which delivery writes a record: only deliveries of one execution may, and a compensation only for a step that
// has a record.
func (e *effects) mayWrite(f *effect, w written, had bool) (found []judge.Violation) {
	if f.saga != w.call.Saga {
		found = append(found, judge.Violation{Invariant: recordShared, Detail: fmt.Sprintf("%s writes the record %s, which is one of saga %s", w.call, w.key, f.saga)})
	}
	for task, by := range e.of.Compensations {
		if by == w.call.Actor && !had && w.now.State == barrier.Undone && !e.of.records[task] && e.tasks[use{saga: w.call.Saga, task: task}] {
			found = append(found, judge.Violation{Invariant: answerFits, Detail: fmt.Sprintf("%s compensates %s, which has succeeded, by the record %s that %s never writes", w.call, task, w.key, task)})
		}
	}
	return found
}

// apply adds a transaction to the effects.
func (e *effects) apply(w written) *effect {
	f := e.all[w.key]
	if f == nil {
		f = &effect{saga: w.call.Saga, task: taskOf(w.call), counters: map[counter]int64{}}
		e.all[w.key] = f
	}
	f.now = w.now
	f.started = f.started || w.now.State == barrier.Started
	for _, op := range w.adds {
		f.counters[counter{op.Key, op.Attr}] += op.Delta
	}
	return f
}

// mayFollow reports whether the barrier can change a record from was to now.
func mayFollow(was, now record) bool {
	if was.Fingerprint != now.Fingerprint {
		return false
	}
	switch {
	case was.State == barrier.Started:
		return now.State != barrier.Started
	case was.State == barrier.Done:
		return now.State == barrier.Undone
	case was.State == barrier.Refused && was.Open:
		return now.State == barrier.Refused && !now.Open
	}
	return false
}

func textOf(rec record) string {
	if rec.Open {
		return string(rec.State) + " (open)"
	}
	return string(rec.State)
}

// reset removes the transactions that a crash has lost: all but the program's first n.
func (e *effects) reset(n int) {
	e.log = slices.DeleteFunc(e.log, func(w written) bool { return w.position > n })
	e.moves = slices.DeleteFunc(e.moves, func(m move) bool { return m.position > n })
	clear(e.all)
	clear(e.tasks)
	for _, w := range e.log {
		e.apply(w)
	}
}

// answered judges the success of a task: its record must agree.
func (e *effects) answered(c *sagaCast, call sim.Label) (found []judge.Violation) {
	e.tasks[use{saga: call.Saga, task: call.Actor}] = true
	base := e.of.base[c.scenario.Name]
	if base == nil {
		return nil
	}
	found = e.owned(call)
	var wrong []judge.Violation
	records := 0
	for _, key := range base.keys {
		f := base.effects[key]
		if f.saga != call.Saga {
			continue
		}
		item, ok := c.Item(key)
		rec, _ := recordOf(item)
		if f.task == call.Actor && e.of.does[f.task] {
			if records++; rec.State != barrier.Done {
				wrong = append(wrong, judge.Violation{Invariant: answerFits, Detail: fmt.Sprintf("%s succeeds, and the record %s %s", call, key, says(rec, ok))})
			}
		}
		if e.of.Compensations[f.task] == call.Actor {
			if records++; !(ok && closed(rec)) {
				wrong = append(wrong, judge.Violation{Invariant: answerFits, Detail: fmt.Sprintf(
					"%s succeeds, which compensates %s, and the record %s %s", call, f.task, key, says(rec, ok))})
			}
		}
	}
	if records > 1 && len(wrong) < records { // a Map state: the delivery is about one of them
		return found
	}
	return append(found, wrong...)
}

// owned judges the success of a task that leaves a record: the record must belong to the task's execution.
func (e *effects) owned(call sim.Label) []judge.Violation {
	if !e.of.does[call.Actor] {
		return nil
	}
	var others []table.Key
	for key, f := range e.all {
		switch {
		case f.task != call.Actor:
		case f.saga == call.Saga:
			return nil
		default:
			others = append(others, key)
		}
	}
	if len(others) == 0 {
		return nil
	}
	slices.SortFunc(others, compareKeys)
	return []judge.Violation{{Invariant: recordShared, Detail: fmt.Sprintf("%s succeeds by a record of another execution, such as %s", call, others[0])}}
}

func says(rec record, ok bool) string {
	if !ok {
		return "does not exist"
	}
	return "is " + textOf(rec)
}

// final judges the records at the end: an execution that succeeded has all its effects, one that failed has no effect.
func (e *effects) final(c *sagaCast) (found []judge.Violation) {
	for i := range c.sagas {
		status := asl.Status(c.Execution(i, 0))
		found = append(found, e.recorded(c, i, status)...)
		found = append(found, e.left(c, i, status)...)
		found = append(found, e.atProviders(c, i, status)...)
	}
	return found
}

// recorded judges the records of an execution.
func (e *effects) recorded(c *sagaCast, i int, status asl.Status) (found []judge.Violation) {
	s, base := &c.sagas[i], e.of.base[c.scenario.Name]
	wrong := func(key table.Key, f *effect, says string) {
		found = append(found, judge.Violation{Invariant: everyOrNone, Detail: fmt.Sprintf("saga %s is %s, and the record %s of %s %s", s.Name, status, key, f.task, says)})
	}
	done := map[string]int{}
	for _, key := range slices.SortedFunc(maps.Keys(e.all), compareKeys) {
		f := e.all[key]
		if f.saga != s.Name || closed(f.now) {
			continue
		}
		if f.now.State == barrier.Done {
			done[f.task]++
		}
		if judged := e.of.does[f.task] || e.of.compensates(f.task); judged &&
			(status == asl.Failed && !c.Halted(&s.Saga) || f.now.State != barrier.Done && status == asl.Succeeded) {
			wrong(key, f, "is "+textOf(f.now))
		}
	}
	if status != asl.Succeeded || !base.succeeded(i) {
		return found
	}
	for _, key := range base.keys {
		f := base.effects[key]
		item, ok := c.Item(key)
		if rec, _ := recordOf(item); f.saga == s.Name && base.does(f) && !e.of.isOptional(f.task) && rec.State != barrier.Done {
			wrong(key, f, says(rec, ok))
		}
	}
	return append(found, e.once(s.Name, done, base)...)
}

// once judges the number of DONE records of each task in an execution that has succeeded: it must be the number without a
// fault.
func (e *effects) once(saga string, done map[string]int, base *baseline) (found []judge.Violation) {
	for task, n := range base.done(saga) {
		if done[task] > n {
			found = append(found, judge.Violation{Invariant: everyOrNone, Detail: fmt.Sprintf("saga %s has succeeded, and %d records of %s are DONE; without a fault %d",
				saga, done[task], task, n)})
		}
	}
	slices.SortFunc(found, func(a, b judge.Violation) int { return strings.Compare(a.Detail, b.Detail) })
	return found
}

func compareKeys(a, b table.Key) int {
	return strings.Compare(a.PK+"\x00"+a.SK, b.PK+"\x00"+b.SK)
}
