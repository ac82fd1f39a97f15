// Package handlers is the JSON edge of the saga's tasks: the registry from a task's name, as the state machine's
// definition has it, to the function that serves it. The local engine calls the handlers in process; on AWS each is a
// Lambda function.
package handlers

import (
	"context"
	"encoding/json"
	"slices"

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
