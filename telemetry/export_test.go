package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector is a stub of an OTLP collector over HTTP.
type collector struct {
	*httptest.Server
	status int

	mu       sync.Mutex
	requests []*http.Request
	spans    []*tracepb.ResourceSpans
}

func newCollector(t *testing.T) *collector {
	c := &collector{status: http.StatusOK}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var data tracepb.TracesData
		if err != nil || proto.Unmarshal(body, &data) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests, c.spans = append(c.requests, r), append(c.spans, data.ResourceSpans...)
		w.WriteHeader(c.status)
	}))
	t.Cleanup(c.Close)
	return c
}

// last is the last request and what it carried.
func (c *collector) last() (*http.Request, *tracepb.ResourceSpans) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests[len(c.requests)-1], c.spans[len(c.spans)-1]
}

func TestOTLP(t *testing.T) {
	c := newCollector(t)
	for name, tt := range map[string]struct {
		opt  TraceOptions
		path string
	}{
		"base":  {TraceOptions{OTLPEndpoint: c.URL + "/"}, "/v1/traces"},
		"whole": {TraceOptions{OTLPEndpoint: "http://other", OTLPTracesEndpoint: c.URL + "/custom"}, "/custom"},
	} {
		tt.opt.Service, tt.opt.Version, tt.opt.OTLPHeaders = "svc", "v1", "x-key=a%20b, ,x-more=2"
		traces, err := OpenTraces(tt.opt)
		if err != nil {
			t.Fatal(err)
		}
		_, end := traces.Start(t.Context(), "span")
		end(nil)
		if err := traces.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, rs := c.last()
		if r.Method != http.MethodPost || r.URL.Path != tt.path || r.Header.Get("Content-Type") != "application/x-protobuf" ||
			r.Header.Get("X-Key") != "a b" || r.Header.Get("X-More") != "2" {
			t.Errorf("%s: %s %s %v", name, r.Method, r.URL, r.Header)
		}
		if span := rs.ScopeSpans[0].Spans[0]; span.Name != "span" || rs.Resource.Attributes[0].Value.GetStringValue() != "svc" {
			t.Errorf("%s: sent %v", name, rs)
		}
		if err := traces.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestSpansThatCannotBeSentFailNothing(t *testing.T) {
	c := newCollector(t)
	c.status = http.StatusServiceUnavailable
	var out output
	traces, err := OpenTraces(TraceOptions{OTLPEndpoint: c.URL, Log: NewLogger(&out, slog.LevelInfo, FormatJSON)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, end := traces.Start(t.Context(), "span")
		end(nil)
		if err := traces.Flush(t.Context()); err != nil {
			t.Errorf("Flush = %v", err)
		}
	}
	if lines := out.lines(t); len(lines) != 1 || lines[0]["level"] != "WARN" ||
		lines[0]["error"] != "traces export: the collector answers 503 Service Unavailable" {
		t.Errorf("told %v, want one warning", lines)
	}
	c.Close()
	_, end := traces.Start(t.Context(), "span")
	end(nil)
	if err := traces.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if lines := out.lines(t); len(lines) != 0 {
		t.Errorf("told again: %v", lines)
	}
}

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

func TestSilenceIsToldOnce(t *testing.T) {
	var out output
	to := &stuck{letGo: make(chan struct{})}
	traces := newTraces(TraceOptions{}, newQueue(to, NewLogger(&out, slog.LevelInfo, FormatJSON)))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := traces.Flush(over); err == nil || len(out.lines(t)) > 0 {
		t.Errorf("nothing is lost: %v", err)
	}
	for i := range 3 {
		_, end := traces.Start(t.Context(), "span")
		end(nil)
		if err := traces.Flush(over); err == nil {
			t.Error("a flush without time succeeds")
		}
		if lines := out.lines(t); i == 0 && (len(lines) != 1 || lines[0]["why"] != "they could not be sent in time") || i > 0 && len(lines) > 0 {
			t.Errorf("flush %d: told %v", i, lines)
		}
	}
	close(to.letGo)
	if err := traces.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

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
