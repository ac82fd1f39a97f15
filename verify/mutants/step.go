package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"tripsaga/engine"
	"tripsaga/shared/money"
	"tripsaga/trip/adapters/store"
	"tripsaga/verify/world"
)

// steps are the mutants between the engine, a step and the bank.
var steps = []Mutant{
	{Name: "undo-swallows-error", Means: "CancelFlight reports success when it failed", variant: func() world.Variant {
		return world.Variant{Tasks: replace("CancelFlight", func(next engine.Task) engine.Task {
			return func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
				out, err := next(ctx, in)
				failed := (*engine.TaskError)(nil)
				service := errors.As(err, &failed) && failed.Message == "injected"
				if err == nil || service || errors.Is(err, engine.ErrNoReply) { // these errors are not the function's own: it cannot swallow them
					return out, err
				}
				return json.RawMessage(`{}`), nil
			}
		})}
	}},
	{Name: "failure-not-recorded", Means: "BookingFailed ends the saga without recording anything", variant: func() world.Variant {
		return world.Variant{Tasks: replace("BookingFailed", func(engine.Task) engine.Task {
			return func(context.Context, json.RawMessage) (json.RawMessage, error) {
				return nil, &engine.TaskError{Name: "BookingFailed"}
			}
		})}
	}},
	{Name: "retries-shared", Means: "the retries of a state are counted over all executions", Scenario: "two", variant: func() world.Variant {
		var failures atomic.Int64
		return world.Variant{Tasks: replace("ReserveHotel", func(next engine.Task) engine.Task {
			return func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
				const attempts = 5
				out, err := next(ctx, in)
				if err != nil && !errors.Is(err, engine.ErrNoReply) && failures.Add(1) > attempts {
					err = &engine.TaskError{Name: "Conflict", Message: err.Error()} // which is not retried
				}
				return out, err
			}
		})}
	}},
	{Name: "refund-from-reply", Means: "what is refunded is what the reply to the charge said", variant: func() world.Variant {
		heard := map[string]bool{}
		return world.Variant{Bank: func(b store.Bank) store.Bank { return replyBank{b, heard} }}
	}},
	{Name: "charge-without-key", Means: "a charge that is retried has a new key", variant: func() world.Variant {
		calls := map[string]int{}
		return world.Variant{Bank: func(b store.Bank) store.Bank { return keylessBank{b, calls} }}
	}},
	{Name: "refund-forgotten", Means: "RefundPayment reports success without asking the bank", variant: func() world.Variant {
		return world.Variant{Bank: func(b store.Bank) store.Bank { return deafBank{b} }}
	}},
}

// replace wraps the task of that name.
func replace(name string, around func(engine.Task) engine.Task) func(map[string]engine.Task) map[string]engine.Task {
	return func(tasks map[string]engine.Task) map[string]engine.Task {
		tasks[name] = around(tasks[name])
		return tasks
	}
}

// replyBank knows only the charges whose replies have arrived.
type replyBank struct {
	store.Bank
	heard map[string]bool
}

func (b replyBank) Charge(ctx context.Context, key string, amount money.Amount, card string) (string, error) {
	id, err := b.Bank.Charge(ctx, key, amount, card)
	if err == nil {
		b.heard[key] = true
	}
	return id, err
}

func (b replyBank) Cancel(ctx context.Context, key string) (string, error) {
	if !b.heard[key] {
		return "", nil
	}
	return b.Bank.Cancel(ctx, key)
}

// keylessBank uses a new key for each attempt.
type keylessBank struct {
	store.Bank
	calls map[string]int // by key
}

func (b keylessBank) Charge(ctx context.Context, key string, amount money.Amount, card string) (string, error) {
	b.calls[key]++
	if n := b.calls[key]; n > 1 {
		key = fmt.Sprintf("%s-%d", key, n)
	}
	return b.Bank.Charge(ctx, key, amount, card)
}

// deafBank ignores refunds.
type deafBank struct{ store.Bank }

func (b deafBank) Cancel(context.Context, string) (string, error) { return "", nil }
