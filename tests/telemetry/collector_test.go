package telemetry

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"tripsaga/telemetry"
)

// collector is a stub of an OTLP collector over HTTP, and tracing that sends to it.
type collector struct {
	*telemetry.Traces
	mu    sync.Mutex
	raw   []byte
	spans []*tracepb.Span
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	var err error
	c.Traces, err = telemetry.OpenTraces(telemetry.TraceOptions{Service: "test", OTLPEndpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var data tracepb.TracesData
	if err != nil || proto.Unmarshal(body, &data) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, body...)
	for _, rs := range data.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			c.spans = append(c.spans, ss.Spans...)
		}
	}
}

// collected are the spans so far.
func (c *collector) collected(t *testing.T) []*tracepb.Span {
	t.Helper()
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spans
}

// sent is everything that came, as it came.
func (c *collector) sent() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.raw)
}

func attribute(s *tracepb.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

func attempt(s *tracepb.Span) int64 {
	for _, a := range s.Attributes {
		if a.Key == "attempt" {
			return a.Value.GetIntValue()
		}
	}
	return -1
}

func id(b []byte) string { return hex.EncodeToString(b) }
