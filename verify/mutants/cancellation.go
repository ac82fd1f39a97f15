package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tripsaga/engine"
	"tripsaga/shared/money"
	"tripsaga/table"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/verify/trip"
)

// cancellations are the mutants of a trip's cancellation.
var cancellations = []Mutant{
	{Name: "pivot-ignores-request", Means: "ProcessPayment does not see that the client has asked to cancel the trip", Scenario: "booked",
		variant: func() trip.Variant {
			return trip.Variant{Table: func(t table.Table) table.Table { return blind{t} }}
		}},
	{Name: "cancel-releases-twice", Means: "a repeated step of a cancellation releases seats or rooms again", Scenario: "cancelled",
		variant: func() trip.Variant {
			cancelling := map[string]bool{}
			return trip.Variant{Table: func(t table.Table) table.Table {
				return forgetful{writer{t, func(ctx context.Context, t table.Table, ops []table.Op) error {
					err := t.Transact(ctx, ops...)
					if ops[0].Key.SK == "TRIP" && bytes.Contains(ops[0].Item.Data, []byte(`"CANCELLING"`)) {
						cancelling[ops[0].Key.PK] = true
					}
					return err
				}}, cancelling}
			}}
		}},
	{Name: "cancellation-renamed", Means: "a cancellation that is started again has a new name", Scenario: "cancelled",
		variant: func() trip.Variant {
			n := 0
			return trip.Variant{App: func(s *app.Service) { s.Starter = renaming{s.Starter, &n} }}
		}},
	{Name: "cancelled-though-departed", Means: "a trip is cancelled although its flight has departed", Scenario: "cancelled",
		variant: func() trip.Variant {
			var clock engine.Scheduler
			return trip.Variant{
				Scheduler: func(s engine.Scheduler) engine.Scheduler { clock = s; return s },
				App:       func(s *app.Service) { s.Inventory = undeparted{s.Inventory, clock} },
			}
		}},
	{Name: "cancel-not-started", Means: "a cancellation that was requested while the booking ran is started by nobody", Scenario: "booked",
		variant: func() trip.Variant {
			return trip.Variant{App: func(s *app.Service) { s.Starter = idle{s.Starter} }}
		}},
	{Name: "cancelled-without-refund", Means: "RefundBooking reports success and refunds nothing", Scenario: "cancelled",
		variant: func() trip.Variant {
			return trip.Variant{Tasks: replace("RefundBooking", func(engine.Task) engine.Task {
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

// blind hides the request to cancel the trip from the payment.
type blind struct{ table.Table }

func (t blind) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	item, ok, err := t.Table.Get(ctx, key)
	if info, _ := engine.InfoOf(ctx); ok && key.SK == "TRIP" && info.Function == "ProcessPayment" {
		item.Data = bytes.Replace(item.Data, []byte(`"cancellation":`), []byte(`"hidden":`), 1)
	}
	return item, ok, err
}

// Sync calls the inner table.
func (t blind) Sync(ctx context.Context) error { return table.Sync(ctx, t.Table) }

// renaming starts the first cancellation under the trip's id and later ones under different names.
type renaming struct {
	app.Starter
	n *int
}

func (s renaming) Start(ctx context.Context, saga, tripID string, input json.RawMessage) error {
	if saga == domain.CancellationSaga {
		if *s.n++; *s.n > 1 {
			tripID = fmt.Sprint(tripID, "-", *s.n)
		}
	}
	return s.Starter.Start(ctx, saga, tripID, input)
}

// undeparted reads a flight that has departed as one that departs in a day.
type undeparted struct {
	domain.Inventory
	clock engine.Scheduler
}

func (v undeparted) Departure(ctx context.Context, n domain.FlightNumber, day domain.Date) (domain.FlightDay, error) {
	f, err := v.Inventory.Departure(ctx, n, day)
	for err == nil && !v.clock.Now().Before(f.Departure()) {
		f.Date = f.Date.Next()
	}
	return f, err
}

// idle starts no cancellation.
type idle struct{ app.Starter }

func (s idle) Start(ctx context.Context, saga, tripID string, input json.RawMessage) error {
	if saga == domain.CancellationSaga {
		return nil
	}
	return s.Starter.Start(ctx, saga, tripID, input)
}

// refundCall is one partial refund, the n-th of its run.
type refundCall struct {
	id, reference string
	part          money.Amount
	now           time.Time
	n             int
}

// onRefund replaces partial refunds.
func onRefund(do func(context.Context, domain.PaymentProvider, refundCall) (string, error)) func() trip.Variant {
	return func() trip.Variant {
		n := 0
		var clock engine.Scheduler
		return trip.Variant{
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
