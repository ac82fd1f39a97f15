// Package telemetry makes what tripsaga does visible: structured logs without personal data, one trace per booking, and
// metrics. The program wraps [Task] around the task handlers, passes the [Observer] to the use cases and wraps
// [Traces.HTTP] around the REST API. On a laptop package local does so, on AWS the binary of the Lambda functions. What
// is left out is off and costs nothing. docs/telemetry.md lists every attribute, metric and span.
package telemetry

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/app"
	"tripsaga/trip/domain"
	"tripsaga/trip/handlers"
)

// Observer logs, counts and traces the bookings. Each of its parts may be left out.
type Observer struct {
	Log     *slog.Logger
	Routine slog.Level // of successful deliveries and of events other than TripNeedsAttention; the zero value is slog.LevelInfo
	Metrics Metrics
	Traces  *Traces
}

var _ app.Observer = Observer{}

// Happened implements app.Observer.
func (o Observer) Happened(ctx context.Context, tripID string, what domain.EventType, reason string) {
	if o.Metrics != nil {
		o.Metrics.Happened(ctx, what, reason)
	}
	if o.Log == nil || !o.Log.Enabled(ctx, o.eventLevel(what)) {
		return
	}
	o.logEvent(ctx, tripID, what, reason)
}

func (o Observer) eventLevel(what domain.EventType) slog.Level {
	if what == domain.TripNeedsAttention {
		return slog.LevelWarn
	}
	return o.Routine
}

func (o Observer) logEvent(ctx context.Context, tripID string, what domain.EventType, reason string) {
	attrs := make([]slog.Attr, 0, 3)
	attrs = append(attrs, slog.String("event", string(what)))
	if !inDelivery(ctx) { // the attributes of a delivery include the trip already
		attrs = append(attrs, slog.String("trip_id", tripID))
	}
	if reason != "" {
		attrs = append(attrs, slog.String("reason", reason))
	}
	o.Log.LogAttrs(ctx, o.eventLevel(what), "trip event", attrs...)
}

// errorPanic is the error name by which a state machine sees a panic.
const errorPanic = "Runtime.ExitError"

// Task observes every delivery of every task. With an empty Observer it returns the handler itself, so that it costs
// nothing.
func Task(o Observer) handlers.Around {
	return func(step string, next handlers.Handler) handlers.Handler {
		if o.Log == nil && o.Metrics == nil && o.Traces == nil {
			return next
		}
		return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			return o.observe(ctx, step, next, input)
		}
	}
}

func (o *Observer) observe(ctx context.Context, step string, next handlers.Handler,
	input json.RawMessage) (out json.RawMessage, err error) {
	from, _ := handlers.DeliveryOf(ctx)
	d := Delivery{
		Step: step, TripID: from.TripID, Execution: from.Execution, Attempt: from.Attempt,
		Outcome: Fault, Error: errorPanic, // unless next returns
	}
	ctx, span := o.Traces.startTask(ctx, from)
	begin := time.Now()
	defer func() {
		d.Took = time.Since(begin)
		o.ended(ctx, d, err)
		span.end(&d, err)
	}()
	out, err = next(ctx, input)
	d.Outcome, d.Error = OutcomeOf(err), ""
	if err != nil {
		d.Error = fault.NameOf(err)
	}
	return out, err
}

func (o *Observer) ended(ctx context.Context, d Delivery, err error) {
	if o.Metrics != nil {
		o.Metrics.Delivered(ctx, d)
	}
	if o.Log == nil {
		return
	}
	if level := o.level(d, err); o.Log.Enabled(ctx, level) {
		o.Log.LogAttrs(ctx, level, "task ended", d.attrs(err)...)
	}
}

// level is Warn for errors that are retried, Error for unexpected ones. A business error is part of the job: Info.
func (o *Observer) level(d Delivery, err error) slog.Level {
	switch {
	case d.Outcome == OK:
		return o.Routine
	case d.Outcome == Business:
		return slog.LevelInfo
	case fault.KindOf(err) == fault.Unavailable:
		return slog.LevelWarn
	}
	return slog.LevelError
}

func (d *Delivery) attrs(err error) []slog.Attr {
	attrs := append(make([]slog.Attr, 0, 4),
		slog.Float64("duration_ms", milliseconds(d.Took)), slog.String("outcome", d.Outcome.String()))
	if d.Error != "" {
		attrs = append(attrs, slog.String("error", d.Error))
	}
	if err != nil {
		attrs = append(attrs, slog.String("detail", err.Error()))
	}
	return attrs
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
