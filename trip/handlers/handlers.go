// Package handlers is the JSON edge of the saga's tasks: the registry from a task's name, as the state machine's
// definition has it, to the function that serves it. The local engine calls the handlers in process; on AWS each is a
// Lambda function.
package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"tripsaga/shared/fault"
	"tripsaga/shared/strictjson"
	"tripsaga/trip/app"
)

// Handler serves one delivery of a task: JSON in, JSON out. Its errors are of type *fault.Error, by whose stable name
// the state machine decides. The handlers of a [Registry] take a task's whole payload, see [Delivery]; those that an
// [Around] stands before take the input alone.
type Handler func(ctx context.Context, input json.RawMessage) (json.RawMessage, error)

// Registry maps the names of the tasks to their handlers.
type Registry map[string]Handler

// Around puts something before the handler of the step, such as a log. [DeliveryOf] tells it which delivery it sees.
type Around func(step string, next Handler) Handler

// New is the registry of the booking saga. Of several arounds the first is the outermost.
func New(s *app.Service, around ...Around) Registry {
	r := Registry{
		"ReserveFlight":       task(s.ReserveFlight),
		"ReserveHotel":        task(s.ReserveHotel),
		"ProcessPayment":      task(s.ProcessPayment),
		"BookingConfirmed":    task(s.ConfirmTrip),
		"RefundPayment":       task(s.RefundPayment),
		"CancelHotel":         task(s.CancelHotel),
		"CancelFlight":        task(s.CancelFlight),
		"BookingFailed":       task(s.FailTrip),
		"FlightBookingFailed": task(s.FailFlightBooking),
	}
	for step, handle := range r {
		for _, wrap := range slices.Backward(around) {
			handle = wrap(step, handle)
		}
		r[step] = open(step, handle)
	}
	return r
}

// task makes a handler of a use case. Input with a field that the use case does not know is refused: it comes from a
// definition that does not fit this program.
func task[In, Out any](do func(context.Context, In) (Out, error)) Handler {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		var in In
		if err := decode(input, &in); err != nil {
			return nil, err
		}
		out, err := do(ctx, in)
		if err != nil {
			return nil, single(err)
		}
		reply, err := json.Marshal(out)
		if err != nil {
			return nil, single(err)
		}
		return reply, nil
	}
}

func decode(input []byte, into any) error {
	err := strictjson.Decode(input, into)
	var e *strictjson.Error
	if errors.As(err, &e) {
		return fault.Invalidf(strings.TrimPrefix(e.Path, "."), "%s (line %d, column %d of the input)", e.Message, e.Line, e.Column)
	}
	return err
}

// single gives err the one type that leaves the package. Several problems become one error that names them all.
func single(err error) *fault.Error {
	all := fault.All(err)
	switch len(all) {
	case 0:
		return fault.Wrap(fault.Internal, fault.NameInternal, err, "the task failed")
	case 1:
		return all[0]
	}
	messages := make([]string, len(all))
	for i, e := range all {
		messages[i] = e.Error()
	}
	return fault.New(all[0].Kind, all[0].Name, "%s", strings.Join(messages, "; "))
}

type requestKey struct{}

// WithRequestID notes the id of the HTTP request that ctx belongs to.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID is the id of the HTTP request that ctx belongs to, "" outside of one. The answer and each line of the log
// have the same.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
