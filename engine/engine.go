// Package engine runs one state machine of package asl durably over a [table.Table]: the local counterpart of a
// STANDARD Step Functions state machine. A program that has a saga of its own gives it a definition and its tasks:
//
//	eng, err := engine.Open(ctx, engine.Options{Name: "order", Definition: def, Tasks: tasks, Table: t})
//	err = eng.Start(ctx, "order-17", input)
//	end, err := eng.Wait(ctx, "order-17")
//
// What an execution met from outside (a task's reply, a timer) is journalled as an event before its consequences are
// performed, and its state is what [asl.Step] makes of those events. Open therefore resumes every open execution where
// it stood, timers included. A task whose reply had not been journalled is delivered again: tasks must be idempotent.
//
// Durability: a start, an end, a redrive and a stop are durable before they are acknowledged. The events between are
// written with [table.Deferred]: the table keeps the order of writes, so a later durable one covers them, and what a
// crash may take back is at most the newest events, whose tasks are then delivered again.
//
// One engine owns the executions of its name on a table; a second one at the same time is found out by the journal's
// conditions and stops touching the execution.
package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"tripsaga/asl"
	"tripsaga/table"
)

// Task is one delivery of a task. It may come more than once for one state, also at once and late. Its context ends
// when the reply is no longer wanted. The input and the output are JSON values; no output, or one of white space, is null.
type Task func(ctx context.Context, input json.RawMessage) (json.RawMessage, error)

// Options configure an engine. Name, Definition, Table and Tasks are required.
type Options struct {
	Name       string          // the state machine's name: 1 to 80 letters, digits, - and _
	Definition []byte          // Amazon States Language; executions that are open keep the one they began with
	Machine    *asl.Machine    // of the Definition, from whoever has parsed it already; nil parses it
	Tasks      map[string]Task // by the name of the function in the task's Resource
	Table      table.Table

	MaxOpen  int // open executions at most; beyond them Start answers ErrBusy; default 10,000
	MaxTasks int // tasks at work at once at most, others wait their turn; default 1,000

	MaxRedrives   int           // of one execution; default 1,000, as Step Functions has it
	RedriveWithin time.Duration // after an execution's end; default 14 days, as Step Functions has it

	// OnEnd is told of every end: at least once of one without success, even across a crash; at most once of a success.
	// When it fails it is called again, after a while, or by the next Open; unless its error wraps ErrFinal: then the end
	// is logged and kept as a dead notice, see [Engine.DeadNotices].
	OnEnd func(context.Context, Description) error

	// Region, Account and Role are those of the context object and of the execution's ids: of the form
	// arn:aws:states:REGION:ACCOUNT:execution:NAME:EXECUTION. An execution keeps those that it was started with.
	Region  string // default "local"
	Account string // default "000000000000"
	Role    string // default "arn:aws:states:REGION:ACCOUNT:role"

	Scheduler Scheduler     // default RealTime
	Seed      func() uint64 // of an execution's random choices; default math/rand/v2
	Log       *slog.Logger  // default: discarded
}

// Engine runs the executions of one state machine. Its methods are safe for concurrent use.
type Engine struct {
	opt     Options
	machine *asl.Machine
	hash    string

	ctx      context.Context // of tasks and table calls; ends when Close loses patience
	cancel   context.CancelFunc
	deferred context.Context // ctx for journal entries that a later durable write covers
	slots    chan struct{}   // held by tasks at work

	mu       sync.Mutex
	closing  bool
	open     map[string]*run
	failed   map[string]*run         // some that ended here without success, for a redrive
	machines map[string]*asl.Machine // by hash of the definition
	working  sync.WaitGroup
}

// Open checks the options, stores the definition and resumes every open execution. Errors: [*asl.DefinitionError] and
// others that tell which option is wrong; those of the table.
func Open(ctx context.Context, opt Options) (*Engine, error) {
	e, err := newEngine(opt)
	if err != nil {
		return nil, err
	}
	if err := e.storeDefinition(ctx); err != nil {
		return nil, err
	}
	if err := e.resumeAll(ctx); err != nil {
		e.giveUp()
		return nil, err
	}
	return e, nil
}

// giveUp stops what was resumed of an engine that could not be opened.
func (e *Engine) giveUp() {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.cancel()
}

func newEngine(opt Options) (*Engine, error) {
	opt.setDefaults()
	if err := checkName(opt.Name); err != nil {
		return nil, err
	}
	for field, value := range map[string]string{"Region": opt.Region, "Account": opt.Account} {
		if err := checkName(value); err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
	}
	machine, err := opt.machine()
	if err != nil {
		return nil, err
	}
	if err := checkTasks(machine, opt.Tasks); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(opt.Definition)
	hash := hex.EncodeToString(sum[:16])
	ctx, cancel := context.WithCancel(context.Background())
	return &Engine{
		opt: opt, machine: machine, hash: hash, ctx: ctx, cancel: cancel, deferred: table.Deferred(ctx),
		slots: make(chan struct{}, opt.MaxTasks), open: map[string]*run{}, failed: map[string]*run{},
		machines: map[string]*asl.Machine{hash: machine},
	}, nil
}

func (o *Options) setDefaults() {
	if o.MaxOpen <= 0 {
		o.MaxOpen = 10_000
	}
	if o.MaxTasks <= 0 {
		o.MaxTasks = 1_000
	}
	if o.Scheduler == nil {
		o.Scheduler = RealTime
	}
	if o.MaxRedrives <= 0 {
		o.MaxRedrives = 1_000
	}
	if o.RedriveWithin <= 0 {
		o.RedriveWithin = 14 * 24 * time.Hour
	}
	o.Region, o.Account = cmp.Or(o.Region, defaultRegion), cmp.Or(o.Account, defaultAccount)
	if o.Seed == nil {
		o.Seed = rand.Uint64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

func (o *Options) machine() (*asl.Machine, error) {
	if o.Machine != nil {
		return o.Machine, nil
	}
	return asl.Parse(o.Definition)
}

func checkTasks(m *asl.Machine, tasks map[string]Task) error {
	var missing []string
	for _, f := range m.Functions() {
		if tasks[f] == nil {
			missing = append(missing, f)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return invalid("the definition calls functions that Tasks does not have: %q", missing)
	}
	return nil
}

// checkName holds names to what Step Functions takes without surprises.
func checkName(name string) error {
	if len(name) == 0 || len(name) > asl.MaxName {
		return invalid("name %q has %d characters, allowed are 1 to %d", name, len(name), asl.MaxName)
	}
	for _, c := range []byte(name) {
		if !nameByte(c) {
			return invalid("name %q: allowed are letters, digits, - _ and .", name)
		}
	}
	return nil
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

func (e *Engine) storeDefinition(ctx context.Context) error {
	key := table.Key{PK: machinePK + e.opt.Name, SK: e.hash}
	err := e.opt.Table.Transact(ctx, table.Put(table.Item{Key: key, Version: 1, Data: e.opt.Definition}, table.Absent))
	var conflict *table.Conflict
	if err != nil && !errors.As(err, &conflict) { // a conflict: it stands there already
		return fmt.Errorf("engine: storing the definition: %w", err)
	}
	return nil
}

// definition is the machine of an execution, which may be older than the engine's own.
func (e *Engine) definition(ctx context.Context, hash string) (*asl.Machine, error) {
	e.mu.Lock()
	m := e.machines[hash]
	e.mu.Unlock()
	if m != nil {
		return m, nil
	}
	item, ok, err := e.opt.Table.Get(ctx, table.Key{PK: machinePK + e.opt.Name, SK: hash})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("engine: the definition %s is missing", hash)
	}
	if m, err = asl.Parse(item.Data); err != nil {
		return nil, fmt.Errorf("engine: definition %s: %w", hash, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.machines[hash] = m
	return m, nil
}

// now is the time as the journal keeps it.
func (e *Engine) now() time.Time { return e.opt.Scheduler.Now().UTC().Truncate(time.Microsecond) }

// OpenExecutions counts the executions that have not ended.
func (e *Engine) OpenExecutions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.open)
}

// enter takes a place for the execution; leave gives it back. Resumed executions enter whatever MaxOpen says.
func (e *Engine) enter(r *run, limit int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closing:
		return ErrClosed
	case e.open[r.name] != nil:
		return ErrExists
	case len(e.open) >= limit:
		return ErrBusy
	}
	e.open[r.name] = r
	return nil
}

func (e *Engine) leave(r *run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open[r.name] == r {
		delete(e.open, r.name)
	}
}

// abandon takes back an enter that came to nothing; who waits for it looks again.
func (e *Engine) abandon(r *run) {
	e.leave(r)
	r.lost = errAbandoned
	close(r.done)
}

func (e *Engine) running(name string) *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open[name]
}

// Close stops the engine: nothing new is started, tasks at work may end and their replies are journalled, everything
// else is left for the next Open. When ctx ends first, the tasks' contexts are cancelled and Close returns at once;
// nothing is lost then either, the tasks are delivered again.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	defer e.cancel()
	idle := make(chan struct{})
	go func() {
		e.working.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return table.Sync(ctx, e.opt.Table)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin registers work that Close waits for; it reports false once the engine is closing.
func (e *Engine) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return false
	}
	e.working.Add(1)
	return true
}
