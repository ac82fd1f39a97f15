package engine

import (
	"context"
	"errors"
	"fmt"

	"tripsaga/asl"
	"tripsaga/table"
)

// Stop ends an open execution as ABORTED, wherever it stands; nothing is compensated. It returns once that is durable.
// Stopping an execution that has ended already changes nothing. Errors: ErrNotFound, ErrClosed.
func (e *Engine) Stop(ctx context.Context, name, errorName, cause string) (Description, error) {
	r := e.running(name)
	if r == nil {
		return e.ended(ctx, name)
	}
	stop := asl.Event{Stopped: &asl.Stopped{Error: cut(errorName, maxErrorName), Cause: cut(cause, maxErrorMessage)}}
	e.opt.Scheduler.Go(func() { r.deliver(stop) })
	return e.Wait(ctx, name)
}

// Redrive resumes an execution that ended without success at the states that did not succeed, under the same name,
// definition and input. It returns once that is durable. Errors: ErrNotFound, ErrNotRedrivable, ErrBusy, ErrClosed.
func (e *Engine) Redrive(ctx context.Context, name string) error {
	if e.running(name) != nil {
		return fmt.Errorf("%w: %s is running", ErrNotRedrivable, name)
	}
	if err := checkName(name); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	r, _, err := e.load(ctx, name, nil)
	if err != nil {
		return err
	}
	if r.rec.Status == asl.Running { // a redrive whose caller did not learn of it
		return e.adopt(ctx, name)
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
