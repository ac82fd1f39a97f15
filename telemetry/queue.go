package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// maxQueued bounds the spans that wait to be sent.
const maxQueued = 2048

// queue sends spans from the background. When it is full, or they cannot be sent, they are dropped, which the log hears
// of once: tracing never blocks and never fails what it traces.
type queue struct {
	sdktrace.SpanProcessor // the SDK's batches
	waiting                atomic.Int64
	lost                   func(why string, err error)
}

func newQueue(to sdktrace.SpanExporter, log *slog.Logger) *queue {
	q := &queue{}
	var once sync.Once
	q.lost = func(why string, err error) {
		once.Do(func() { log.Warn("spans are lost; this is told once", "why", why, "error", err) })
	}
	q.SpanProcessor = sdktrace.NewBatchSpanProcessor(&counting{to, q}, sdktrace.WithMaxQueueSize(maxQueued))
	return q
}

// OnEnd implements sdktrace.SpanProcessor. The bound is kept here, where dropping is seen: the batches' own queue is as
// long and never overflows.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if q.waiting.Add(1) > maxQueued {
		q.waiting.Add(-1)
		q.lost("too many are waiting to be sent", nil)
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// counting is the exporter behind the queue.
type counting struct {
	sdktrace.SpanExporter
	q *queue
}

func (c *counting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	defer c.q.waiting.Add(-int64(len(spans)))
	if err := c.SpanExporter.ExportSpans(ctx, spans); err != nil {
		c.q.lost("they could not be sent", err)
	}
	return nil
}
