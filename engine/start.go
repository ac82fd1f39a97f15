package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tripsaga/asl"
	"tripsaga/shared/strictjson"
	"tripsaga/table"
)

// Start begins an execution under a name of the caller's choice: 1 to 80 letters, digits, - _ and . It returns once the
// start is durable. Starting again with the same name and input while the execution is open is the same start.
// Errors: ErrInvalid (the name, or an input that is not JSON or larger than asl.MaxData), ErrExists, ErrBusy, ErrClosed;
// those of the table, after which the outcome is unknown and Start may be called again.
func (e *Engine) Start(ctx context.Context, name string, input json.RawMessage) error {
	if err := checkStart(name, input); err != nil {
		return err
	}
	rec := &record{Definition: e.hash, Status: asl.Running, Started: e.now().UnixMicro(), Trace: traceOf(ctx)}
	rec.place(&e.opt)
	r := e.newRun(name, e.machine, rec)
	r.input = input
	if err := e.enter(r, e.opt.MaxOpen); err != nil {
		return e.startedBefore(ctx, name, input, err)
	}
	start := asl.Event{Started: &asl.Started{Input: input, Seed: e.opt.Seed()}}
	if err := e.create(r, start); err != nil {
		e.abandon(r)
		e.rescue(name, err)
		return e.startedBefore(ctx, name, input, err)
	}
	e.opt.Scheduler.Go(func() { r.begin(start) })
	return table.Sync(ctx, e.opt.Table)
}

func checkStart(name string, input json.RawMessage) error {
	if err := checkName(name); err != nil {
		return err
	}
	if len(input) > asl.MaxData {
		return invalid("the input has %d bytes, allowed are %d", len(input), asl.MaxData)
	}
	if err := strictjson.Check(input); err != nil {
		return invalid("the input: %v", err)
	}
	return nil
}

// create writes the record and the start. They need not be durable yet: Start syncs before it acknowledges, while the
// first state is at work already. The write outlives a caller who goes away, so that its outcome is seldom unknown.
func (e *Engine) create(r *run, start asl.Event) error {
	record, err := e.recordItem(r.name, r.version, r.rec)
	if err != nil {
		return err
	}
	data, err := encodeEntry(time.UnixMicro(r.rec.Started), start)
	if err != nil {
		return err
	}
	journal := table.Item{Key: journalKey(record.PK, 0), Version: 1, Data: data}
	err = e.opt.Table.Transact(e.deferred, table.Put(record, table.Absent), table.Put(journal, table.Absent))
	var conflict *table.Conflict
	if errors.As(err, &conflict) {
		return ErrExists
	}
	return err
}

// rescue runs an execution whose start, or redrive, was written although its writer was told otherwise.
func (e *Engine) rescue(name string, err error) {
	if errors.Is(err, ErrExists) {
		return
	}
	if err := e.adopt(e.ctx, name); err != nil && !errors.Is(err, ErrNotFound) {
		e.opt.Log.Warn("whether an execution was started is unknown; the next Start, Redrive or Open tells", "execution", name, "error", err)
	}
}

// startedBefore turns a refusal into success when the execution runs already with the same input.
func (e *Engine) startedBefore(ctx context.Context, name string, input json.RawMessage, refusal error) error {
	if !errors.Is(refusal, ErrExists) && !errors.Is(refusal, ErrBusy) {
		return refusal
	}
	d, err := e.Describe(ctx, name)
	if errors.Is(err, ErrNotFound) {
		if errors.Is(refusal, ErrExists) {
			return fmt.Errorf("%w: %s is being started right now", ErrBusy, name)
		}
		return refusal
	}
	if err != nil {
		return err
	}
	if d.Status != asl.Running || !sameJSON(d.Input, input) {
		return fmt.Errorf("%w: %s", ErrExists, name)
	}
	return e.adopt(ctx, name)
}

// adopt resumes an execution whose start was written by a call that did not learn of it.
func (e *Engine) adopt(ctx context.Context, name string) error {
	if e.running(name) != nil {
		return nil
	}
	if err := e.resumeOne(ctx, name); !errors.Is(err, ErrExists) {
		return err
	}
	return nil
}

// sameJSON compares but for white space, as the input is stored compact.
func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// begin takes the first step, whose event is in the journal already.
func (r *run) begin(start asl.Event) {
	now := time.UnixMicro(r.rec.Started).UTC()
	x, effects, err := asl.Step(r.machine, nil, r.identify(start), now, nil)
	if err != nil {
		r.lose(err)
		return
	}
	r.x = x
	c := &commit{effects: effects, at: now}
	if end := ended(effects); end != nil {
		err = r.conclude(c, end, now)
	}
	if err != nil {
		r.lose(err)
		return
	}
	r.launch(c)
}

// launch begins the work on a run that is new to this engine: its first effects, then whatever has been queued.
func (r *run) launch(c *commit) {
	if !r.e.begin() {
		return
	}
	defer r.e.working.Done()
	r.pending = c
	r.follow(r.work())
}

// identify fills in what is not journalled, since the name and the record tell it.
func (r *run) identify(start asl.Event) asl.Event {
	s := *start.Started
	machine := r.e.opt.Name
	s.ExecutionID, s.Name, s.RoleARN = r.rec.arn("execution")+machine+":"+r.name, r.name, r.rec.role()
	s.StateMachineID, s.StateMachineName = r.rec.arn("stateMachine")+machine, machine
	return asl.Event{Started: &s}
}

// Wait returns once the execution has ended and that is durable. Errors: ErrNotFound, ErrClosed, ctx's, or that this
// engine has lost the execution to another.
func (e *Engine) Wait(ctx context.Context, name string) (Description, error) {
	for {
		r := e.running(name)
		if r == nil {
			return e.outcome(ctx, name)
		}
		if err := e.await(ctx, r); err != nil {
			return Description{}, err
		}
		if r.lost != errAbandoned {
			return r.end, r.lost
		}
	}
}

// await returns when the run is done; that it is done already counts more than any other reason to return.
func (e *Engine) await(ctx context.Context, r *run) error {
	select {
	case <-r.done:
		return nil
	default:
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.ctx.Done():
		return ErrClosed
	}
}

func (e *Engine) outcome(ctx context.Context, name string) (Description, error) {
	d, err := e.Describe(ctx, name)
	if err == nil && d.Status == asl.Running {
		return Description{}, fmt.Errorf("%w: execution %s is open, but not in this engine", ErrClosed, name)
	}
	return d, err
}

// Stop ends an open execution as ABORTED, wherever it stands; nothing is compensated. It returns once that is durable.
// Stopping an execution that has ended already changes nothing. Errors: ErrNotFound, ErrClosed.
func (e *Engine) Stop(ctx context.Context, name, errorName, cause string) (Description, error) {
	r := e.running(name)
	if r == nil {
		return e.outcome(ctx, name)
	}
	stop := asl.Event{Stopped: &asl.Stopped{Error: cut(errorName, maxErrorName), Cause: cut(cause, maxErrorMessage)}}
	e.opt.Scheduler.Go(func() { r.deliver(stop) })
	return e.Wait(ctx, name)
}

// Redrive resumes an execution that ended without success at the states that did not succeed, under the same name,
// definition and input. It returns once that is durable. As on Step Functions an execution can be redriven 1,000 times,
// within 14 days after its end (see Options), and one that failed at a Fail state only fails again. Errors: ErrNotFound,
// ErrNotRedrivable, ErrBusy, ErrClosed.
func (e *Engine) Redrive(ctx context.Context, name string) error {
	if e.running(name) != nil {
		return fmt.Errorf("%w: %s is running", ErrNotRedrivable, name)
	}
	if err := checkName(name); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	rec, version, err := e.record(ctx, name)
	if err != nil {
		return err
	}
	if rec.Status == asl.Running { // a redrive whose caller did not learn of it
		return e.adopt(ctx, name)
	}
	if err := e.checkRedrive(rec); err != nil {
		return err
	}
	r, err := e.ended(ctx, name, rec, version)
	if err != nil {
		return err
	}
	if err := r.x.CanRedrive(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotRedrivable, err)
	}
	err = e.enter(r, e.opt.MaxOpen)
	if errors.Is(err, ErrExists) {
		return fmt.Errorf("%w: %s is being redriven already", ErrNotRedrivable, name)
	}
	if err != nil {
		return err
	}
	if err := r.redrive(); err != nil {
		e.abandon(r)
		return e.redrivenAfterAll(r, err)
	}
	return nil
}

// checkRedrive refuses what needs no look into the journal.
func (e *Engine) checkRedrive(rec *record) error {
	over := e.now().Sub(time.UnixMicro(rec.Stopped))
	switch {
	case rec.Status == asl.Succeeded:
		return fmt.Errorf("%w: it is %s; allowed are FAILED, TIMED_OUT and ABORTED", ErrNotRedrivable, rec.Status)
	case rec.Redrives >= e.opt.MaxRedrives:
		return fmt.Errorf("%w: it has been redriven %d times, as often as is allowed; start another execution", ErrNotRedrivable, rec.Redrives)
	case over > e.opt.RedriveWithin:
		return fmt.Errorf("%w: it ended %s ago, allowed are %s; start another execution", ErrNotRedrivable, over.Truncate(time.Second), e.opt.RedriveWithin)
	}
	return nil
}

// maxFailed bounds how many ended executions are kept in memory for a redrive.
const maxFailed = 64

// keep keeps a run that ended without success: a redrive of it, and the next, need not replay a journal that becomes
// longer each time.
func (e *Engine) keep(r *run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name := range e.failed {
		if len(e.failed) < maxFailed {
			break
		}
		delete(e.failed, name)
	}
	e.failed[r.name] = r
}

// ended is a run of an execution that has ended: as it was kept, when nobody has changed the execution since, else from
// its journal.
func (e *Engine) ended(ctx context.Context, name string, rec *record, version int64) (*run, error) {
	e.mu.Lock()
	kept := e.failed[name]
	delete(e.failed, name)
	e.mu.Unlock()
	if kept == nil || kept.version != version {
		r, _, err := e.load(ctx, name, nil)
		return r, err
	}
	r := e.newRun(name, kept.machine, rec)
	r.version, r.x, r.events, r.input = version, kept.x, kept.events, kept.input
	return r, nil
}

// redrivenAfterAll looks whether a redrive was written although its writer was told otherwise; then it goes on. The record
// tells, and not that the execution runs here: that may be another redrive, which comes to nothing as well.
func (e *Engine) redrivenAfterAll(r *run, err error) error {
	if errors.Is(err, ErrNotRedrivable) {
		return err
	}
	e.rescue(r.name, err)
	if rec, _, readErr := e.record(e.ctx, r.name); readErr != nil || rec.Redrives < r.rec.Redrives {
		return err
	}
	return nil
}

// redrive journals the redrive together with the reopened record, so that of two at once one is refused. The write
// outlives a caller who goes away.
func (r *run) redrive() error {
	c, err := r.redriven()
	if err != nil {
		return err
	}
	err = r.e.opt.Table.Transact(r.e.ctx, c.ops...)
	var conflict *table.Conflict
	if errors.As(err, &conflict) {
		return fmt.Errorf("%w: %s is being redriven already", ErrNotRedrivable, r.name)
	}
	if err != nil {
		return err
	}
	r.events++
	r.e.opt.Scheduler.Go(func() { r.launch(&commit{effects: c.effects, at: c.at}) })
	return nil
}

// redriven is the step of a redrive. It may end the execution at once, as at a Fail state, which only fails again.
func (r *run) redriven() (*commit, error) {
	r.rec.Redrives++
	r.rec.Status, r.rec.Stopped, r.rec.Error, r.rec.Cause, r.rec.State = asl.Running, 0, "", "", ""
	if err := r.step(asl.Event{Redriven: &asl.Redriven{}}); err != nil {
		return nil, err
	}
	c := r.pending
	r.pending = nil
	if ended(c.effects) == nil {
		return c, r.addRecord(c)
	}
	return c, nil
}
