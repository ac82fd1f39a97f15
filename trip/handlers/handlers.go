// Package handlers is the JSON edge of the saga's tasks: it maps the task names of the state machine's definition to the
// functions that serve them. The local engine calls the handlers in process; on AWS each one is a Lambda function.
package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"tripsaga/shared/fault"
	"tripsaga/shared/strictjson"
	"tripsaga/trip/app"
)

// Handler serves one delivery of a task: JSON in, JSON out. Its errors are of type *fault.Error, whose stable name the
// state machine matches. The handlers of a [Registry] take a task's whole payload, see [Delivery]; those that an [Around]
// wraps take the input alone.
type Handler func(ctx context.Context, input json.RawMessage) (json.RawMessage, error)

// Registry maps the names of the tasks to their handlers.
type Registry map[string]Handler

// Around wraps the handler of a step, for example with a log. In it [DeliveryOf] returns the delivery.
type Around func(step string, next Handler) Handler

// New returns the registry of all sagas. The first of several arounds is the outermost.
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
		"RefundBooking":       task(s.RefundBooking),
		"BookingCancelled":    task(s.CancelBooking),
	}
	for step, handle := range r {
		for _, wrap := range slices.Backward(around) {
			handle = wrap(step, handle)
		}
		r[step] = open(step, handle)
	}
	return r
}

// task makes a handler of a use case. It refuses input with an unknown field, which comes from a definition that does not
// match this program.
func task[In, Out any](do func(context.Context, In) (Out, error)) Handler {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		call := new(struct { // both in one allocation
			in  In
			out Out
		})
		err := decode(input, &call.in)
		if err != nil {
			return nil, err
		}
		if call.out, err = do(ctx, call.in); err != nil {
			return nil, single(err)
		}
		reply, err := json.Marshal(&call.out)
		if err != nil {
			return nil, single(err)
		}
		return reply, nil
	}
}

func decode(input []byte, into any) error {
	err := strictjson.Decode(input, into)
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return fault.Invalidf(strings.TrimPrefix(e.Path, "."), "%s (line %d, column %d of the input)", e.Message, e.Line, e.Column)
	}
	return err
}

// single converts err to the one error type that leaves the package. Several problems become one error that names all.
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

// WithRequestID stores the id of the HTTP request in the context.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestID returns the id of the HTTP request that ctx belongs to; "" outside a request. The answer and each log line also
// have it.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// Delivery identifies one delivery of a task. The state machine sends it next to the task's input:
//
//	{"delivery": {"execution": "arn:...", "trip_id": "...", "attempt": 0}, "input": {...}}
type Delivery struct {
	Execution string // the ARN of the saga's execution
	TripID    string // also the execution's name
	Attempt   int    // 0 for the first, then the number of retries since the state was entered
	Step      string // the task's name
}

// DeliveryOf returns the delivery that ctx belongs to. ok is false outside a task.
func DeliveryOf(ctx context.Context) (d Delivery, ok bool) {
	found, ok := ctx.Value(deliveryKey{}).(*Delivery)
	if !ok {
		return d, false
	}
	return *found, true
}

type deliveryKey struct{}

// delivered is the context of a delivery.
type delivered struct {
	context.Context
	delivery Delivery
}

func (d *delivered) Value(key any) any {
	if key == (deliveryKey{}) {
		return &d.delivery
	}
	return d.Context.Value(key)
}

// open separates the delivery from the input. The handler gets the input alone, and the delivery in its context.
func open(step string, handle Handler) Handler {
	return func(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
		d, input, err := openPayload(payload)
		if err != nil {
			return nil, single(err)
		}
		d.Step = step
		return handle(&delivered{ctx, d}, input)
	}
}

func openPayload(payload []byte) (Delivery, json.RawMessage, error) {
	if d, input, ok := plain(payload); ok {
		return d, input, nil
	}
	return decodePayload(payload)
}

// plain reads a payload as package engine writes it: the members sorted, no spaces between them, no escapes in the delivery. ok is
// false for every other payload, good or bad, and for one that is so long that it may be nested too deeply. The input is a part
// of the payload.
func plain(payload []byte) (d Delivery, input []byte, ok bool) {
	envelope, input, found := bytes.Cut(payload, []byte(`"},"input":`))
	if !found || len(payload) > strictjson.MaxDepth { // a longer one may be nested too deeply
		return d, nil, false
	}
	text, begins := strings.CutPrefix(string(envelope), `{"delivery":{"attempt":`)
	attempt, text, hasAttempt := strings.Cut(text, `,"execution":"`)
	execution, trip, hasExecution := strings.Cut(text, `","trip_id":"`)
	n, err := strconv.Atoi(attempt)
	input, ends := bytes.CutSuffix(input, []byte("}"))
	switch {
	case !begins || !hasAttempt || !hasExecution || !ends, !literal(execution), !literal(trip),
		err != nil || n < 0 || strconv.Itoa(n) != attempt,
		!bytes.HasPrefix(input, []byte("{")) || !bytes.HasSuffix(input, []byte("}")) || !strictjson.Raw(input).IsValid():
		return d, nil, false
	}
	return Delivery{Execution: execution, TripID: trip, Attempt: n}, slices.Clip(input), true
}

// literal reports whether s is the text of a JSON string that is not empty and needs no decoding.
func literal(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

func decodePayload(payload []byte) (Delivery, json.RawMessage, error) {
	var p struct {
		Delivery struct {
			Execution string `json:"execution"`
			TripID    string `json:"trip_id"`
			Attempt   *int   `json:"attempt"`
		} `json:"delivery"`
		Input strictjson.Raw `json:"input"`
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
	return Delivery{Execution: d.Execution, TripID: d.TripID, Attempt: *d.Attempt}, json.RawMessage(p.Input), nil
}

func absent(is bool) error {
	if !is {
		return nil
	}
	return fault.Invalidf("", "the payload has none, want what the saga's definition sends")
}
