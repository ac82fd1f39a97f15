// Package engine runs the executions of one state machine of package asl durably over a [table.Table]. It is the local
// counterpart of a STANDARD state machine of Step Functions. The caller provides a definition and its tasks:
//
//	eng, err := engine.Open(ctx, engine.Options{Name: "order", Definition: def, Tasks: tasks, Table: t})
//	err = eng.Start(ctx, "order-17", input)
//	end, err := eng.Wait(ctx, "order-17")
//
// Package barrier gives the tasks exactly-once effects, and package verify explores every fault at every step of the saga, in go test:
// docs/use-as-library.md has all three in one program.
//
// The journal comes before the effects. Everything that reaches an execution from outside (a task's reply, a timer that
// fired, a stop) is an event. The engine computes the event's step with [asl.Step], which is pure, writes the event to
// the execution's journal, and only then performs the step's effects. The journal is therefore the whole state:
// replaying it through asl.Step gives the execution back, and the effects that no later event answers are those to
// perform again. In the other order, a crash between an effect and its event would leave an effect that no journal
// explains. In this order it leaves a task that is delivered twice, so tasks must be idempotent. Open resumes every
// open execution that way, timers included.
//
// Durability. A start, an end, a redrive and a stop are durable before the caller or OnEnd is notified. The events in between
// are written with [table.Deferred], without waiting for the disk. The table keeps the order of writes, so the next durable
// write covers all earlier ones. A crash can lose only the newest events, of which no caller was notified; their tasks are
// delivered again.
//
// Ownership. One engine at a time runs the executions of its name on a table. No lock enforces that. Every journal
// entry is written on the condition that its number is free and every record on the condition of its version, so of two
// engines one finds a conflict and abandons the execution in memory, without having performed the effects.
//
// Where to look: Start, Stop and Redrive in start.go; the worker and its commits in run.go; one delivery of a task in
// call.go; the answers to task tokens in callback.go; what is stored in record.go; what Open does in replay.go; OnEnd in notice.go.
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

// Task is a function that a state calls. One call is one delivery. The engine may deliver a task several times for one
// state: again after a crash, concurrently with an earlier delivery that timed out, and late. The context ends when the
// reply is no longer wanted; when a callback has ended the task with success, at the end of the execution. Input and output
// are JSON values; an empty output, or white space, is null.
type Task func(ctx context.Context, input json.RawMessage) (json.RawMessage, error)

// Options configure an engine. Name, Definition, Table and Tasks are required.
type Options struct {
	Name       string          // the state machine's name: 1 to 80 letters, digits, - and _
	Definition []byte          // Amazon States Language; open executions keep the definition they were started with
	Machine    *asl.Machine    // the parsed Definition, if the caller has it already; nil parses it
	Tasks      map[string]Task // by the name of the function in the task's Resource
	Table      table.Table

	MaxOpen  int // maximum number of open executions; above it, Start returns ErrBusy; default 10,000
	MaxTasks int // maximum number of concurrent tasks, others wait; default 1,000

	// DeferTasks gives tasks a context of [table.Deferred]: their reads and writes do not wait for the disk. That is safe for
	// writes to Table, or to a table with the same log: the engine writes after them, and waits for the disk before it
	// acknowledges an end. A task needs [table.Durable] for a write that must be on disk before it has an effect elsewhere.
	DeferTasks bool

	MaxRedrives   int           // maximum number of redrives of one execution; default 1,000, as in Step Functions
	RedriveWithin time.Duration // how long after its end an execution can be redriven; default 14 days, as in Step Functions

	// OnEnd is called when an execution ends: at least once for FAILED, TIMED_OUT and ABORTED, even after a crash; at most
	// once for SUCCEEDED. If it returns an error it is called again, a second later or by the next Open. If the error wraps
	// ErrFinal, the engine logs the end and keeps it as a dead notice, see [Engine.DeadNotices].
	OnEnd func(context.Context, Description) error

	// Region, Account and Role appear in the context object and in the execution's id, which is
	// arn:aws:states:REGION:ACCOUNT:execution:NAME:EXECUTION. An execution keeps the values it was started with.
	Region  string // default "local"
	Account string // default "000000000000"
	Role    string // default "arn:aws:states:REGION:ACCOUNT:role"

	Scheduler Scheduler // default RealTime
	// Seed seeds an execution's random choices, and the secret of its task tokens; default math/rand/v2, and crypto/rand for
	// the secret.
	Seed func() uint64
	Log  *slog.Logger // default: discarded
}

// Engine runs the executions of one state machine. Its methods are safe for concurrent use.
type Engine struct {
	opt     Options
	secret  func() []byte
	machine *asl.Machine
	hash    string

	statusPK map[asl.Status]string

	ctx      context.Context // of table calls; ends when Close gives up waiting
	cancel   context.CancelFunc
	deferred context.Context // ctx with table.Deferred, for writes that a later durable write covers
	tasks    context.Context // of tasks: deferred with DeferTasks, else ctx
	slots    chan struct{}   // one for each running task

	mu       sync.Mutex
	closing  bool
	open     map[string]*run
	failed   map[string]*run         // some runs that ended without success, kept for a redrive
	machines map[string]*asl.Machine // by hash of the definition
	working  sync.WaitGroup

	waiting sync.Mutex     // guards waited
	waited  map[*call]bool // calls with an open Done channel
}

// Open checks the options, stores the definition and resumes every open execution. Errors: [*asl.DefinitionError];
// ErrInvalid with the option that is wrong; those of the table.
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

// giveUp stops the executions that Open resumed before it failed.
func (e *Engine) giveUp() {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.stop()
}

func newEngine(opt Options) (*Engine, error) {
	secret := systemSecret
	if opt.Seed != nil {
		secret = seededSecret(opt.Seed)
	}
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
	deferred := table.Deferred(ctx)
	tasks := ctx
	if opt.DeferTasks {
		tasks = deferred
	}
	return &Engine{
		opt: opt, secret: secret, machine: machine, hash: hash, statusPK: statusPKs(opt.Name),
		ctx: ctx, cancel: cancel, deferred: deferred, tasks: tasks,
		slots: make(chan struct{}, opt.MaxTasks), open: map[string]*run{}, failed: map[string]*run{},
		machines: map[string]*asl.Machine{hash: machine}, waited: map[*call]bool{},
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

// checkName allows the names that Step Functions accepts without a warning.
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
	if err != nil && !errors.As(err, &conflict) { // a conflict: it is stored already
		return fmt.Errorf("engine: storing the definition: %w", err)
	}
	return nil
}

// definition returns the machine of an execution, whose definition may be older than the engine's own.
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

// now is the time in the journal's precision.
func (e *Engine) now() time.Time { return e.opt.Scheduler.Now().UTC().Truncate(time.Microsecond) }

// OpenExecutions counts the executions that have not ended.
func (e *Engine) OpenExecutions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.open)
}

// enter registers the execution as open; leave removes it. Resumed executions enter regardless of MaxOpen. Because enter comes
// before the execution is written, only one of two concurrent starts of one name in this engine writes.
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

// abandon reverts an enter whose write failed. Callers of Wait look the execution up again.
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

// Close stops the engine. It starts nothing new, lets running tasks end and journals their replies; everything else is left to
// the next Open. If ctx ends first, Close cancels the tasks' contexts and returns ctx's error immediately. Nothing is lost in
// that case either: the next Open delivers those tasks again.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	defer e.stop()
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

// begin registers work that Close waits for. It returns false when the engine is closing.
func (e *Engine) begin() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return false
	}
	e.working.Add(1)
	return true
}
