package telemetry

import (
	"context"
	"log/slog"

	"tripsaga/trip/handlers"
)

type attrsKey struct{}

// With adds attributes to every line that a logger of [NewLogger] writes under the context it returns. Those of a
// task's delivery (step, trip_id, execution, attempt) are there by themselves.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	before := attrsOf(ctx)
	return context.WithValue(ctx, attrsKey{}, append(before[:len(before):len(before)], attrs...))
}

func attrsOf(ctx context.Context) []slog.Attr {
	attrs, _ := ctx.Value(attrsKey{}).([]slog.Attr)
	return attrs
}

func inDelivery(ctx context.Context) bool {
	_, ok := handlers.DeliveryOf(ctx)
	return ok
}

// deliveryAttrs name the delivery that ctx belongs to, if any.
func deliveryAttrs(ctx context.Context) []slog.Attr {
	d, ok := handlers.DeliveryOf(ctx)
	if !ok {
		return nil
	}
	return []slog.Attr{
		slog.String("step", d.Step), slog.String("trip_id", d.TripID),
		slog.String("execution", d.Execution), slog.Int("attempt", d.Attempt),
	}
}

// stepOf is the bounded name of the step that ctx belongs to.
func stepOf(ctx context.Context) string {
	d, _ := handlers.DeliveryOf(ctx)
	return Step(d.Step)
}
