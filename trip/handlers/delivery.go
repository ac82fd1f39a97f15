package handlers

import "context"

// Delivery tells which delivery of a task a handler serves. The state machine sends it beside the task's input:
//
//	{"delivery": {"execution": "arn:...", "trip_id": "...", "attempt": 0}, "input": {...}}
type Delivery struct {
	Execution string // the id of the saga's execution, an ARN
	TripID    string // the execution's name
	Attempt   int    // 0 for the first, then the count of retries in this visit of the state
	Step      string // the task's name
}

// DeliveryOf is the delivery that ctx belongs to; ok is false outside of a task.
func DeliveryOf(ctx context.Context) (d Delivery, ok bool) {
	c, ok := ctx.Value(deliveryKey{}).(*delivered)
	if !ok {
		return Delivery{}, false
	}
	return c.delivery, true
}

type deliveryKey struct{}

// delivered is the context of a delivery.
type delivered struct {
	context.Context
	delivery Delivery
}

func (d *delivered) Value(key any) any {
	if key == (deliveryKey{}) {
		return d
	}
	return d.Context.Value(key)
}
