package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"tripsaga/trip/handlers"
)

// The formats of a log.
const (
	FormatJSON = "json"
	FormatText = "text"
)

// NewLogger returns a logger that writes lines of JSON, or of text for people. Every line has the attributes of its
// context; personal data are redacted everywhere, see redact. It panics for an unknown format.
func NewLogger(w io.Writer, level slog.Leveler, format string) *slog.Logger {
	opt := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	switch format {
	case FormatJSON:
		return slog.New(contextual{slog.NewJSONHandler(w, opt)})
	case FormatText:
		return slog.New(contextual{slog.NewTextHandler(w, opt)})
	}
	panic(fmt.Sprintf("telemetry: log format %q, allowed are %q and %q", format, FormatJSON, FormatText))
}

// contextual adds the attributes of the context.
type contextual struct{ next slog.Handler }

func (h contextual) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h contextual) Handle(ctx context.Context, r slog.Record) error {
	from := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	from.AddAttrs(deliveryAttrs(ctx)...)
	from.AddAttrs(attrsOf(ctx)...)
	if id := handlers.RequestID(ctx); id != "" {
		from.AddAttrs(slog.String("request_id", id))
	}
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		from.AddAttrs(slog.String("trace_id", id.String()))
	}
	r.Attrs(func(a slog.Attr) bool {
		from.AddAttrs(a)
		return true
	})
	return h.next.Handle(ctx, from)
}

func (h contextual) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextual{h.next.WithAttrs(attrs)}
}

func (h contextual) WithGroup(name string) slog.Handler { return contextual{h.next.WithGroup(name)} }

type attrsKey struct{}

// With returns a context whose attributes a logger of [NewLogger] adds to every line. The attributes of a delivery
// (step, trip_id, execution, attempt) need not be added: the logger takes them from the context.
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

// deliveryAttrs are the attributes of the delivery that ctx belongs to, if any.
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

// stepOf is the value of the dimension Step for the delivery that ctx belongs to.
func stepOf(ctx context.Context) string {
	d, _ := handlers.DeliveryOf(ctx)
	return Step(d.Step)
}
