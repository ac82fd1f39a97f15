package barrier

import (
	"context"
	"fmt"

	"tripsaga/shared/fault"
	"tripsaga/table"
)

// Effect is what a step wants to write when it is the first.
type Effect[R any] struct {
	Result R
	Ops    []table.Op // written together with the record; none of them on the record's key
	// Refuse tells what it means that the condition of Ops[op] did not hold: an error of kind Refused is the step's
	// final answer, any other is returned and leaves no record. nil means that no condition can fail.
	Refuse func(op int) error
}

// Do runs a step on the table. effect only reads, and may be called although the step was done long ago: first
// deliveries are the common case, so that Do tries to write before it looks. An error of kind Refused from effect is
// recorded as the step's answer; any other error is returned and leaves no record.
//
// Errors: the refusal; IdempotencyMismatch and StepCancelled of kind Conflict; Unavailable when the outcome is unknown
// or the table was busy.
func Do[R any](ctx context.Context, t table.Table, step Step,
	effect func(context.Context) (Effect[R], error)) (R, error) {
	var none R
	e, err := effect(ctx)
	if fault.KindOf(err) == fault.Refused {
		return refuse[R](ctx, t, step, err)
	}
	if err != nil {
		return none, Fault(err)
	}
	err = write(ctx, t, step.Key, Record[R]{State: Done, Fingerprint: step.Fingerprint, Result: e.Result}, e.Ops)
	if err == nil {
		return e.Result, nil
	}
	op, conflict := conflictOn(err)
	switch {
	case !conflict:
		return none, Fault(err)
	case op == 0:
		return recall[R](ctx, t, step)
	}
	return declined(ctx, t, step, e, op-1, err)
}

// declined maps a broken condition of the effect. The record's own condition held then (it is the first operation), so
// the step is still open.
func declined[R any](ctx context.Context, t table.Table, step Step, e Effect[R], op int, cause error) (R, error) {
	var none R
	if e.Refuse == nil {
		return none, fmt.Errorf("barrier: the step at %s: %w", step.Key, cause)
	}
	err := e.Refuse(op)
	if fault.KindOf(err) == fault.Refused {
		return refuse[R](ctx, t, step, err)
	}
	return none, Fault(err)
}

// refuse records why, unless another delivery has answered in the meantime: then that answer stands.
func refuse[R any](ctx context.Context, t table.Table, step Step, why error) (R, error) {
	var none R
	err := write(ctx, t, step.Key, refusal[R](step, why), nil)
	if err == nil {
		return none, why
	}
	if _, conflict := conflictOn(err); conflict {
		return recall[R](ctx, t, step)
	}
	return none, Fault(err)
}

func refusal[R any](step Step, why error) Record[R] {
	return Record[R]{State: Refused, Fingerprint: step.Fingerprint,
		Refusal: &Refusal{Name: fault.NameOf(why), Message: why.Error()}}
}

// recall answers from the record that stood in the way.
func recall[R any](ctx context.Context, t table.Table, step Step) (R, error) {
	var none R
	rec, ok, err := Load[R](ctx, t, step.Key)
	if err != nil {
		return none, err
	}
	if !ok {
		return none, lostTooOften(step.Key)
	}
	return rec.answer(step)
}

// write makes the record the transaction's first operation: where several conditions fail, the record's counts.
func write[R any](ctx context.Context, t table.Table, key table.Key, rec Record[R], ops []table.Op) error {
	first, err := put(key, rec)
	if err != nil {
		return err
	}
	all := make([]table.Op, 0, 1+len(ops))
	return t.Transact(ctx, append(append(all, first), ops...)...)
}
