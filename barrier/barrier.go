// Package barrier gives a saga's steps exactly-once effects, although a step is delivered at least once, late, twice,
// at the same time as its own cancellation, or after it. The adapters of a bounded context call it.
//
// A step's effect and its record are one transaction. The record decides every later delivery: a repeated do hears the
// first answer, an undo takes back what the record says was done, and an undo that finds nothing leaves a tombstone,
// so that a do that arrives after its own cancellation is refused.
//
//	what arrives                       what happens
//	do, first time                     effect + record DONE
//	do, refused by a business rule     record REFUSED: the same answer for ever
//	do again, same input               the stored answer; nothing written
//	do again, other input              IdempotencyMismatch, final
//	undo after do                      reverse effect + record UNDONE
//	undo after a refusal, undo again   success; nothing written
//	undo with no do                    tombstone UNDONE, success
//	do after undo                      StepCancelled, final; nothing written
//
// [Do] is for effects on the table itself, [Call] for a provider outside that moves on its own (a bank); [Undo] takes
// back either.
//
// A transaction whose outcome is unknown is reported as Unavailable: the next delivery reads what became of it.
package barrier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tripsaga/shared/fault"
	"tripsaga/table"
)

// Step names one step of one saga.
type Step struct {
	Key         table.Key // of the record
	Fingerprint string    // of the step's whole input, see ident.Fingerprint
}

// rereads bounds how often one delivery looks again after it lost a race. Each loss means that the record moved on,
// and it moves at most three times (STARTED, DONE, UNDONE).
const rereads = 4

// Fault gives an error of the table its kind: a call that breaks a limit is a fault of the software, everything else
// may pass when tried again. Errors that have a kind, and nil, are returned as they are.
func Fault(err error) error {
	var known *fault.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, table.ErrInvalid):
		return fault.Wrap(fault.Internal, fault.NameInternal, err, "the table refused the call")
	case errors.Is(err, table.ErrDamaged):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err,
			"a file of the store is damaged; restarting the server does not help: restore a backup (docs/operations.md)")
	case errors.Is(err, table.ErrFull):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err,
			"the store's disk is full: nothing is written until there is room on it, and then without a restart")
	case errors.Is(err, table.ErrClosed):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the store takes no more writes until the server is restarted")
	}
	return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the table did not answer")
}

// conflictOn tells which operation of a transaction found its condition broken.
func conflictOn(err error) (op int, ok bool) {
	var c *table.Conflict
	if !errors.As(err, &c) {
		return 0, false
	}
	return c.Op, true
}

func lostTooOften(key table.Key) error {
	return fault.New(fault.Unavailable, fault.NameUnavailable, "the record at %s keeps changing", key)
}

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

// Reverse takes back what a step did or, for a provider's step, may have done. It may be called again for the same
// step, so that what it does outside the table is idempotent. It returns the result to keep and the writes that go
// with the record UNDONE; taken tells whether there was something to take back.
type Reverse[R any] func(ctx context.Context, done R) (kept R, ops []table.Op, taken bool, err error)

// Undo undoes a step, or sees to it that it never happens. taken tells whether this call took something back.
// Errors: those of reverse; Unavailable when the outcome is unknown or the table was busy; Internal when a condition of
// reverse's writes does not hold.
func Undo[R any](ctx context.Context, t table.Table, key table.Key, reverse Reverse[R]) (taken bool, err error) {
	for range rereads {
		rec, ok, err := Load[R](ctx, t, key)
		if err != nil {
			return false, err
		}
		if ok && rec.State != Done && rec.State != Started {
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
	rec.State = Undone
	return taken, write(ctx, t, key, rec, ops)
}

// State is where a step stands.
type State string

// The states of a step's record. Done, Refused and Undone are answers: Refused and Undone stand for ever, Done until
// the step is undone.
const (
	Started State = "STARTED" // the intent is recorded, a provider outside may have acted (see [Call])
	Done    State = "DONE"
	Refused State = "REFUSED"
	Undone  State = "UNDONE"
)

// Record is what a step left behind. It is the participant's own item: the flight reservation is the record of the
// step that reserves a flight. R is what the step made, kept when the step is undone.
type Record[R any] struct {
	State       State    `json:"state"`
	Fingerprint string   `json:"fingerprint,omitempty"` // of the input; a tombstone has none
	Refusal     *Refusal `json:"refusal,omitempty"`     // when Refused
	Result      R        `json:"result,omitzero"`

	version int64
}

// Refusal is a business rule's no.
type Refusal struct {
	Name    string `json:"name"` // a stable name of package fault
	Message string `json:"message"`
}

// Load reads the record at key; ok tells whether there is one.
func Load[R any](ctx context.Context, t table.Table, key table.Key) (rec Record[R], ok bool, err error) {
	item, ok, err := t.Get(ctx, key)
	if err != nil || !ok {
		return rec, false, Fault(err)
	}
	rec, err = Decode[R](item)
	return rec, err == nil, err
}

// Decode reads the record out of its item.
func Decode[R any](item table.Item) (Record[R], error) {
	var rec Record[R]
	if err := json.Unmarshal(item.Data, &rec); err != nil {
		return rec, fmt.Errorf("barrier: the record at %s: %w", item.Key, err)
	}
	rec.version = item.Version
	return rec, nil
}

// put writes rec over the version it was read with; a new record must find its place empty.
func put[R any](key table.Key, rec Record[R]) (table.Op, error) {
	data, err := json.Marshal(rec)
	if err != nil {
		return table.Op{}, fmt.Errorf("barrier: the record at %s: %w", key, err)
	}
	cond := table.Absent
	if rec.version > 0 {
		cond = table.Version(rec.version)
	}
	return table.Put(table.Item{Key: key, Version: rec.version + 1, Data: data}, cond), nil
}

// answer is what a repeated do hears from the record it finds.
func (rec Record[R]) answer(step Step) (R, error) {
	var none R
	switch {
	case rec.State == Undone:
		return none, fault.New(fault.Conflict, fault.NameStepCancelled, "the step at %s has been undone", step.Key)
	case rec.Fingerprint != step.Fingerprint:
		return none, fault.New(fault.Conflict, fault.NameIdempotencyMismatch,
			"the step at %s was done with another input", step.Key)
	case rec.State == Refused && rec.Refusal != nil:
		return none, fault.New(fault.Refused, rec.Refusal.Name, "%s", rec.Refusal.Message)
	case rec.State == Done:
		return rec.Result, nil
	}
	return none, fmt.Errorf("barrier: the record at %s has state %q, which has no answer", step.Key, rec.State)
}
