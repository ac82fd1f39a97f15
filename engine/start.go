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
