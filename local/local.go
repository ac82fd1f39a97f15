// Package local wires tripsaga on one machine: the embedded store, the repositories, the use cases, the task handlers and
// the engine that runs the saga's definition. The command, package verify and the tests open it.
package local

import (
	"bytes"
	"cmp"
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/telemetry"
	"tripsaga/trip/adapters/bank"
	"tripsaga/trip/adapters/inventory"
	"tripsaga/trip/adapters/store"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
	"tripsaga/trip/saga"
)

// Options configure a system. The zero value is a throw-away system in memory and in real time.
type Options struct {
	Dir     string // data folder; "" is in memory
	MaxOpen int    // most bookings that the API accepts while others run; 0 means 10,000
	Log     *slog.Logger

	Telemetry telemetry.Observer // of the bookings; the zero value is off

	Provider domain.PaymentProvider // moves the money; nil is the built-in bank, with its books in the same table

	Scheduler engine.Scheduler // default engine.RealTime
	Seed      func() uint64    // of the sagas' random choices
	Random    io.Reader        // of trip ids; default crypto/rand

	Policy domain.CancellationPolicy // the zero value is the default policy

	Booking, Cancellation Definition // replace the product's, see package saga

	// These wrap the interfaces between the parts, to inject faults and to observe.
	WrapTasks    func(map[string]engine.Task) map[string]engine.Task
	WrapTable    func(table.Table) table.Table
	WrapProvider func(domain.PaymentProvider) domain.PaymentProvider
	WrapOnEnd    func(OnEnd) OnEnd
}

// Definition is that of a saga: its text, and what it was parsed to; nil parses it. The zero value is the product's.
type Definition struct {
	Source  []byte
	Machine *asl.Machine
}

// OnEnd is notified of a saga's end, see [engine.Options].
type OnEnd = func(context.Context, engine.Description) error

func (o *Options) setDefaults() {
	if o.MaxOpen == 0 {
		o.MaxOpen = 10_000
	}
	if o.Scheduler == nil {
		o.Scheduler = engine.RealTime
	}
	if o.Random == nil {
		o.Random = crand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.WrapTasks == nil {
		o.WrapTasks = func(t map[string]engine.Task) map[string]engine.Task { return t }
	}
	if o.WrapTable == nil {
		o.WrapTable = func(t table.Table) table.Table { return t }
	}
	if o.WrapProvider == nil {
		o.WrapProvider = func(p domain.PaymentProvider) domain.PaymentProvider { return p }
	}
	if o.WrapOnEnd == nil {
		o.WrapOnEnd = func(f OnEnd) OnEnd { return f }
	}
	if o.Booking.Source == nil {
		o.Booking.Source = saga.Booking().Definition()
	}
	if o.Cancellation.Source == nil {
		o.Cancellation.Source = saga.Cancellation().Definition()
	}
}

// Core books and cancels trips over any table: the use cases, and an engine for each saga.
type Core struct {
	Engine        *engine.Engine // of the bookings
	Cancellations *engine.Engine
	App           *app.Service
}

// System is a Core over the embedded store, with the admission of bookings.
type System struct {
	Store *embedded.Store
	*Core

	admission admission
	opened    time.Time
	traces    *telemetry.Traces
}

// cache is the size of the store's block cache: what a saga reads was written a moment ago, and is not in blocks yet.
const cache = 16 << 20

// Open opens the store and resumes every open saga.
func Open(ctx context.Context, opt Options) (*System, error) {
	opt.setDefaults()
	st, err := embedded.Open(opt.Dir, embedded.Options{
		Cache:        cache,
		StreamPrefix: store.OutboxPrefix, Now: opt.Scheduler.Now, Logger: opt.Log,
	})
	if err != nil {
		return nil, err
	}
	core, err := OpenCore(ctx, st, opt)
	if err != nil {
		return nil, withCause(err, st.Close())
	}
	return &System{
		Store: st, Core: core, admission: admission{limit: opt.MaxOpen}, opened: opt.Scheduler.Now(),
		traces: opt.Telemetry.Traces,
	}, nil
}

// OpenCore opens a Core over any table and resumes every open saga. It does not use Dir and MaxOpen. The caller closes its
// engines.
func OpenCore(ctx context.Context, t table.Table, opt Options) (*Core, error) {
	opt.setDefaults()
	t = opt.WrapTable(t)
	now := opt.Scheduler.Now
	if opt.Provider == nil {
		opt.Provider = bank.New(t, now)
	}
	// The trip is stored without waiting for the disk: Start follows and makes both durable.
	service := store.Service(t, opt.WrapProvider(opt.Provider), now, store.DeferCreate())
	service.Random = opt.Random
	if opt.Telemetry != (telemetry.Observer{}) {
		service.Observer = opt.Telemetry
	}
	if len(opt.Policy.Tiers) > 0 {
		service.Policy = opt.Policy
	}
	// The limit on bookings is in admission, before a trip is stored. The engine must not refuse the saga of a stored trip.
	engines := engine.Options{
		Table: t, MaxOpen: math.MaxInt, Tasks: opt.WrapTasks(tasks(service, opt.Telemetry)), DeferTasks: true,
		Scheduler: opt.Scheduler, Seed: opt.Seed, Log: opt.Log,
	}
	core := &Core{App: service}
	service.Starter = starter{core, opt.Telemetry.Traces}
	booking, cancellation := engines, engines
	booking.Name, booking.Definition, booking.Machine = domain.BookingSaga, opt.Booking.Source, opt.Booking.Machine
	cancellation.Name, cancellation.Definition, cancellation.Machine = domain.CancellationSaga, opt.Cancellation.Source, opt.Cancellation.Machine
	var ready atomic.Bool
	var err error
	for _, e := range []struct {
		engine **engine.Engine
		opt    *engine.Options
	}{{&core.Engine, &booking}, {&core.Cancellations, &cancellation}} {
		e.opt.OnEnd = opt.WrapOnEnd(listener(service, &ready))
		if *e.engine, err = engine.Open(ctx, *e.opt); err != nil {
			core.abandon()
			return nil, fmt.Errorf("opening the engine: %w", err)
		}
	}
	ready.Store(true)
	return core, nil
}

// Saga returns the engine that runs the saga of this name.
func (c *Core) Saga(name string) *engine.Engine {
	if name == domain.CancellationSaga {
		return c.Cancellations
	}
	return c.Engine
}

// OpenExecutions counts the sagas that have not ended, of both kinds.
func (c *Core) OpenExecutions() int {
	return c.Engine.OpenExecutions() + c.Cancellations.OpenExecutions()
}

// abandon stops the engine that was opened before the other one failed to.
func (c *Core) abandon() {
	if c.Engine != nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = c.Engine.Close(ctx) // Open's error is reported
	}
}

// Close drains the engines until ctx ends.
func (c *Core) Close(ctx context.Context) error {
	return cmp.Or(c.Engine.Close(ctx), c.Cancellations.Close(ctx)) // of one table, so one error says it
}

// tasks returns the handlers as tasks. They write without waiting for the disk, since OpenCore sets engine.Options.DeferTasks: the
// engine writes to the same log after them, and waits for the disk before it acknowledges the end (docs/adr/0001).
func tasks(service *app.Service, watch telemetry.Observer) map[string]engine.Task {
	all := map[string]engine.Task{}
	for name, handle := range handlers.New(service, telemetry.Task(watch)) {
		all[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			return handle(traced(ctx, watch.Traces), input)
		}
	}
	return all
}

// traced makes the delivery continue the trace in which its execution was started.
func traced(ctx context.Context, traces *telemetry.Traces) context.Context {
	if traces == nil {
		return ctx
	}
	info, _ := engine.InfoOf(ctx)
	return telemetry.WithTraceHeader(ctx, info.Trace)
}

// listener returns the engine's OnEnd: it marks trips whose saga ended at a state that needs attention. Once both engines are
// ready, it also starts the cancellation of a trip that was requested while the trip was booked. An end with success is
// announced at most once, so that start may be lost: then Reconcile makes it.
func listener(service *app.Service, ready *atomic.Bool) func(context.Context, engine.Description) error {
	return func(ctx context.Context, d engine.Description) error {
		if d.Status == asl.Succeeded && ready.Load() && bytes.Contains(d.Output, []byte(domain.Cancelling)) {
			if err := service.StartCancellation(ctx, d.Name); fault.KindOf(err) != fault.Unavailable {
				return err
			}
			return nil
		}
		err := service.MarkNeedsAttention(ctx, app.ExecutionChange{
			Saga: d.Machine, TripID: d.Name, Status: string(d.Status), Error: d.Error, State: d.State,
		})
		switch fault.KindOf(err) {
		case fault.NotFound, fault.Invalid: // an execution without a trip, which somebody started by hand
			return fmt.Errorf("%w: %w", engine.ErrFinal, err)
		}
		return err
	}
}

// Close drains the engines until ctx ends, and closes the store.
func (s *System) Close(ctx context.Context) error {
	return withCause(s.Core.Close(ctx), s.Store.Close())
}

// withCause joins the store's error to err, unless err wraps it already.
func withCause(err, store error) error {
	if errors.Is(err, store) {
		return err
	}
	return errors.Join(err, store)
}

// starter implements app.Starter. The execution's tasks continue the trace of its start.
type starter struct {
	core   *Core
	traces *telemetry.Traces
}

func (s starter) Start(ctx context.Context, saga, tripID string, input json.RawMessage) (err error) {
	if s.traces != nil {
		var end func(error)
		ctx, end = s.traces.StartExecution(ctx, tripID)
		defer func() { end(err) }()
		ctx = engine.WithTrace(ctx, telemetry.TraceHeader(ctx))
	}
	err = s.core.Saga(saga).Start(ctx, tripID, input)
	if errors.Is(err, engine.ErrExists) {
		return s.same(ctx, saga, tripID, input)
	}
	return engineFault(err)
}

// same returns nil if an execution that has ended had this input: the start succeeded earlier.
func (s starter) same(ctx context.Context, saga, tripID string, input json.RawMessage) error {
	d, err := s.core.Saga(saga).Describe(ctx, tripID)
	if err != nil {
		return engineFault(err)
	}
	if string(d.Input) != string(input) {
		return fault.New(fault.Conflict, fault.NameIdempotencyMismatch, "the %s of trip %s was started with other input", saga, tripID)
	}
	return nil
}

// engineFault translates the engine's errors.
func engineFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, engine.ErrNotFound):
		return fault.Wrap(fault.NotFound, fault.NameNotFound, err, "no saga")
	case errors.Is(err, engine.ErrNotRedrivable):
		return fault.Wrap(fault.Conflict, "NotRedrivable", err, "%s", notRedrivable(err))
	case errors.Is(err, engine.ErrBusy), errors.Is(err, engine.ErrClosed):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "too busy")
	default:
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the engine failed")
	}
}

// notRedrivable is the engine's reason, without its advice: a trip has one execution of a saga.
func notRedrivable(err error) string {
	why, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), engine.ErrNotRedrivable.Error()+": "), "; start another")
	return why
}

// KeepDemoInventory loads the demo inventory into a store that never had an inventory, and updates it in a store that has
// it, see inventory.KeepDemo.
func (s *System) KeepDemoInventory(ctx context.Context) (added bool, err error) {
	return inventory.KeepDemo(ctx, s.App.Inventory, domain.DateOf(s.App.Now()))
}

// overdueAfter is how long a trip may be pending before it is marked NEEDS_ATTENTION.
const overdueAfter = 30 * time.Minute

// Reconcile starts the sagas of trips that were stored longer than grace ago and never started, and marks those that
// are overdue.
func (s *System) Reconcile(ctx context.Context, grace time.Duration, log *slog.Logger) {
	p := app.Patience{Grace: grace, Overdue: s.overdue()}
	if p.Overdue > 0 {
		p.Within = reconciled
	}
	report, err := s.App.Reconcile(ctx, p)
	switch {
	case err != nil && ctx.Err() == nil:
		log.Error("reconciling failed", "error", err, "report", report)
	case report.Pending > 0:
		log.Info("reconciled", "report", report)
	}
}

// reconciled is the age of the oldest trips that Reconcile checks once it marks overdue ones; before that it checks all.
const reconciled = 31 * 24 * time.Hour

// overdue returns the age at which a trip is overdue, 0 while the system has run for less: its sagas were paused while
// it did not run.
func (s *System) overdue() time.Duration {
	if s.App.Now().Sub(s.opened) < overdueAfter {
		return 0
	}
	return overdueAfter
}

// Sweep removes the events whose retention has ended, and the executions that ended longer ago than keep, unless their trip needs
// attention; 0 keeps those.
func (s *System) Sweep(ctx context.Context, keep time.Duration, log *slog.Logger) {
	sweepAll(ctx, log, "events", s.Store.Sweep)
	if keep == 0 {
		return
	}
	const step = 1000 // so that a report is made now and then, and those that are needed are looked at seldom
	before := s.App.Now().Add(-keep)
	for _, e := range []*engine.Engine{s.Engine, s.Cancellations} {
		sweepAll(ctx, log, "executions", func(ctx context.Context) (int, error) { return e.Forget(ctx, before, step, s.needed) })
	}
}

// needed reports whether the history of an execution says why its trip needs attention.
func (c *Core) needed(ctx context.Context, d engine.Description) (bool, error) {
	if d.Status == asl.Succeeded {
		return false, nil
	}
	trip, err := c.App.Trips.Get(ctx, d.Name)
	if kind := fault.KindOf(err); err != nil {
		if kind == fault.NotFound || kind == fault.Invalid { // an execution without a trip, which somebody started by hand
			return false, nil
		}
		return false, err
	}
	return trip.Status() == domain.NeedsAttention && trip.Saga() == d.Machine, nil
}

// sweepAll calls sweep until it removes nothing.
func sweepAll(ctx context.Context, log *slog.Logger, what string, sweep func(context.Context) (int, error)) {
	for ctx.Err() == nil {
		removed, err := sweep(ctx)
		if err != nil && ctx.Err() == nil {
			log.Error("sweeping failed", "of", what, "error", err)
		}
		if removed > 0 {
			log.Info("swept", what, removed)
		}
		if err != nil || removed == 0 {
			return
		}
	}
}
