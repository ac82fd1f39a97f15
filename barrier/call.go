package barrier

import (
	"context"
	"fmt"

	"tripsaga/shared/fault"
	"tripsaga/table"
)

// Provider is an external party that a step calls, such as a bank. A call cannot be revoked: once sent, it may arrive late. R
// is both the intent, which Prepare fills, and the result, which Perform completes.
type Provider[R any] struct {
	// Prepare returns the intent, if the step has no record yet. It must not have an effect: concurrent deliveries may each
	// prepare an intent, and only the recorded one counts. The recorded intent never changes. An error of kind Refused is
	// recorded as the step's answer.
	Prepare func(ctx context.Context) (R, error)
	// Perform acts at the provider, once for an intent, and returns the completed result. An error of kind Refused is final,
	// but another delivery of the step may still succeed at the provider: see Reverse. StepCancelled means that the intent was
	// cancelled at the provider. After any other error the outcome is unknown.
	Perform func(ctx context.Context, intent R) (R, error)
	// Reverse ensures that the intent can never be performed, and reverses it if it was. [Call] calls it after a refusal
	// of Perform, before the refusal is returned.
	Reverse Reverse[R]
}

// Call runs a step whose effect is at a provider. It records the intent, durably, before it calls the provider. So a
// compensation at any moment finds what may have happened and cancels it at the provider. Errors are those of [Do], and those
// of Reverse.
//
// A refusal of Perform takes two writes. The first records it as open: it is the step's answer, but a delivery that was paused
// may still perform the intent. The second records it as final, after Reverse. A replay or a compensation that finds an open
// refusal closes it before it answers.
func Call[R any](ctx context.Context, t table.Table, step Step, p Provider[R]) (R, error) {
	var none R
	rec, err := intend(ctx, t, step, p)
	for range rereads {
		switch {
		case err != nil:
			return none, err
		case rec.State == Undone || rec.Fingerprint != step.Fingerprint:
			return rec.answer(step)
		case rec.Open:
			rec, err = shut(ctx, t, step.Key, rec, p.Reverse)
		case rec.State == Started:
			rec, err = perform(ctx, t, step.Key, rec, p)
		default:
			return rec.answer(step)
		}
	}
	if err == nil {
		err = lostTooOften(step.Key)
	}
	return none, err
}

// intend returns the record. If it does not exist, intend writes it as STARTED. An intent that leads to a call is durable in
// either case, even in a deferred context: the provider acts outside the table, and a crash must not lose the trace of that.
func intend[R any](ctx context.Context, t table.Table, step Step, p Provider[R]) (Record[R], error) {
	rec, ok, err := Load[R](ctx, t, step.Key)
	switch {
	case err != nil || ok && rec.answered():
		return rec, err
	case ok:
		return reload[R](ctx, t, step.Key)
	}
	intent, err := p.Prepare(ctx)
	switch {
	case err == nil:
		rec = Record[R]{State: Started, Fingerprint: step.Fingerprint, Result: intent}
		return settle(table.Durable(ctx), t, step.Key, rec, nil)
	case fault.KindOf(err) == fault.Refused:
		return settle(ctx, t, step.Key, refusal[R](step, err), nil)
	}
	return rec, Fault(err)
}

// perform calls the provider and replaces the intent with its answer. It returns the record as it is then. If the record has
// changed meanwhile, the change counts: another delivery has recorded its answer, or a compensation has cancelled the intent at
// the provider before it wrote.
func perform[R any](ctx context.Context, t table.Table, key table.Key, rec Record[R], p Provider[R]) (Record[R], error) {
	result, err := p.Perform(ctx, rec.Result)
	next := rec
	switch {
	case err == nil:
		next.State, next.Result = Done, result
		return settle(ctx, t, key, next, nil)
	case fault.KindOf(err) == fault.Refused:
		next.State, next.Refusal, next.Open = Refused, refused(err), true
		return settle(table.Durable(ctx), t, key, next, nil)
	case fault.Is(err, fault.NameStepCancelled): // by a compensation, or by a delivery that was refused
		found, loadErr := reload[R](ctx, t, key)
		if loadErr != nil || found.State == Refused {
			return found, loadErr
		}
	}
	return rec, Fault(err)
}

// shut makes an open refusal final.
func shut[R any](ctx context.Context, t table.Table, key table.Key, rec Record[R], reverse Reverse[R]) (Record[R], error) {
	kept, ops, _, err := reverse(ctx, rec.Result)
	if err != nil {
		return rec, Fault(err)
	}
	rec.Result, rec.Open = kept, false
	return settle(ctx, t, key, rec, ops)
}

// settle writes the record and ops. It returns the stored record: rec, or what another delivery has written.
func settle[R any](ctx context.Context, t table.Table, key table.Key, rec Record[R], ops []table.Op) (Record[R], error) {
	err := write(ctx, t, key, rec, ops)
	op, conflict := conflictOn(err)
	switch {
	case err == nil:
		rec.version++
		return rec, nil
	case !conflict:
		return rec, Fault(err)
	case op != 0:
		return rec, fmt.Errorf("barrier: reversing the step at %s: %w", key, err)
	}
	return reload[R](ctx, t, key)
}

// reload reads an existing record. What it returns is durable, since a call of the provider may depend on it.
func reload[R any](ctx context.Context, t table.Table, key table.Key) (Record[R], error) {
	rec, ok, err := Load[R](table.Durable(ctx), t, key)
	if err == nil && !ok {
		err = lostTooOften(key)
	}
	return rec, err
}
