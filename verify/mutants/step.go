package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"tripsaga/engine"
	"tripsaga/trip/domain"
	"tripsaga/verify/trip"
)

// steps are the mutants between the engine, a step and the bank.
var steps = []Mutant{
	{Name: "undo-swallows-error", Means: "CancelFlight reports success when it failed", variant: func() trip.Variant {
		return trip.Variant{Tasks: replace("CancelFlight", func(next engine.Task) engine.Task {
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
	{Name: "failure-not-recorded", Means: "BookingFailed ends the saga without recording anything", variant: func() trip.Variant {
		return trip.Variant{Tasks: replace("BookingFailed", func(engine.Task) engine.Task {
			return func(context.Context, json.RawMessage) (json.RawMessage, error) {
				return nil, &engine.TaskError{Name: "BookingFailed"}
			}
		})}
	}},
	{Name: "retries-shared", Means: "the retries of a state are counted over all executions", Scenario: "two", variant: func() trip.Variant {
		var failures atomic.Int64
		return trip.Variant{Tasks: replace("ReserveHotel", func(next engine.Task) engine.Task {
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
	{Name: "refund-from-reply", Means: "what is refunded is what the reply to the charge said", variant: func() trip.Variant {
		heard := map[string]bool{}
		return trip.Variant{Provider: func(b domain.PaymentProvider) domain.PaymentProvider { return replyBank{b, heard} }}
	}},
	{Name: "charge-without-key", Means: "a charge that is retried has a new key", variant: func() trip.Variant {
		calls := map[string]int{}
		return trip.Variant{Provider: func(b domain.PaymentProvider) domain.PaymentProvider { return keylessBank{b, calls} }}
	}},
	{Name: "refund-forgotten", Means: "RefundPayment reports success without asking the bank", variant: func() trip.Variant {
		return trip.Variant{Provider: func(b domain.PaymentProvider) domain.PaymentProvider { return deafBank{b} }}
	}},
}

// replace wraps the task with that name.
func replace(name string, around func(engine.Task) engine.Task) func(map[string]engine.Task) map[string]engine.Task {
	return func(tasks map[string]engine.Task) map[string]engine.Task {
		tasks[name] = around(tasks[name])
		return tasks
	}
}

// replyBank knows only the charges whose replies have arrived.
type replyBank struct {
	domain.PaymentProvider
	heard map[string]bool
}

func (b replyBank) Confirm(ctx context.Context, id string, card domain.CardToken) (string, error) {
	charge, err := b.PaymentProvider.Confirm(ctx, id, card)
	if err == nil {
		b.heard[id] = true
	}
	return charge, err
}

func (b replyBank) Cancel(ctx context.Context, id string) (string, error) {
	if !b.heard[id] {
		return "", nil
	}
	return b.PaymentProvider.Cancel(ctx, id)
}

// keylessBank charges a new intent for each attempt.
type keylessBank struct {
	domain.PaymentProvider
	calls map[string]int // by intent
}

func (b keylessBank) Confirm(ctx context.Context, id string, card domain.CardToken) (string, error) {
	b.calls[id]++
	n := b.calls[id]
	if n == 1 {
		return b.PaymentProvider.Confirm(ctx, id, card)
	}
	in, err := b.Get(ctx, id)
	if err != nil {
		return "", err
	}
	fresh, err := b.Create(ctx, fmt.Sprintf("%s-%d", id, n), in.Order)
	if err != nil {
		return "", err
	}
	return b.PaymentProvider.Confirm(ctx, fresh, card)
}

// deafBank ignores refunds.
type deafBank struct{ domain.PaymentProvider }

func (b deafBank) Cancel(context.Context, string) (string, error) { return "", nil }
