package telemetry

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"tripsaga/shared/fault"
	"tripsaga/trip/handlers"
)

// errorPanic is the name of a panic, as the state machine sees it.
const errorPanic = "Runtime.ExitError"

// Task observes every delivery of every task. Without anything to tell it to, it is not there at all.
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
	d.Outcome, d.Error = outcomeOf(err), ""
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

// level is Warn for what is tried again, Error for what nobody expects.
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
