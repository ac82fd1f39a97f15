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

// maxMessage bounds an error's message, so that its whole payload is within the 32,768 characters of a cause.
const maxMessage = 30_000

// named is the error under its stable name, by which the state machine decides. The runtime takes it from this type
// alone, by value, and looks into no chain of errors.
func named(err error) messages.InvokeResponse_Error {
	message := err.Error()
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	return messages.InvokeResponse_Error{Type: fault.NameOf(err), Message: strings.ToValidUTF8(message, "")}
}

// synthetic tells a delivery that a trial sends, before a new version takes traffic. Its log and its span are as any
// other's; it is in no metric, since it would stand beside customers' deliveries in the alarms that watch the roll-out.
func synthetic(ctx context.Context) bool {
	d, ok := handlers.DeliveryOf(ctx)
	return ok && trial.Synthetic(d.Execution)
}

// observed observes deliveries, and counts those that are not synthetic.
func observed(o telemetry.Observer) handlers.Around {
	quiet := o
	quiet.Metrics = nil
	return func(step string, next handlers.Handler) handlers.Handler {
		counting, not := telemetry.Task(o)(step, next), telemetry.Task(quiet)(step, next)
		return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			if synthetic(ctx) {
				return not(ctx, input)
			}
			return counting(ctx, input)
		}
	}
}

// notSynthetic is told what happens to trips, and counts what is not synthetic.
type notSynthetic struct{ telemetry.Observer }

// Happened implements app.Observer.
func (c notSynthetic) Happened(ctx context.Context, tripID string, what domain.EventType, reason string) {
	if synthetic(ctx) {
		c.Metrics = nil
	}
	c.Observer.Happened(ctx, tripID, what, reason)
}
