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

// Start starts an execution. The caller chooses its name, 1 to 80 letters, digits, - _ and ., which is the idempotency
// key: starting again with the same name and input while the execution is open is the same start. Start returns when the
// start is durable. Errors: ErrInvalid (the name, or an input that is not JSON or larger than asl.MaxData), ErrExists,
// ErrBusy, ErrClosed; those of the table, after which the outcome is unknown and Start may be called again.
func (e *Engine) Start(ctx context.Context, name string, input json.RawMessage) error {
	if err := checkStart(name, input); err != nil {
		return err
	}
	rec := &record{Definition: e.hash, Status: asl.Running, Started: e.now().UnixMicro(), Trace: traceOf(ctx)}
	rec.place(&e.opt)
	r := e.newRun(name, e.machine, rec)
	r.input, r.key = input, e.tokenKey()
	if err := e.enter(r, e.opt.MaxOpen); err != nil {
		return e.startedBefore(ctx, name, input, err)
	}
	start := asl.Event{Started: &asl.Started{Input: input, Seed: e.opt.Seed(), TokenKey: r.key}}
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

// create writes the record and the start. They need not be durable yet: Start syncs before it returns, while the first
// task runs already. The write does not end with the caller's context, so its outcome is rarely unknown.
func (e *Engine) create(r *run, start asl.Event) error {
	record, err := r.recordItem(r.version)
	if err != nil {
		return err
	}
	data, err := encodeEntry(time.UnixMicro(r.rec.Started), start)
	if err != nil {
		return err
	}
	journal := table.Item{Key: journalKey(record.PK, 0), Version: 1, Data: data}
	err = e.opt.Table.Transact(e.deferred, table.Put(record, table.Absent), table.Put(journal, table.Absent))
	if table.IsConflict(err) {
		return ErrExists
	}
	return err
}

// rescue runs an execution whose start or redrive was written although the table reported an error (a lost reply). Without it,
// the execution would be open but not run until the next Open.
func (e *Engine) rescue(name string, err error) {
	if errors.Is(err, ErrExists) {
		return
	}
	if err := e.adopt(e.ctx, name); err != nil && !errors.Is(err, ErrNotFound) {
		e.opt.Log.Warn("it is unknown whether an execution was started; the next Start, Redrive or Open resumes it if it was", "execution", name, "error", err)
	}
}

// startedBefore turns a refusal into success if the execution is open with the same input.
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

// adopt resumes an open execution that does not run here.
func (e *Engine) adopt(ctx context.Context, name string) error {
	if e.running(name) != nil {
		return nil
	}
	if err := e.resumeOne(ctx, name); !errors.Is(err, ErrExists) {
		return err
	}
	return nil
}

// sameJSON compares two inputs without their white space.
func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// begin computes the first step, whose event is in the journal already.
func (r *run) begin(start asl.Event) {
	r.identify(start.Started)
	now := time.UnixMicro(r.rec.Started).UTC()
	x, effects, err := asl.Step(r.machine, nil, start, now, nil)
	if err != nil {
		r.lose(err)
		return
	}
	r.x = x
	c := &commit{effects: effects, at: now, durable: handsOut(effects)}
	if end := ended(effects); end != nil {
		err = r.conclude(c, end, now)
	}
	if err != nil {
		r.lose(err)
		return
	}
	r.launch(c)
}

// launch makes the caller the worker of a new run: it performs the first effects, then takes what has been queued.
func (r *run) launch(c *commit) {
	if !r.e.begin() {
		return
	}
	defer r.e.working.Done()
	r.pending = c
	r.follow(r.work())
}

// identify fills in the fields of the start that are not journalled, because the name and the record hold them.
func (r *run) identify(s *asl.Started) {
	machine := r.e.opt.Name
	s.ExecutionID, s.Name, s.RoleARN = r.rec.executionID(machine, r.name), r.name, r.rec.role()
	s.StateMachineID, s.StateMachineName = r.rec.arn(":stateMachine:", machine, "", ""), machine
}

// Wait returns when the execution has ended and its end is durable. Errors: ErrNotFound, ErrClosed, ctx's, or the reason
// why this engine lost the execution.
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

// await returns when the run is done. If both the run is done and ctx has ended, the run counts.
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

// Stop ends an open execution as ABORTED, in whatever state it is; nothing is compensated. It returns when the end is
// durable. Stopping an execution that has ended changes nothing. Errors: ErrNotFound, ErrClosed.
func (e *Engine) Stop(ctx context.Context, name, errorName, cause string) (Description, error) {
	r := e.running(name)
	if r == nil {
		return e.outcome(ctx, name)
	}
	stop := asl.Event{Stopped: &asl.Stopped{Error: cut(errorName, maxErrorName), Cause: cut(cause, maxErrorMessage)}}
	e.opt.Scheduler.Go(func() { r.deliver(stop) })
	return e.Wait(ctx, name)
}

// Redrive resumes an execution that ended without success, at the states that did not succeed, under the same name,
// definition and input. It returns when the redrive is durable. As on Step Functions, an execution can be redriven 1,000
// times and until 14 days after its end (see Options), and one that failed at a Fail state only fails again.
// Errors: ErrNotFound, ErrNotRedrivable, ErrBusy, ErrClosed.
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
	if rec.Status == asl.Running { // an earlier redrive was written although its reply was lost
		return e.adopt(ctx, name)
	}
	if err := e.Redrivable(e.describe(name, rec, nil)); err != nil {
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

// Redrivable returns why an execution with this description cannot be redriven, nil if its status, MaxRedrives and
// RedriveWithin allow it. It does not read the journal, so that [Engine.Redrive] may still refuse an execution that
// failed at a Fail state or has a full history. Errors: ErrNotRedrivable.
func (e *Engine) Redrivable(d Description) error {
	over := e.now().Sub(d.Stopped)
	switch {
	case d.Status == asl.Running || d.Status == asl.Succeeded:
		return fmt.Errorf("%w: it is %s; allowed are FAILED, TIMED_OUT and ABORTED", ErrNotRedrivable, d.Status)
	case d.Redrives >= e.opt.MaxRedrives:
		return fmt.Errorf("%w: it has been redriven %d times, as often as is allowed; start another execution", ErrNotRedrivable, d.Redrives)
	case over > e.opt.RedriveWithin:
		return fmt.Errorf("%w: it ended %s ago, allowed are %s; start another execution", ErrNotRedrivable, over.Truncate(time.Second), e.opt.RedriveWithin)
	}
	return nil
}

// maxFailed is how many ended executions are kept in memory for a redrive.
const maxFailed = 64

// keep keeps a run that ended without success. A saga that is redriven over and over has a journal that grows with each
// redrive; replaying it each time would make n redrives cost n².
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

// ended returns a run of an execution that has ended: the one that was kept, if the record has not changed since, else
// one replayed from the journal.
func (e *Engine) ended(ctx context.Context, name string, rec *record, version int64) (*run, error) {
	e.mu.Lock()
	kept := e.failed[name]
	delete(e.failed, name)
	e.mu.Unlock()
	if kept == nil || kept.version != version {
		r, _, err := e.load(ctx, name, watcher{})
		return r, err
	}
	r := e.newRun(name, kept.machine, rec)
	r.version, r.x, r.events, r.input, r.key = version, kept.x, kept.events, kept.input, kept.key
	return r, nil
}

// redrivenAfterAll checks whether a redrive whose write failed was written nevertheless; then it is a success. The record's
// count decides, not whether the execution runs here: that may be a concurrent redrive, which may fail as well.
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

// redrive writes the redrive's entry together with the reopened record, whose version refuses one of two concurrent
// redrives. The write does not end with the caller's context.
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

// redriven computes the step of a redrive. The step may end the execution immediately: a Fail state only fails again.
func (r *run) redriven() (*commit, error) {
	r.rec.Redrives++
	r.rec.Status, r.rec.Stopped, r.rec.Error, r.rec.Cause, r.rec.State = asl.Running, 0, "", "", ""
	if err := r.step(letter{Event: asl.Event{Redriven: &asl.Redriven{}}}); err != nil {
		return nil, err
	}
	c := r.pending
	r.pending = nil
	if ended(c.effects) == nil {
		return c, r.addRecord(c)
	}
	return c, nil
}
