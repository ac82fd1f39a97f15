package telemetry

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// stuck is an exporter that does not come back before it is let go.
type stuck struct {
	letGo chan struct{}
	sent  atomic.Int64
}

func (s *stuck) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	<-s.letGo
	s.sent.Add(int64(len(spans)))
	return nil
}

func (s *stuck) Shutdown(context.Context) error { return nil }

func TestAFullQueueDropsAndNeverBlocks(t *testing.T) {
	var out output
	to := &stuck{letGo: make(chan struct{})}
	traces := newTraces(TraceOptions{}, newQueue(to, NewLogger(&out, slog.LevelInfo, FormatJSON)))
	for range maxQueued + 500 {
		_, end := traces.Start(t.Context(), "span")
		end(nil)
	}
	if lines := out.lines(t); len(lines) != 1 || lines[0]["why"] != "too many are waiting to be sent" {
		t.Errorf("told %v, want one warning", lines)
	}
	close(to.letGo)
	if err := traces.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := to.sent.Load(); n != maxQueued {
		t.Errorf("%d spans sent, want %d", n, maxQueued)
	}
	_, end := traces.Start(t.Context(), "span")
	end(nil)
	if err := traces.Shutdown(t.Context()); err != nil || to.sent.Load() != maxQueued+1 {
		t.Errorf("after it was empty again: %d spans sent, %v", to.sent.Load(), err)
	}
}

func TestWhatIsNotSampledTakesNoPlace(t *testing.T) {
	to := &stuck{letGo: make(chan struct{})}
	close(to.letGo)
	q := newQueue(to, slog.New(slog.DiscardHandler))
	for range maxQueued {
		q.OnEnd(tracetest.SpanStub{}.Snapshot())
	}
	if n := q.waiting.Load(); n != 0 {
		t.Errorf("%d spans wait", n)
	}
	if err := q.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
