package telemetry

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// ask sends one request to a mux behind the tracing, and returns its span.
func ask(t *testing.T, method, path string, header http.Header) tracetest.SpanStub {
	t.Helper()
	traces, spans := recording(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /trips/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		io.WriteString(w, "ok")
	})
	mux.HandleFunc("POST /broken", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusInternalServerError)
		w.WriteHeader(http.StatusOK) // too late
	})
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	r.Header = header
	traces.HTTP(mux).ServeHTTP(httptest.NewRecorder(), r)
	return spans.GetSpans()[0]
}

func TestTheSpanOfARequest(t *testing.T) {
	for _, tt := range []struct {
		method, path, name string
		status             codes.Code
		want               map[string]string
	}{
		{"GET", "/trips/17", "GET /trips/{id}", codes.Unset,
			map[string]string{"http.request.method": "GET", "http.route": "/trips/{id}", "http.response.status_code": "200"}},
		{"POST", "/broken", "POST /broken", codes.Error,
			map[string]string{"http.request.method": "POST", "http.route": "/broken", "http.response.status_code": "500"}},
		{"GET", "/ada@example.com", "GET", codes.Unset,
			map[string]string{"http.request.method": "GET", "http.response.status_code": "404"}},
	} {
		s := ask(t, tt.method, tt.path, http.Header{})
		equalJSON(t, attributes(s), tt.want)
		if s.Name != tt.name || s.Status.Code != tt.status || s.Parent.IsValid() {
			t.Errorf("%s %s: span %+v", tt.method, tt.path, s)
		}
	}
}

func TestARequestGoesOnWithItsCallersTrace(t *testing.T) {
	const w3c = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, tt := range map[string]struct {
		header http.Header
		trace  string
	}{
		"W3C":   {http.Header{"Traceparent": {w3c}, HeaderName: {header}}, "0af7651916cd43dd8448eb211c80319c"},
		"X-Ray": {http.Header{HeaderName: {header}}, "5759e988bd862e3fe1be46a994272793"},
	} {
		s := ask(t, "GET", "/trips/17", tt.header)
		if s.SpanContext.TraceID().String() != tt.trace || s.Parent.TraceID().String() != tt.trace {
			t.Errorf("%s: the span is of %s", name, s.SpanContext.TraceID())
		}
	}
}
