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

// NewLogger writes lines of JSON, or of text for people. Every line has the attributes of its context, and personal
// data are taken out of all of it, see redact. It panics for a format that is neither.
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
