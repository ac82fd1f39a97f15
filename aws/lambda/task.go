package lambda

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"tripsaga/aws/trial"
	"tripsaga/shared/fault"
	"tripsaga/telemetry"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
)

// newTask makes a task of the saga.
func newTask(s *system, name string) handler {
	handle := handlers.New(s.app, observed(s.observer))[name]
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		reply, err := handle(ctx, payload)
		if err != nil {
			return nil, named(err)
		}
		return reply, nil
	}
}

// maxMessage bounds an error's message, in bytes, so that its payload fits into the 32,768 characters of a cause.
const maxMessage = 30_000

// named returns the error under its stable name, which the state machine matches. The runtime takes the name from this
// type alone, by value, and does not unwrap errors.
func named(err error) messages.InvokeResponse_Error {
	message := err.Error()
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	return messages.InvokeResponse_Error{Type: fault.NameOf(err), Message: strings.ToValidUTF8(message, "")}
}

// synthetic reports whether a trial sent the delivery, before a new version gets traffic. It is logged and traced like any
// other. It is not counted, since the alarms that watch the roll-out would take it for a customer's.
func synthetic(ctx context.Context) bool {
	d, ok := handlers.DeliveryOf(ctx)
	return ok && trial.Synthetic(d.Execution)
}

// observed observes all deliveries and counts those that are not synthetic.
func observed(o telemetry.Observer) handlers.Around {
	quiet := o
	quiet.Metrics = nil
	return func(step string, next handlers.Handler) handlers.Handler {
		counting, silent := telemetry.Task(o)(step, next), telemetry.Task(quiet)(step, next)
		return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			if synthetic(ctx) {
				return silent(ctx, input)
			}
			return counting(ctx, input)
		}
	}
}

// notSynthetic observes what happens to trips and counts what is not synthetic.
type notSynthetic struct{ telemetry.Observer }

// Happened implements app.Observer.
func (c notSynthetic) Happened(ctx context.Context, tripID string, what domain.EventType, reason string) {
	if synthetic(ctx) {
		c.Metrics = nil
	}
	c.Observer.Happened(ctx, tripID, what, reason)
}
