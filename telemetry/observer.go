package telemetry

import (
	"context"
	"log/slog"

	"tripsaga/trip/app"
	"tripsaga/trip/domain"
)

// Observer is what watches the bookings. Each of its parts may be left out.
type Observer struct {
	Log     *slog.Logger
	Routine slog.Level // of what goes well: deliveries, and events but for a failure; the zero value is slog.LevelInfo
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
	if !inDelivery(ctx) { // whose attributes name the trip already
		attrs = append(attrs, slog.String("trip_id", tripID))
	}
	if reason != "" {
		attrs = append(attrs, slog.String("reason", reason))
	}
	o.Log.LogAttrs(ctx, o.eventLevel(what), "trip event", attrs...)
}
