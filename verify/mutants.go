package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tripsaga/barrier"
	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/verify/world"
)

// mutant is a saga with a deliberate bug, in its definition or in a wrapper around a part of the program.
type mutant struct {
	name       string
	definition []byte // nil: as it is

	table func(table.Table) table.Table
	task  func(name string, next engine.Task) engine.Task
	call  func(op string, call func() error) error
	used  *atomic.Bool // the wrapper has changed something
}

// Mutants tests whether [Run] would find the usual bugs in a saga. It introduces one bug after another and explores each
// variant: a Catch, a Retry, a time-out or a compensation is missing; a compensation writes no tombstone, or compensates again;
// a refusal that lost its race is returned; the first page is read as the whole list; an error is swallowed; the effect is
// written separately from its record; a provider is not called. It logs which invariant finds each variant, and which variants
// your own Check and Rest would miss. A variant that no schedule finds fails the test, unless Saga.Survives lists it. go test
// -short plays single faults only: it logs such a variant as one that needs pairs and does not judge it.
func Mutants(t *testing.T, s Saga) {
	t.Helper()
	p, err := s.prepare()
	if err != nil {
		t.Fatalf("verify.Saga: %v", err)
	}
	if err := p.play(t.Context(), p.config()); err != nil {
		t.Fatalf("verify: %v", err)
	}
	mutants := p.mutants()
	if err := p.checkSurvives(mutants); err != nil {
		t.Fatalf("verify.Saga: %v", err)
	}
	var missed, unjudged []string
	short := testing.Short() && s.Depth != 1
	for _, m := range mutants {
		r, err := p.explore(t.Context(), m)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		v := p.verdict(m, r, short)
		if t.Logf("%s: %s", m.name, v.text); v.wrong {
			t.Fail()
		}
		if v.unjudged {
			unjudged = append(unjudged, m.name)
		}
		if r.Found > 0 && r.Broken[userCheck]+r.Broken[userRest] == 0 {
			missed = append(missed, m.name)
		}
	}
	if len(unjudged) > 0 {
		t.Logf("NOT JUDGED by -short, of %d variants %d that single faults do not find: %s", len(mutants), len(unjudged), strings.Join(unjudged, ", "))
	}
	if s.Check != nil || s.Rest != nil {
		t.Logf("your own checks alone would miss %d: %s", len(missed), strings.Join(missed, ", "))
	}
}

// verdict is the result of the exploration of a variant.
type verdict struct {
	text     string
	wrong    bool // the test fails
	unjudged bool // it needs pairs, which were not played
}

func (p *prepared) verdict(m *mutant, r *Report, short bool) verdict {
	why, excepted := p.Survives[m.name]
	switch {
	case r.Found > 0 && excepted:
		return verdict{text: fmt.Sprintf("field Survives says that nothing finds it (%s), and %s does, by %s; take it out", why, r.Violations[0].Invariant, r.Violations[0].ID), wrong: true}
	case r.Found > 0:
		return verdict{text: fmt.Sprintf("found in %d schedules: %s by %s", r.Schedules, r.Violations[0].Invariant, r.Violations[0].ID)}
	case m.used != nil && !m.used.Load():
		return verdict{text: "does not apply, since that never happens in a schedule"}
	case excepted:
		return verdict{text: fmt.Sprintf("nothing finds it, in %d schedules, as field Survives says: %s", r.Schedules, why)}
	case short:
		return verdict{text: fmt.Sprintf("no single fault finds it, in %d schedules; it needs pairs: run without -short", r.Schedules), unjudged: true}
	}
	return verdict{text: fmt.Sprintf("nothing finds it, in %d schedules%s", r.Schedules, m.advice()), wrong: true}
}

// checkSurvives checks Saga.Survives against the existing variants.
func (p *prepared) checkSurvives(mutants []*mutant) error {
	var names []string
	for _, m := range mutants {
		names = append(names, m.name)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Survives)) {
		if !slices.Contains(names, name) {
			return fmt.Errorf("field Survives: there is no variant %q, only %q", name, names)
		}
		if strings.TrimSpace(p.Survives[name]) == "" {
			return fmt.Errorf("field Survives: %q has no reason; say why no schedule can show that it is wrong", name)
		}
	}
	return nil
}

// advice says what could find a variant that no schedule finds.
func (m *mutant) advice() string {
	const last = "; if nothing can, Survives takes it, with the reason"
	return m.more() + last
}

func (m *mutant) more() string {
	switch {
	case m.call != nil:
		return "; a Rest that compares Outside with the ends of the executions may"
	case strings.HasSuffix(m.name, " has no Catch"):
		return "; a scenario in which the step is refused may (Scenario.Fails), or an error in Refusals"
	}
	return "; a scenario in which the saga fails may (Scenario.Fails), or Compensations, Amounts, Refusals, Check and Rest"
}

// explore explores a variant: every single fault, then pairs if no violation was found. Runs are judged by what was learned
// from the unchanged saga.
func (p *prepared) explore(ctx context.Context, m *mutant) (*Report, error) {
	s := p.Saga
	if m.definition != nil {
		s.Definition = m.definition
	}
	s.Compensations = nil
	broken, err := s.prepare()
	if err != nil {
		return nil, err
	}
	broken.Compensations = maps.Clone(p.Compensations)
	maps.DeleteFunc(broken.Compensations, func(_, by string) bool { return !slices.Contains(broken.machine.Functions(), by) })
	broken.learned, broken.mutant = p.learned, m
	subject := broken.subject()
	for i := range subject.Scenarios {
		subject.Scenarios[i].Takes = p.base[subject.Scenarios[i].Name].takes
	}
	opt := broken.options(world.Config{Subject: subject, Patience: max(p.Patience, patience)})
	deepest, oneIn := opt.Depth, opt.OneIn
	opt.Depth, opt.Triples = 1, 0
	if deepest > 1 {
		opt.OneIn = 1 // it only applies to pairs
	}
	r, err := Explore(ctx, opt)
	if err == nil && r.Found == 0 && deepest > 1 && (m.used == nil || m.used.Load()) {
		opt.Depth, opt.OneIn, opt.Enough = deepest, oneIn, true
		return Explore(ctx, opt)
	}
	return r, err
}

// mutants lists the variants of the saga.
func (p *prepared) mutants() []*mutant {
	all := p.edits()
	for _, name := range p.machine.Functions() {
		all = append(all, swallowing(name))
	}
	var ops []string
	for _, b := range p.base {
		for op := range b.ops {
			if !slices.Contains(ops, op) {
				ops = append(ops, op)
			}
		}
	}
	slices.Sort(ops)
	for _, op := range ops {
		all = append(all, unasked(op))
	}
	return append(all, p.tables()...)
}

// edits returns variants of the definition, each without one of the fields or states that make a saga safe.
func (p *prepared) edits() (all []*mutant) {
	for _, s := range p.machine.States() {
		for _, field := range []string{"Catch", "Retry", "TimeoutSeconds"} {
			if p.machine.Field(s.Name, field) != nil && (s.Type == "Task" || field != "TimeoutSeconds") {
				all = append(all, &mutant{name: s.Name + " has no " + field, definition: p.edited(s.Name, func(state map[string]any) { delete(state, field) })})
			}
		}
		if s.Function != "" && p.compensates(s.Function) {
			all = append(all, &mutant{name: s.Name + " is left out", definition: p.edited(s.Name, func(state map[string]any) {
				kept := map[string]any{"Type": "Pass"}
				for _, field := range []string{"Next", "End"} {
					if state[field] != nil {
						kept[field] = state[field]
					}
				}
				clear(state)
				maps.Copy(state, kept)
			})})
		}
	}
	return all
}

// edited returns the definition after an edit of a state, without the states that have become unreachable.
func (p *prepared) edited(name string, edit func(state map[string]any)) []byte {
	var machine map[string]any
	_ = json.Unmarshal(p.Definition, &machine) // it was parsed before
	eachGraph(machine, func(graph map[string]any) {
		states := graph["States"].(map[string]any)
		if state, ok := states[name].(map[string]any); ok {
			edit(state)
		}
		reached := map[string]bool{}
		reach(states, graph["StartAt"], reached)
		maps.DeleteFunc(states, func(name string, _ any) bool { return !reached[name] })
	})
	data, _ := json.Marshal(machine)
	return data
}

// eachGraph visits the machine, the branches of Parallel states and the processors of Map states.
func eachGraph(value any, visit func(map[string]any)) {
	switch v := value.(type) {
	case []any:
		for _, inner := range v {
			eachGraph(inner, visit)
		}
	case map[string]any:
		if _, ok := v["States"].(map[string]any); ok {
			visit(v)
		}
		for _, inner := range v {
			eachGraph(inner, visit)
		}
	}
}

// reach marks the states that a state leads to by Next and Default, anywhere in it except in its branches.
func reach(states map[string]any, name any, reached map[string]bool) {
	id, _ := name.(string)
	state, ok := states[id].(map[string]any)
	if !ok || reached[id] {
		return
	}
	reached[id] = true
	var follow func(value any)
	follow = func(value any) {
		switch v := value.(type) {
		case []any:
			for _, inner := range v {
				follow(inner)
			}
		case map[string]any:
			for field, inner := range v {
				switch field {
				case "Next", "Default":
					reach(states, inner, reached)
				case "Branches", "ItemProcessor", "Iterator":
				default:
					follow(inner)
				}
			}
		}
	}
	follow(state)
}

// swallowing is the variant in which a task reports success after an error that a retry may cure.
func swallowing(function string) *mutant {
	m := &mutant{name: function + " swallows an error", used: new(atomic.Bool)}
	m.task = func(name string, next engine.Task) engine.Task {
		if name != function {
			return next
		}
		return func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
			out, err := next(ctx, in)
			if err == nil || errors.Is(err, engine.ErrNoReply) {
				return out, err
			}
			m.used.Store(true)
			return json.RawMessage(`{}`), nil
		}
	}
	return m
}

// unasked is the variant in which a provider call is not made and counts as successful.
func unasked(op string) *mutant {
	return &mutant{name: "the provider is not asked: " + op, call: func(called string, call func() error) error {
		if called == op {
			return nil
		}
		return call()
	}}
}

// tables returns variants of how the barrier uses the table.
func (p *prepared) tables() []*mutant {
	return []*mutant{
		writing("a compensation writes no tombstone", func(ctx context.Context, t table.Table, rec record, ops []table.Op) (bool, error) {
			return rec.State == barrier.Undone && ops[0].Cond == table.Absent, nil
		}),
		writing("a refusal that lost its race is answered", func(ctx context.Context, t table.Table, rec record, ops []table.Op) (bool, error) {
			if rec.State != barrier.Refused {
				return false, nil
			}
			err := t.Transact(ctx, ops...)
			if table.IsConflict(err) {
				return true, nil
			}
			return false, err
		}),
		writing("the effect is written after its record, apart", func(ctx context.Context, t table.Table, _ record, ops []table.Op) (bool, error) {
			if len(ops) < 2 {
				return false, nil
			}
			return true, errors.Join(t.Transact(ctx, ops[0]), t.Transact(ctx, ops[1:]...))
		}),
		p.again(), anyInput(), firstPage(),
	}
}

// writing is a variant whose table treats some transactions with a step's record differently. do reports whether it has handled
// the transaction, which is then left out.
func writing(name string, do func(ctx context.Context, t table.Table, rec record, ops []table.Op) (bool, error)) *mutant {
	m := &mutant{name: name, used: new(atomic.Bool)}
	m.table = func(t table.Table) table.Table { return writer{t, m.used, do} }
	return m
}

type writer struct {
	table.Table
	used *atomic.Bool
	do   func(ctx context.Context, t table.Table, rec record, ops []table.Op) (bool, error)
}

// Transact implements table.Table.
func (w writer) Transact(ctx context.Context, ops ...table.Op) error {
	if len(ops) > 0 && ops[0].Kind == table.OpPut {
		if rec, ok := recordOf(ops[0].Item); ok {
			done, err := w.do(ctx, w.Table, rec, ops)
			if done {
				w.used.Store(true)
			}
			if done || err != nil {
				return err
			}
		}
	}
	return w.Table.Transact(ctx, ops...)
}

// Sync passes the call on: embedding the interface hides the method.
func (w writer) Sync(ctx context.Context) error { return table.Sync(ctx, w.Table) }

// again is the variant in which compensations read a record as it was before they compensated.
func (p *prepared) again() *mutant {
	m := &mutant{name: "a compensation that is repeated compensates again", used: new(atomic.Bool)}
	m.table = func(t table.Table) table.Table {
		return reader{Table: t, get: func(ctx context.Context, item table.Item) table.Item {
			info, _ := engine.InfoOf(ctx)
			rec, ok := recordOf(item)
			if ok && rec.State == barrier.Undone && rec.Fingerprint != "" && p.compensates(info.Function) {
				m.used.Store(true)
				item.Data = bytes.Replace(item.Data, []byte(`"UNDONE"`), []byte(`"DONE"`), 1)
			}
			return item
		}}
	}
	return m
}

// anyInput is the variant in which each record is read with the fingerprint of the newest input.
func anyInput() *mutant {
	m := &mutant{name: "a step that is done answers another input", used: new(atomic.Bool)}
	m.table = func(t table.Table) table.Table {
		var mu sync.Mutex
		asked := map[table.Key]string{}
		return reader{Table: t,
			put: func(op table.Op) {
				if rec, ok := recordOf(op.Item); ok && op.Kind == table.OpPut {
					mu.Lock()
					defer mu.Unlock()
					asked[op.Key] = rec.Fingerprint
				}
			},
			get: func(_ context.Context, item table.Item) table.Item {
				mu.Lock()
				defer mu.Unlock()
				if rec, ok := recordOf(item); ok && rec.Fingerprint != "" && asked[item.Key] != "" && rec.Fingerprint != asked[item.Key] {
					m.used.Store(true)
					item.Data = bytes.ReplaceAll(item.Data, []byte(rec.Fingerprint), []byte(asked[item.Key]))
				}
				return item
			}}
	}
	return m
}

// firstPage is the variant in which the first page of a list is read as the whole list. Pages have one item.
func firstPage() *mutant {
	m := &mutant{name: "the first page is taken for all", used: new(atomic.Bool)}
	m.table = func(t table.Table) table.Table {
		return reader{Table: t, page: func(q table.Query, page table.Page) table.Page {
			if page.Cursor != "" && len(page.Items) > 0 && !strings.HasPrefix(q.PK, "EXEC") && !strings.HasPrefix(q.PK, "NOTICE#") {
				m.used.Store(true)
				page.Cursor = ""
			}
			return page
		}}
	}
	return m
}

// reader is a table that changes what is read.
type reader struct {
	table.Table
	put  func(table.Op)
	get  func(context.Context, table.Item) table.Item
	page func(table.Query, table.Page) table.Page
}

// Get implements table.Table.
func (r reader) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	item, ok, err := r.Table.Get(ctx, key)
	if ok && r.get != nil {
		item = r.get(ctx, item)
	}
	return item, ok, err
}

// Query implements table.Table.
func (r reader) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := r.Table.Query(ctx, q)
	if err == nil && r.page != nil {
		page = r.page(q, page)
	}
	return page, err
}

// Transact implements table.Table.
func (r reader) Transact(ctx context.Context, ops ...table.Op) error {
	if r.put != nil && len(ops) > 0 {
		r.put(ops[0])
	}
	return r.Table.Transact(ctx, ops...)
}

// Sync passes the call on.
func (r reader) Sync(ctx context.Context) error { return table.Sync(ctx, r.Table) }
