// Package world plays one schedule of faults against the real booking system: its definition, engine, handlers, barrier
// and table, in virtual time and on one thread, so that a schedule always gives the same bytes. Package verify calls it,
// hundreds of thousands of times.
//
// There is no list of places where something can go wrong. The world wraps the parts (the table, by package table/faulty;
// the tasks; the bank) and gives a label to every operation as it comes by: a [Point]. A fault names a point by its label,
// so that a schedule means the same when other faults are removed from it. Faults and labels are those of package
// engine/sim, with words for what only a whole system can meet: crashes of the process, other actors that come in between.
//
// The process can be killed at any point. Its newest writes that nobody has waited for are then lost, as many as the
// schedule says, and a new process starts on what is left. That is the table's contract: a crash keeps a prefix of the
// writes, and never less than what somebody has waited for. See ledger.
package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/local"
	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/table/memory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/saga"
	"tripsaga/verify/model"
)

// Config configures a world. The zero value is the product as it is, over the embedded store in memory.
type Config struct {
	Definition []byte // of the saga; default the product's
	// Open returns an empty table whose writes are durable when they return, as DynamoDB's are, and a function that closes
	// it. Default: tables that lose in a crash what nobody has waited for, see [World].
	Open func() (table.Table, func() error, error)
	// Variant breaks the product on purpose. It is called for every run; nil leaves the product whole.
	Variant func() Variant

	Retries Retries // of a saga's long retries

	all, few definitions // see Retries
	durable  bool        // every write is durable when it returns
}

// Variant wraps parts of the product; nil leaves a part as it is. Table is wrapped above the faults, since it belongs to
// the program and not to what the program runs on. Each function is called once for every process of a run.
type Variant struct {
	Table     func(table.Table) table.Table
	Tasks     func(map[string]engine.Task) map[string]engine.Task
	Provider  func(domain.PaymentProvider) domain.PaymentProvider
	Scheduler func(engine.Scheduler) engine.Scheduler
	App       func(*app.Service) // changes the use cases in place
	// Hint does something more when a webhook of the provider reports a trip's payment.
	Hint func(ctx context.Context, tripID string) error
}

// World plays schedules, one after another. It is for one goroutine.
//
// Most schedules run over a table in memory, which is several times as fast as the embedded store. One in sixteen, drawn
// by its id, runs over the embedded store, so that a difference between the two would be found. Both pass package
// tabletest. What a crash may lose is decided by the ledger, for both alike.
type World struct {
	cfg    Config
	memory *ground // the same as store with Config.Open
	store  *ground
	on     *ground      // that of the present run
	sagas  *definitions // those of the present run
	base   model.Items
	maps   bool // the definition has Map states

	// What one run leaves to the next, since making it anew takes longer than a step of the saga.
	hands   chan func() // the goroutine that plays, whose stack has grown
	threads *sim.Threads
	spare   *books // nil: make one
	counts  map[sim.Label]int
	seen    seen
}

// ground is a table for run after run: each run leaves it as it was.
type ground struct {
	table.Table // nil: it is not open
	open        func() (table.Table, func() error, error)
	close       func() error
	refresh     int // it serves so many runs and is then replaced; 0: any number
	played      int
}

const (
	oneInStore = 16
	refresh    = 64 // deleted items slow down the embedded store's reads
)

// New opens a world, which the caller closes. Errors: *asl.DefinitionError, or the table's.
func New(cfg Config) (*World, error) {
	if cfg.Definition == nil {
		cfg.Definition = saga.Booking().Definition()
	}
	if err := cfg.define(); err != nil {
		return nil, err
	}
	w := &World{cfg: cfg, sagas: &cfg.all}
	for _, s := range cfg.all.booking.Machine.States() {
		w.maps = w.maps || s.Type == "Map"
	}
	w.store = &ground{open: cfg.Open}
	if w.memory, w.cfg.durable = w.store, cfg.Open != nil; !w.cfg.durable {
		w.memory, w.store = &ground{open: openMemory}, &ground{open: openEmbedded, refresh: refresh}
	}
	w.hire()
	return w, w.use(w.memory)
}

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
func openEmbedded() (table.Table, func() error, error) {
	s, err := embedded.Open("", embedded.Options{StreamPrefix: store.OutboxPrefix, Cache: 1 << 20})
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

// groundOf draws the table of a schedule.
func (w *World) groundOf(s Schedule) *ground {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.String()))
	if h.Sum32()%oneInStore == 0 {
		return w.store
	}
	return w.memory
}

// use makes g the table of the next run. If it is not open, or has served its time, it is opened and filled: the first
// one by a load of the inventory, later ones by a copy of what that wrote.
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
		return w.load()
	}
	l, keys := w.ledger(w.base), map[table.Key]bool{}
	for key := range w.base {
		keys[key] = true
	}
	return l.restore(keys)
}

// Close closes the table, if it is open.
func (g *ground) Close() error {
	if g.Table == nil {
		return nil
	}
	g.Table = nil
	return g.close()
}

func (w *World) load() error {
	ctx := context.Background()
	if _, err := store.NewInventory(w.on).Load(ctx, offers()); err != nil {
		return fmt.Errorf("loading the inventory: %w", err)
	}
	// The definitions are stored once, as on any machine that has run before.
	for _, w.sagas = range []*definitions{&w.cfg.all, &w.cfg.few} {
		if _, err := local.OpenCore(ctx, w.on, w.options(sim.NewVirtual(begin))); err != nil {
			return err
		}
	}
	w.base = model.Items{}
	for _, pk := range append(partitions(), pkMachine+"booking", pkMachine+"cancellation") {
		page, err := w.on.Query(ctx, table.Query{PK: pk})
		if err != nil {
			return fmt.Errorf("reading the inventory: %w", err)
		}
		for _, item := range page.Items {
			w.base[item.Key] = item
		}
	}
	return nil
}

func (w *World) options(s engine.Scheduler) local.Options {
	return local.Options{Booking: w.sagas.booking, Cancellation: w.sagas.cancellation, Scheduler: s, WrapTasks: w.stubbed}
}

// stubbed adds the tasks that the definition calls and the program does not have: each does nothing, and succeeds.
func (w *World) stubbed(tasks map[string]engine.Task) map[string]engine.Task {
	for _, name := range w.sagas.booking.Machine.Functions() {
		if tasks[name] == nil {
			tasks[name] = nothing
		}
	}
	return tasks
}

func nothing(context.Context, json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(`{}`), nil
}

func (w *World) books() *books {
	b := w.spare
	if b == nil {
		b = &books{ledger: w.ledger(w.base), bank: w.ledger(nil)}
	}
	b.ledger.inner, b.bank.inner = w.on.Table, w.on.Table
	w.spare = nil
	return b
}

func (w *World) ledger(base model.Items) *ledger {
	return &ledger{inner: w.on.Table, atOnce: w.cfg.durable, base: base, items: model.Items{}, gone: map[table.Key]bool{},
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

// Replay is Run, and returns the records that the run has changed, without the engine's journal.
func (w *World) Replay(ctx context.Context, s Schedule) (*Result, []table.Item, error) {
	return w.play(ctx, s, playing{keep: true})
}

// playing is what a run keeps beside its result.
type playing struct {
	keep  bool    // the changed records
	trace *tracer // nil: no trace
}

func (w *World) play(ctx context.Context, s Schedule, what playing) (result *Result, records []table.Item, err error) {
	scenario, ok := scenarioNamed(s.Scenario)
	if !ok {
		return nil, nil, fmt.Errorf("there is no scenario %q, only %s", s.Scenario, strings.Join(ScenarioNames(), ", "))
	}
	if err := w.use(w.groundOf(s)); err != nil {
		return nil, nil, err
	}
	w.sagas = w.cfg.of(s)
	r := newRun(ctx, w, scenario, s)
	if r.trace = what.trace; r.trace != nil {
		r.trace.run = r
	}
	type played struct {
		result *Result
		err    error
	}
	done := make(chan played, 1)
	w.hands <- func() {
		res, err := r.play()
		done <- played{res, err}
	}
	patience := time.NewTimer(longest)
	defer patience.Stop()
	select {
	case p := <-done:
		result, err = p.result, p.err
	case <-patience.C: // the run continues on its table, so this world takes another one
		w.on.Table = nil
		close(w.hands)
		w.hire()
		why := model.Violation{Invariant: runEnds, Detail: fmt.Sprintf("after %s it has not come to rest", longest)}
		return &Result{Stuck: true, abandoned: true, Violations: []model.Violation{why}}, nil, nil
	}
	if what.keep {
		records = r.ledger.changed()
	}
	if bad := r.ledger.clear(); bad != nil { // what the run has left would look like part of the next one
		err = errors.Join(err, w.on.Close())
	} else {
		w.spare = r.ledger
	}
	return result, records, err
}

// longest is how long a schedule may take by the wall clock; usually it takes milliseconds.
const longest = 2 * time.Minute
