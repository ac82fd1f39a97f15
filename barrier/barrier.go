// Package barrier gives the steps of a saga exactly-once effects. A step is delivered at least once: late, twice,
// concurrently with its own compensation, or after it. The adapters of a bounded context call this package.
//
// The effect of a step and the step's record are one transaction. The record determines the answer to every later delivery. A
// duplicate returns the first result. A compensation reverses what the record says was done. A compensation that finds no
// record writes a tombstone, which refuses the step if it arrives after its own compensation (a late call, or zombie).
//
//	delivery                           effect
//	do, first time                     effect + record DONE
//	do, refused by a business rule     record REFUSED: the same answer for ever
//	do again, same input               the stored result; nothing is written
//	do again, other input              IdempotencyMismatch, final
//	do, refused by a provider          record REFUSED, open; then reverse at the provider + record REFUSED
//	undo after do                      reverse effect + record UNDONE
//	undo after a refusal, undo again   success; nothing is written
//	anything after an open refusal     first reverse at the provider + record REFUSED
//	undo with no do                    tombstone UNDONE, success
//	do after undo                      StepCancelled, final; nothing is written
//
// [Do] is for effects on the table itself. [Call] is for an external provider with its own books, such as a bank.
// [Undo] compensates either. Once a refusal was answered or an undo has succeeded, no late call leaves anything done.
//
// A transaction with an unknown outcome is reported as Unavailable. The retry reads the record and so learns the outcome.
//
// Errors have a kind and a name of package fault. A definition matches the name: fault.New(fault.Refused, "OutOfStock", ...) is
// "OutOfStock" to Retry and Catch, and what is Unavailable is "ServiceUnavailable".
package barrier

import (
	"context"
	"errors"
	"fmt"

	"tripsaga/shared/fault"
	"tripsaga/table"
)

// Step identifies one step of one execution of a saga.
type Step struct {
	Key         table.Key // of the step's record
	Fingerprint string    // of the step's whole input, see ident.Fingerprint; another input is another fingerprint
}

// rereads bounds how often one delivery reads the record again after it lost a race. Each loss means that another
// delivery changed the record, which is written at most three times in its life (STARTED, DONE, UNDONE; or STARTED,
// REFUSED and open, REFUSED).
const rereads = 4

// Fault wraps an error of the table with its kind. A call that exceeds a limit is Internal, since it is a bug. Every other
// error is Unavailable, since a retry may succeed. Errors that have a kind already, and nil, are returned unchanged.
func Fault(err error) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*fault.Error](err); known {
		return err
	}
	switch {
	case errors.Is(err, table.ErrInvalid):
		return fault.Wrap(fault.Internal, fault.NameInternal, err, "the table refused the call")
	case errors.Is(err, table.ErrDamaged):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err,
			"a file of the store is damaged; restarting the server does not help: restore a backup (docs/operations.md)")
	case errors.Is(err, table.ErrFull):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err,
			"the store's disk is full: free some space, then writes continue without a restart")
	case errors.Is(err, table.ErrClosed):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the store takes no more writes until the server is restarted")
	}
	return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the table did not answer")
}

// conflictOn returns the index of the operation whose condition failed. ok is false for other errors.
func conflictOn(err error) (op int, ok bool) {
	c, ok := errors.AsType[*table.Conflict](err)
	if !ok {
		return 0, false
	}
	return c.Op, true
}

func lostTooOften(key table.Key) error {
	return fault.New(fault.Unavailable, fault.NameUnavailable, "the record at %s keeps changing", key)
}

// Effect is what the first delivery of a step writes.
type Effect[R any] struct {
	Result R
	Ops    []table.Op // written in one transaction with the record; none may be on the record's key
	// Refuse returns the error for a failed condition of Ops[op]. An error of kind Refused is recorded as the step's final
	// answer. Any other error is returned and leaves no record. nil means that no condition can fail.
	Refuse func(op int) error
}

// Do runs a step whose effect is on the table. effect computes what to write and only reads. It may be called although
// the step was done long ago: first deliveries are the common case, so Do writes first and reads the record only if that
// fails. An error of kind Refused from effect is recorded as the step's answer. Any other error is returned and leaves no
// record.
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

// declined handles a failed condition of the effect. The record's own condition held in that case, because it is the
// first operation and the table reports the first failure. So no other delivery has answered yet.
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

// refuse records the refusal. If another delivery has answered in the meantime, that answer counts.
//
// Without the record a refusal would not be final: a first delivery that was paused before its transaction could still
// take the seat after the saga has continued with the compensation.
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
	return Record[R]{State: Refused, Fingerprint: step.Fingerprint, Refusal: refused(why)}
}

func refused(why error) *Refusal { return &Refusal{Name: fault.NameOf(why), Message: why.Error()} }

// recall answers from the record that another delivery has written.
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

// write makes the record the first operation of the transaction. If several conditions fail, the table reports the first
// one. So a duplicate is recognized as one, even if its effect could not be repeated (the flight is full by now).
func write[R any](ctx context.Context, t table.Table, key table.Key, rec Record[R], ops []table.Op) error {
	first, err := put(key, rec)
	if err != nil {
		return err
	}
	all := make([]table.Op, 0, 1+len(ops))
	return t.Transact(ctx, append(append(all, first), ops...)...)
}

// Reverse compensates what a step did or, for a provider's step, may have done. It may be called again for the same
// step, so its calls outside the table must be idempotent. It returns the result to keep in the record and the writes
// that go with the record. taken reports whether there was something to compensate.
type Reverse[R any] func(ctx context.Context, done R) (kept R, ops []table.Op, taken bool, err error)

// Undo compensates a step, or ensures that it never happens. taken reports whether this call compensated something.
// Errors: those of reverse; Unavailable when the outcome is unknown or the table was busy; Internal when a condition of
// reverse's writes does not hold.
func Undo[R any](ctx context.Context, t table.Table, key table.Key, reverse Reverse[R]) (taken bool, err error) {
	for range rereads {
		rec, ok, err := Load[R](ctx, t, key)
		if err != nil {
			return false, err
		}
		if ok && rec.answered() && rec.State != Done {
			return false, nil
		}
		taken, err := undo(ctx, t, key, rec, ok, reverse)
		op, conflict := conflictOn(err)
		switch {
		case err == nil:
			return taken, nil
		case !conflict:
			return false, Fault(err)
		case op != 0:
			return false, fmt.Errorf("barrier: undoing the step at %s: %w", key, err)
		}
	}
	return false, lostTooOften(key)
}

func undo[R any](ctx context.Context, t table.Table, key table.Key, rec Record[R], exists bool,
	reverse Reverse[R]) (taken bool, err error) {
	var ops []table.Op
	if exists {
		rec.Result, ops, taken, err = reverse(ctx, rec.Result)
		if err != nil {
			return false, err
		}
	}
	if rec.Open {
		rec.Open = false // it stays refused
	} else {
		rec.State = Undone
	}
	return taken, write(ctx, t, key, rec, ops)
}
