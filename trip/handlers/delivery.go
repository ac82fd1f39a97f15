package handlers

import (
	"context"
	"encoding/json"

	"tripsaga/shared/fault"
)

// Delivery identifies one delivery of a task. The state machine sends it next to the task's input:
//
//	{"delivery": {"execution": "arn:...", "trip_id": "...", "attempt": 0}, "input": {...}}
type Delivery struct {
	Execution string // the id of the saga's execution, an ARN
	TripID    string // also the execution's name
	Attempt   int    // 0 for the first, then the number of retries since the state was entered
	Step      string // the task's name
}

// DeliveryOf returns the delivery that ctx belongs to. ok is false outside a task.
func DeliveryOf(ctx context.Context) (d Delivery, ok bool) {
	d, ok = ctx.Value(deliveryKey{}).(Delivery)
	return d, ok
}

type deliveryKey struct{}

// open separates the delivery from the input. The handler gets the input alone, and the delivery in its context.
func open(step string, handle Handler) Handler {
	return func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
		d, input, err := openPayload(payload)
		if err != nil {
			return nil, single(err)
		}
		d.Step = step
		return handle(context.WithValue(ctx, deliveryKey{}, d), input)
	}
}

func openPayload(payload []byte) (Delivery, json.RawMessage, error) {
	var p struct {
		Delivery struct {
			Execution string `json:"execution"`
			TripID    string `json:"trip_id"`
			Attempt   *int   `json:"attempt"`
		} `json:"delivery"`
		Input json.RawMessage `json:"input"`
	}
	if err := decode(payload, &p); err != nil {
		return Delivery{}, nil, err
	}
	d := p.Delivery
	var missing fault.Problems
	missing.Add("delivery.execution", absent(d.Execution == ""))
	missing.Add("delivery.trip_id", absent(d.TripID == ""))
	missing.Add("delivery.attempt", absent(d.Attempt == nil || *d.Attempt < 0))
	missing.Add("input", absent(len(p.Input) == 0))
	if err := missing.Err(); err != nil {
		return Delivery{}, nil, err
	}
	return Delivery{Execution: d.Execution, TripID: d.TripID, Attempt: *d.Attempt}, p.Input, nil
}

func absent(is bool) error {
	if !is {
		return nil
	}
	return fault.Invalidf("", "the payload has none, want what the saga's definition sends")
}
