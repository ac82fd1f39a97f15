// Package world plays one schedule of faults against a real program of sagas, a [Subject]: its definitions, engines, tasks,
// barrier and table, in virtual time and on one thread, so that a schedule always gives the same bytes. Package verify calls it
// hundreds of thousands of times.
//
// There is no list of places where something can go wrong. The world wraps the parts (the table, by package table/faulty; the
// tasks; the providers) and labels every operation when it happens: a [Point]. A fault names a point by its label, so that a
// schedule means the same when other faults are removed from it. Faults and labels are those of package engine/sim, with words
// for what only a whole system can meet: crashes of the process, other actors that come in between.
//
// The process can be killed at any point. It then loses its newest writes that no caller has waited for, as many as the
// schedule says, and a new process starts on what is left. That is the table's contract: a crash keeps a prefix of the writes,
// and at least those that a caller has waited for. See ledger.
package world

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"strings"
	"sync"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/table/memory"
	"tripsaga/verify/judge"
)

// begin is the virtual time at which every run starts.
var begin = time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC)

// Config configures a world.
type Config struct {
	Subject *Subject
	// Open returns an empty table whose writes are durable when they return, as DynamoDB's are, and a function that closes it.
	// Default: tables that lose in a crash the writes that no caller has waited for, see [World].
	Open func() (table.Table, func() error, error)

	Retries Retries // of a saga's long retries

	// Patience is how long, in real time, a run may go without an operation. After that, a task counts as hanging and the run
	// is abandoned. 0: two minutes.
	Patience time.Duration
}

// World plays schedules, one after another. It is not safe for concurrent use.
//
// Most schedules run over a table in memory, which is several times as fast as the embedded store. One in sixteen, drawn by its
// id, runs over the embedded store, so that a difference between the two would be found. Both pass package tabletest. For both
// tables, the ledger decides what a crash loses.
type World struct {
	cfg      Config
	subject  *Subject
	all, few []Definition // see Retries
	durable  bool         // every write is durable when it returns
	memory   *ground      // the same as store with Config.Open
	store    *ground
	on       *ground      // the table of the current run
	sagas    []Definition // the definitions of the current run
	base     judge.Items
	maps     bool // a definition has Map states
	parallel bool // or states that run concurrently with others
	answered bool // or waits for callbacks

	// What runs reuse, because creating it takes longer than a step of the saga.
	hands   chan func() // jobs of the goroutine that plays, whose stack has grown
	threads *sim.Threads
	spare   *books // nil: create one
	counts  map[sim.Label]int
	seen    seen
}

// ground is a table that runs share: each run restores it.
type ground struct {
	table.Table // nil: it is not open
	open        func() (table.Table, func() error, error)
	close       func() error
	refresh     int // number of runs after which it is replaced; 0: never
	played      int
}

const (
	oneInStore = 16
	refresh    = 64 // deleted items slow down the embedded store's reads
)

// New opens a world, which the caller must close. Errors: *asl.DefinitionError, or the table's.
func New(cfg Config) (*World, error) {
	w := &World{cfg: cfg, subject: cfg.Subject}
	if err := w.define(); err != nil {
		return nil, err
	}
	w.sagas = w.all
	for _, d := range w.all {
		w.answered = w.answered || d.Machine.Callbacks()
		for _, s := range d.Machine.States() {
			w.maps = w.maps || s.Type == "Map"
			w.parallel = w.parallel || s.Parent != ""
		}
	}
	w.store = &ground{open: cfg.Open}
	if w.memory, w.durable = w.store, cfg.Open != nil; !w.durable {
		w.memory, w.store = &ground{open: openMemory}, &ground{open: w.openEmbedded, refresh: refresh}
	}
	w.hire()
	return w, w.use(w.memory)
}

// Subject returns the subject that the world plays.
func (w *World) Subject() *Subject { return w.subject }

// hire starts the goroutine that plays the runs.
func (w *World) hire() {
	w.hands, w.threads = make(chan func()), &sim.Threads{}
	w.counts, w.seen, w.spare = map[sim.Label]int{}, seen{}, nil
	go func(hands <-chan func()) {
		for do := range hands {
			do()
		}
	}(w.hands)
}

func openMemory() (table.Table, func() error, error) {
	return memory.New(), func() error { return nil }, nil
}

// openEmbedded keeps the store small: a run writes some kilobytes.
func (w *World) openEmbedded() (table.Table, func() error, error) {
	s, err := embedded.Open("", embedded.Options{StreamPrefix: w.subject.Events, Cache: 1 << 20})
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

// groundOf chooses the table for a schedule.
func (w *World) groundOf(s Schedule) *ground {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.String()))
	if h.Sum32()%oneInStore == 0 {
		return w.store
	}
	return w.memory
}

// use makes g the table of the next run. If g is not open or must be replaced, it is opened and filled: the first table by the
// subject, later ones with a copy of what the subject wrote.
func (w *World) use(g *ground) (err error) {
	w.on = g
	if g.played++; g.refresh > 0 && g.played%g.refresh == 0 {
		if err := g.Close(); err != nil {
			return err
		}
	}
	if g.Table != nil {
		return nil
	}
	if g.Table, g.close, err = g.open(); err != nil {
		return err
	}
	if w.base == nil {
		err = w.load()
	} else {
		l, keys := w.ledger(w.base), map[table.Key]bool{}
		for key := range w.base {
			keys[key] = true
		}
		err = l.restore(keys)
	}
	if t, ok := g.Table.(rewinder); ok {
		t.Mark()
	}
	return err
}

// rewinder is a table that can remove what a run has written faster than a ledger can.
type rewinder interface {
	Mark()
	Rewind()
}

var _ rewinder = (*memory.Table)(nil)

// Close closes the table, if it is open.
func (g *ground) Close() error {
	if g.Table == nil {
		return nil
	}
	g.Table = nil
	return g.close()
}

// load fills the first table and records what was written.
func (w *World) load() error {
	ctx := context.Background()
	b := &books{ledger: w.ledger(nil), bank: w.ledger(nil), outside: w.subject.Outside}
	if w.subject.Load != nil {
		if err := w.subject.Load(ctx, &oneByOne{Table: b}); err != nil {
			return err
		}
	}
	// The definitions are stored once, as in any installation that has run before.
	for _, all := range [][]Definition{w.all, w.few} {
		for i, d := range all {
			if err := storeDefinition(ctx, b, w.subject.Machines[i].Name, d); err != nil {
				return err
			}
		}
	}
	w.base = maps.Collect(b.each)
	return nil
}

// oneByOne serialises a load that reads and writes from several goroutines, since a ledger is not safe for concurrent use.
type oneByOne struct {
	mu sync.Mutex
	table.Table
}

// Get implements table.Table.
func (t *oneByOne) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Table.Get(ctx, key)
}

// Query implements table.Table.
func (t *oneByOne) Query(ctx context.Context, q table.Query) (table.Page, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Table.Query(ctx, q)
}

// Transact implements table.Table.
func (t *oneByOne) Transact(ctx context.Context, ops ...table.Op) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Table.Transact(ctx, ops...)
}

func storeDefinition(ctx context.Context, t table.Table, name string, d Definition) error {
	e, err := engine.Open(ctx, engine.Options{
		Name: name, Definition: d.Source, Machine: d.Machine, Table: t, Tasks: stubs(d.Machine), Scheduler: sim.NewVirtual(begin),
	})
	if err != nil {
		return err
	}
	return e.Close(ctx) // it runs nothing
}

// stubs returns tasks that do nothing, for an engine that delivers no tasks.
func stubs(m *asl.Machine) map[string]engine.Task {
	tasks := map[string]engine.Task{}
	for _, name := range m.Functions() {
		tasks[name] = func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, engine.ErrNoReply }
	}
	return tasks
}

func (w *World) books() *books {
	b := w.spare
	if b == nil {
		b = &books{ledger: w.ledger(w.base), bank: w.ledger(nil), outside: w.subject.Outside}
	}
	b.ledger.inner, b.bank.inner = w.on.Table, w.on.Table
	w.spare = nil
	return b
}

func (w *World) ledger(base judge.Items) *ledger {
	return &ledger{inner: w.on.Table, subject: w.subject, atOnce: w.durable, base: base, items: judge.Items{}, gone: map[table.Key]bool{},
		commit: func([]table.Op, func(table.Key) (table.Item, bool), func(table.Key) (table.Item, bool)) {}}
}

// Close closes the tables.
func (w *World) Close() error {
	close(w.hands)
	w.threads.Close()
	return errors.Join(w.memory.Close(), w.store.Close())
}

// Run plays a schedule. An error means that it could not be played; violations are in the result.
func (w *World) Run(ctx context.Context, s Schedule) (*Result, error) {
	result, _, err := w.play(ctx, s, playing{})
	return result, err
}

// Replay plays a schedule as Run does, and also returns the records that the run has changed, without the engine's journal.
func (w *World) Replay(ctx context.Context, s Schedule) (*Result, []table.Item, error) {
	return w.play(ctx, s, playing{keep: true})
}

// playing configures what a run records in addition to its result.
type playing struct {
	keep  bool    // the changed records
	trace *tracer // nil: no trace
}

func (w *World) play(ctx context.Context, s Schedule, what playing) (result *Result, records []table.Item, err error) {
	scenario, ok := w.subject.Scenario(s.Scenario)
	if !ok {
		return nil, nil, fmt.Errorf("there is no scenario %q, only %s", s.Scenario, strings.Join(w.subject.ScenarioNames(), ", "))
	}
	if err := w.use(w.groundOf(s)); err != nil {
		return nil, nil, err
	}
	w.sagas = w.definitions(s)
	r := newRun(ctx, w, scenario, s)
	if r.trace = what.trace; r.trace != nil {
		r.trace.run = r
	}
	done := make(chan played, 1)
	w.hands <- func() {
		res, err := r.play()
		done <- played{res, err}
	}
	p, hangs := w.await(r, done)
	if hangs != "" { // the run continues on its table, so this world takes another one
		w.on.Table = nil
		close(w.hands)
		go func(threads *sim.Threads) { // in case it returns
			<-done
			threads.Close()
		}(w.threads)
		w.hire()
		return &Result{Stuck: true, Hung: true, Violations: []judge.Violation{{Invariant: runEnds, Detail: hangs}}}, nil, nil
	}
	result, err = p.result, p.err
	if what.keep {
		records = r.ledger.changed()
	}
	if bad := r.ledger.clear(); bad != nil { // remaining records would look like part of the next run
		err = errors.Join(err, w.on.Close())
	} else {
		w.spare = r.ledger
	}
	return result, records, err
}

type played struct {
	result *Result
	err    error
}

// longest is the maximum real time of a schedule; usually it takes milliseconds.
const longest = 2 * time.Minute

// looks is how often progress is checked within the patience. A run hangs if one more check than that finds no progress, so
// that a caller with the same patience gives up first, and a busy or suspended machine does not count as a run that hangs.
const looks = 4

// await waits for the run. hangs is the reason if the run makes no progress; otherwise "".
func (w *World) await(r *Run, done <-chan played) (p played, hangs string) {
	patience := cmp.Or(w.cfg.Patience, longest)
	ticks := time.NewTicker(patience / looks)
	defer ticks.Stop()
	beats, vain := r.beats.Load(), 0
	for look := 0; ; look++ {
		select {
		case p := <-done:
			return p, ""
		case <-ticks.C:
		}
		if now := r.beats.Load(); now != beats {
			beats, vain = now, 0
		} else if vain++; vain > looks {
			return p, r.hangsAt(patience)
		}
		if time.Duration(look)*patience/looks > max(longest, patience) {
			return p, fmt.Sprintf("after %s it has not come to rest", longest)
		}
	}
}
