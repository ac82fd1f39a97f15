package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tripsaga/asl"
	"tripsaga/table"
)

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
