package barrier

import (
	"context"

	"tripsaga/shared/fault"
	"tripsaga/table"
)

// Provider is a party outside the table that a step acts on, such as a bank. It cannot be told "never": a call that
// was sent may still arrive. R is both the intent (which Prepare fills) and the result (which Perform completes).
type Provider[R any] struct {
	// Prepare decides what to ask for. It only reads. What it returns is frozen in the record before Perform is called.
	Prepare func(ctx context.Context) (R, error)
	// Perform acts, idempotently under a key that follows from the intent, and returns the completed result. An error
	// of kind Refused is final; StepCancelled tells that the key was cancelled; after any other error the outcome is
	// unknown.
	Perform func(ctx context.Context, intent R) (R, error)
}

// Call runs a step on a provider: the intent is recorded, durably, before the provider hears of it, so that an undo at
// any moment finds what may have happened and cancels it there. Errors are those of [Do].
func Call[R any](ctx context.Context, t table.Table, step Step, p Provider[R]) (R, error) {
	var none R
	rec, err := intend(ctx, t, step, p)
	if err != nil {
		return none, err
	}
	if rec.State != Started || rec.Fingerprint != step.Fingerprint {
		return rec.answer(step)
	}
	result, err := p.Perform(ctx, rec.Result)
	switch {
	case err == nil:
		rec.State, rec.Result = Done, result
	case fault.KindOf(err) == fault.Refused:
		intent := rec
		rec = refusal[R](step, err)
		rec.Result, rec.version = intent.Result, intent.version
	default:
		return none, Fault(err)
	}
	return settle(ctx, t, step, rec, err)
}

// intend leaves the record STARTED, or returns the one that stands already.
func intend[R any](ctx context.Context, t table.Table, step Step, p Provider[R]) (Record[R], error) {
	intent, err := p.Prepare(ctx)
	if err != nil {
		return Record[R]{}, Fault(err)
	}
	rec := Record[R]{State: Started, Fingerprint: step.Fingerprint, Result: intent}
	err = write(table.Durable(ctx), t, step.Key, rec, nil)
	if err == nil {
		rec.version = 1
		return rec, nil
	}
	if _, conflict := conflictOn(err); !conflict {
		return Record[R]{}, Fault(err)
	}
	found, ok, err := Load[R](table.Durable(ctx), t, step.Key)
	if err == nil && !ok {
		err = lostTooOften(step.Key)
	}
	return found, err
}

// settle records the provider's answer over the intent. Whoever got there first is right: another delivery of the step
// has the same answer, and an undo has cancelled at the provider before it wrote.
func settle[R any](ctx context.Context, t table.Table, step Step, rec Record[R], answer error) (R, error) {
	err := write(ctx, t, step.Key, rec, nil)
	if err == nil {
		return rec.Result, answer
	}
	if _, conflict := conflictOn(err); conflict {
		return recall[R](ctx, t, step)
	}
	var none R
	return none, Fault(err)
}
