package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tripsaga/asl"
	"tripsaga/barrier"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/verify/judge"
	"tripsaga/verify/world"
)

// effects judges a saga by what the barrier has recorded, whatever the saga is about: every effect is there in the end, or
// none. A step's record is the first operation of its transaction. Which task has which record is learned from the runs
// without a fault. The counters that a transaction changes (table.Add) belong to the record in it.
type effects struct {
	of  *prepared
	log []written
	all map[table.Key]*effect

	ops   map[string]bool        // calls of providers
	calls map[sim.Label][]string // of providers, that succeeded: what they were about, by delivery
	ids   map[use]string         // under which each step has called its provider
}

// use is a call that a step makes in each of its deliveries.
type use struct{ saga, task, op string }

// written is a transaction with a record. A crash may lose it.
type written struct {
	position int // of the program's transactions
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

// baseline is a scenario without a fault.
type baseline struct {
	takes    time.Duration
	statuses []asl.Status
	effects  map[table.Key]*effect
	keys     []table.Key     // of the effects, in order
	ops      map[string]bool // calls of providers
}

func newEffects(of *prepared) effects {
	return effects{of: of, all: map[table.Key]*effect{}, ops: map[string]bool{}, calls: map[sim.Label][]string{}, ids: map[use]string{}}
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

// closed reports whether nothing of the step is there, and never will be.
func closed(rec record) bool {
	return rec.State == barrier.Undone || rec.State == barrier.Refused && !rec.Open
}

func (e *effects) commit(c *sagaCast, call sim.Label, ops []table.Op, before world.Lookup) []judge.Violation {
	if call == (sim.Label{}) || len(ops) == 0 || ops[0].Kind != table.OpPut || strings.HasPrefix(ops[0].Key.PK, outside) {
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
	was, judged := recordOf(item)
	found := []judge.Violation(nil)
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
		if n != 0 {
			found = append(found, judge.Violation{Invariant: effectReversed, Detail: fmt.Sprintf("%s writes the record %s as %s, and %s of %s is off by %+d",
				call, w.key, rec.State, at.attr, at.key, n)})
		}
	}
	slices.SortFunc(found, func(a, b judge.Violation) int { return strings.Compare(a.Detail, b.Detail) })
	return found
}

// apply makes a transaction part of the effects.
func (e *effects) apply(w written) *effect {
	f := e.all[w.key]
	if f == nil {
		f = &effect{saga: w.call.Saga, task: strings.TrimSuffix(w.call.Actor, "+"), counters: map[counter]int64{}}
		e.all[w.key] = f
	}
	f.now = w.now
	f.started = f.started || w.now.State == barrier.Started
	for _, op := range w.adds {
		f.counters[counter{op.Key, op.Attr}] += op.Delta
	}
	return f
}

// asks judges a call of a provider before it is made: the step's record is durable, so that a crash leaves a trace of the call,
// and each delivery of the step calls under one id.
func (e *effects) asks(c *sagaCast, op, id string) {
	e.ops[op] = true
	call, ok := c.Delivery()
	base := e.of.base[c.scenario.Name]
	if !ok || base == nil {
		return
	}
	task := strings.TrimSuffix(call.Actor, "+")
	for _, key := range base.keys {
		f := base.effects[key]
		if !f.started || f.saga != call.Saga || f.task != task {
			continue
		}
		if _, there := c.Lasting(key); !there {
			c.Violation(recordFirst, "%s calls the provider (%s of %s), and a crash now would leave no record %s", call, op, id, key)
		}
		is := use{call.Saga, task, op}
		if first := e.ids[is]; first != "" && first != id {
			c.Violation(idKept, "%s calls the provider (%s) about %s, and a delivery before it about %s", call, op, id, first)
		}
		e.ids[is] = id
	}
}

// acted notes a call of a provider that succeeded.
func (e *effects) acted(c *sagaCast, id string) {
	if call, ok := c.Delivery(); ok {
		e.calls[call] = append(e.calls[call], id)
	}
}

// askedFor judges an answer about a step at a provider: the delivery that records it has asked the provider, about what the
// step has done there.
func (e *effects) askedFor(f *effect, call sim.Label, key table.Key) []judge.Violation {
	var known []string
	for is, id := range e.ids {
		if is.saga == f.saga && is.task == f.task {
			known = append(known, id)
		}
	}
	slices.Sort(known)
	asked := e.calls[call]
	if len(asked) > 0 && (len(known) == 0 || slices.ContainsFunc(asked, func(id string) bool { return slices.Contains(known, id) })) {
		return nil
	}
	return []judge.Violation{{Invariant: providerAsked, Detail: fmt.Sprintf("%s writes the record %s as %s, and has called no provider about %s with success",
		call, key, textOf(f.now), strings.Join(known, ", "))}}
}

// mayFollow reports whether the barrier ever changes a record so.
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

// reset forgets the transactions that a crash has lost: all but the first n of the program.
func (e *effects) reset(n int) {
	e.log = slices.DeleteFunc(e.log, func(w written) bool { return w.position > n })
	clear(e.all)
	for _, w := range e.log {
		e.apply(w)
	}
}

// answered judges the success of a task: the record says the same.
func (e *effects) answered(c *sagaCast, call sim.Label) (found []judge.Violation) {
	base := e.of.base[c.scenario.Name]
	if base == nil {
		return nil
	}
	for _, key := range base.keys {
		f := base.effects[key]
		if f.saga != call.Saga {
			continue
		}
		item, ok := c.Item(key)
		rec, _ := recordOf(item)
		does := f.task == call.Actor && base.does(f)
		if does && rec.State != barrier.Done {
			found = append(found, judge.Violation{Invariant: answerFits, Detail: fmt.Sprintf("%s succeeds, and the record %s %s", call, key, says(rec, ok))})
		}
		if e.of.Compensations[f.task] == call.Actor && !(ok && closed(rec)) {
			found = append(found, judge.Violation{Invariant: answerFits, Detail: fmt.Sprintf(
				"%s succeeds, which compensates %s, and the record %s %s", call, f.task, key, says(rec, ok))})
		}
	}
	return found
}

func says(rec record, ok bool) string {
	if !ok {
		return "does not exist"
	}
	return "is " + textOf(rec)
}

// does reports whether the effect is there in the end.
func (b *baseline) does(f *effect) bool { return f.now.State == barrier.Done }

// final judges the records at the end: every effect of an execution that succeeded is there, and none of one that failed.
func (e *effects) final(c *sagaCast) (found []judge.Violation) {
	base := e.of.base[c.scenario.Name]
	for i, s := range c.sagas {
		status := asl.Status(c.Execution(i, 0))
		for _, key := range slices.SortedFunc(maps.Keys(e.all), compareKeys) {
			f := e.all[key]
			if f.saga != s.Name || closed(f.now) || !e.of.does[f.task] && !e.of.compensates(f.task) {
				continue
			}
			if status == asl.Failed && !c.Halted(&s.Saga) || f.now.State != barrier.Done && status == asl.Succeeded {
				found = append(found, judge.Violation{Invariant: everyOrNone, Detail: fmt.Sprintf("saga %s is %s, and the record %s of %s is %s",
					s.Name, status, key, f.task, textOf(f.now))})
			}
		}
		if status != asl.Succeeded || base == nil || base.statuses[i] != asl.Succeeded {
			continue
		}
		for _, key := range base.keys {
			f := base.effects[key]
			item, ok := c.Item(key)
			if rec, _ := recordOf(item); f.saga == s.Name && base.does(f) && rec.State != barrier.Done {
				found = append(found, judge.Violation{Invariant: everyOrNone, Detail: fmt.Sprintf("saga %s is %s, and the record %s of %s %s",
					s.Name, status, key, f.task, says(rec, ok))})
			}
		}
	}
	return found
}

func compareKeys(a, b table.Key) int {
	return strings.Compare(a.PK+"\x00"+a.SK, b.PK+"\x00"+b.SK)
}

// compensates reports whether the task is a compensation.
func (p *prepared) compensates(task string) bool {
	for _, by := range p.Compensations {
		if by == task {
			return true
		}
	}
	return false
}

// learn notes a run without a fault.
func (p *prepared) learn(c *sagaCast) {
	b := &baseline{takes: c.Now(), effects: c.effects.all, ops: c.effects.ops, keys: slices.SortedFunc(maps.Keys(c.effects.all), compareKeys)}
	for i := range c.sagas {
		b.statuses = append(b.statuses, asl.Status(c.Execution(i, 0)))
	}
	p.base[c.scenario.Name] = b
	for _, f := range b.effects {
		i := slices.IndexFunc(c.sagas, func(s sagaRun) bool { return s.Name == f.saga })
		if i >= 0 && b.statuses[i] == asl.Succeeded && b.does(f) {
			p.does[f.task] = true
		}
	}
}

// The invariants of any saga, beside those of package world.
const (
	userCheck      = "check"
	userRest       = "rest"
	canBeOpened    = "can-be-opened"
	sagaStarted    = "saga-started"
	sagaEnded      = "saga-ended"
	outcomeKept    = "outcome-kept"
	stopsThere     = "stops-where-a-fault-lasts"
	recordKept     = "record-kept"
	effectReversed = "effect-reversed"
	everyOrNone    = "every-effect-or-none"
	answerFits     = "answer-fits-record"
	providerCalled = "provider-called"
	providerAsked  = "provider-asked"
	recordFirst    = "record-before-provider"
	idKept         = "one-id-at-provider"

	participantAnswers = "participant-answers"
)

func sagaInvariants() []judge.Invariant {
	return []judge.Invariant{
		{Name: userCheck, Means: "Saga.Check holds at every commit."},
		{Name: userRest, Means: "Saga.Rest holds at the end."},
		{Name: canBeOpened, Means: "The program opens with the tasks that Saga.Open returns."},
		{Name: sagaStarted, Means: "A start that is repeated gets an answer, and one that was acknowledged is never lost."},
		{Name: sagaEnded, Means: "Every saga ends: it succeeds, or fails where the definition says so."},
		{Name: outcomeKept, Means: "A saga ends as its scenario says, unless a fault outlasts its retries."},
		{Name: stopsThere, Means: "A saga stops, so that an operator must redrive it, only at a task where a fault lasts."},
		{Name: recordKept, Means: "A step's record changes as the barrier changes it: an answer that was given stays."},
		{Name: effectReversed, Means: "A compensation takes back exactly what its step has taken, once."},
		{Name: everyOrNone, Means: "In the end every effect of a saga that succeeded is there, and none of one that failed."},
		{Name: answerFits, Means: "A task succeeds only if its record says so."},
		{Name: providerAsked, Means: "A step at a provider is done or taken back only by a delivery that has asked the provider, with success."},
		{Name: recordFirst, Means: "A provider is called only when the step's record would outlast a crash."},
		{Name: idKept, Means: "All deliveries of a step call the provider about the same id, so that it acts once."},
		{Name: providerCalled, Means: "The books of providers are read and written by Program.Call only."},
		{Name: participantAnswers, Means: "A participant that is another program answers in time."},
	}
}
