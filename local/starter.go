package local

import (
	"context"
	"encoding/json"
	"errors"

	"tripsaga/engine"
	"tripsaga/shared/fault"
	"tripsaga/telemetry"
)

// starter implements app.Starter. The execution's tasks go on with the trace of its start.
type starter struct {
	engine *engine.Engine
	traces *telemetry.Traces
}

func (s starter) Start(ctx context.Context, tripID string, input json.RawMessage) (err error) {
	if s.traces != nil {
		var end func(error)
		ctx, end = s.traces.StartExecution(ctx, tripID)
		defer func() { end(err) }()
		ctx = engine.WithTrace(ctx, telemetry.TraceHeader(ctx))
	}
	err = s.engine.Start(ctx, tripID, input)
	if errors.Is(err, engine.ErrExists) {
		return s.same(ctx, tripID, input)
	}
	return engineFault(err)
}

// same lets an execution that has ended count as started, when it had this input.
func (s starter) same(ctx context.Context, tripID string, input json.RawMessage) error {
	d, err := s.engine.Describe(ctx, tripID)
	if err != nil {
		return engineFault(err)
	}
	if string(d.Input) != string(input) {
		return fault.New(fault.Conflict, fault.NameIdempotencyMismatch, "the saga of trip %s was started with other input", tripID)
	}
	return nil
}

// engineFault translates the engine's errors.
func engineFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, engine.ErrNotFound):
		return fault.Wrap(fault.NotFound, fault.NameNotFound, err, "no saga")
	case errors.Is(err, engine.ErrNotRedrivable):
		return fault.Wrap(fault.Conflict, "NotRedrivable", err, "nothing to redrive")
	case errors.Is(err, engine.ErrBusy), errors.Is(err, engine.ErrClosed):
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "too busy")
	default:
		return fault.Wrap(fault.Unavailable, fault.NameUnavailable, err, "the engine failed")
	}
}
