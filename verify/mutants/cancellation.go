package mutants

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tripsaga/engine"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/domain"
	"tripsaga/verify/world"
)

// cancellations are the mutants of a trip's cancellation.
var cancellations = []Mutant{
	{Name: "cancel-not-started", Means: "a cancellation that was requested while the booking ran is started by nobody", Scenario: "booked",
		variant: func() world.Variant {
			return world.Variant{Table: func(t table.Table) table.Table { return unlisted{t} }}
		}},
	{Name: "cancelled-without-refund", Means: "RefundBooking reports success and refunds nothing", Scenario: "cancelled",
		variant: func() world.Variant {
			return world.Variant{Tasks: replace("RefundBooking", func(engine.Task) engine.Task {
				return func(context.Context, json.RawMessage) (json.RawMessage, error) {
					return json.RawMessage(`{"taken_back":true}`), nil
				}
			})}
		}},
	{Name: "fee-ignored", Means: "a cancellation with a fee refunds everything", Scenario: "cancelled", variant: onRefund(
		func(ctx context.Context, b domain.PaymentProvider, r refundCall) (string, error) {
			return b.Cancel(ctx, r.id)
		})},
	{Name: "refund-renamed", Means: "a refund that is repeated has a new reference", Scenario: "cancelled", variant: onRefund(
		func(ctx context.Context, b domain.PaymentProvider, r refundCall) (string, error) {
			return b.Refund(ctx, r.id, fmt.Sprint(r.reference, r.n), r.part)
		})},
	{Name: "policy-read-again", Means: "the fee is what the policy says at the refund, not at the request", Scenario: "cancelled", variant: onRefund(
		func(ctx context.Context, b domain.PaymentProvider, r refundCall) (string, error) {
			if r.now.After(time.Date(2027, 1, 18, 12, 0, 0, 0, time.UTC)) { // less than 48 hours before the departure
				r.part.Minor = r.part.Minor * 50 / 80
			}
			return b.Refund(ctx, r.id, r.reference, r.part)
		})},
}

// unlisted lists no trip that is being cancelled.
type unlisted struct{ table.Table }

func (t unlisted) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Index && strings.HasPrefix(q.PK, "TRIPS#CANCELLING") {
		return table.Page{}, nil
	}
	return t.Table.Query(ctx, q)
}

// Sync calls the inner table.
func (t unlisted) Sync(ctx context.Context) error { return table.Sync(ctx, t.Table) }

// refundCall is one refund of a part, the n-th one of its run.
type refundCall struct {
	id, reference string
	part          money.Amount
	now           time.Time
	n             int
}

// onRefund replaces refunds of a part.
func onRefund(do func(context.Context, domain.PaymentProvider, refundCall) (string, error)) func() world.Variant {
	return func() world.Variant {
		n := 0
		var clock engine.Scheduler
		return world.Variant{
			Scheduler: func(s engine.Scheduler) engine.Scheduler { clock = s; return s },
			Provider: func(b domain.PaymentProvider) domain.PaymentProvider {
				return refunds{b, func(ctx context.Context, r refundCall) (string, error) {
					n++
					r.n, r.now = n, clock.Now()
					return do(ctx, b, r)
				}}
			},
		}
	}
}

type refunds struct {
	domain.PaymentProvider
	do func(context.Context, refundCall) (string, error)
}

func (b refunds) Refund(ctx context.Context, id, reference string, part money.Amount) (string, error) {
	return b.do(ctx, refundCall{id: id, reference: reference, part: part})
}
