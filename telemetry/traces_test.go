package telemetry

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"tripsaga/shared/fault"
)

// recording is tracing into memory.
func recording(t testing.TB) (*Traces, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	traces := newTraces(TraceOptions{Service: "test"}, sdktrace.NewSimpleSpanProcessor(spans))
	return traces, spans
}

// attributes of a span, printed.
func attributes(s tracetest.SpanStub) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

func TestTheSpanOfADelivery(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status sdktrace.Status
		want   map[string]string
	}{
		{nil, sdktrace.Status{}, map[string]string{"outcome": "ok"}},
		{fault.New(fault.Refused, fault.NamePaymentDeclined, "no"), sdktrace.Status{},
			map[string]string{"outcome": "business", "error": "PaymentDeclined"}},
		{fault.New(fault.Unavailable, fault.NameUnavailable, "no answer for ada@example.com"),
			sdktrace.Status{Code: codes.Error, Description: "no answer for [redacted]"},
			map[string]string{"outcome": "fault", "error": "ServiceUnavailable"}},
	} {
		traces, spans := recording(t)
		_ = deliver(t, WithTraceHeader(t.Context(), header), "ProcessPayment", 4, answer(tt.err), Task(Observer{Traces: traces}))
		s := spans.GetSpans()[0]
		tt.want["step"], tt.want["trip_id"], tt.want["execution"], tt.want["attempt"] = "ProcessPayment", tripID, "arn:e", "4"
		equalJSON(t, attributes(s), tt.want)
		if s.Name != "ProcessPayment" || s.Status != tt.status || s.Parent.SpanID().String() != "53995c3f42cd8ad8" ||
			s.SpanContext.TraceID() != s.Parent.TraceID() {
			t.Errorf("%v: span %+v", tt.err, s)
		}
	}
}

func TestATraceThatIsNotSampledIsHandedOnAndNotRecorded(t *testing.T) {
	traces, spans := recording(t)
	ctx := WithTraceHeader(t.Context(), strings.Replace(header, "Sampled=1", "Sampled=0", 1))
	ctx, end := traces.StartExecution(ctx, tripID)
	end(errors.New("broken"))
	if got := TraceHeader(ctx); !strings.HasPrefix(got, header[:40]) || !strings.HasSuffix(got, "Sampled=0") {
		t.Errorf("handed on as %s", got)
	}
	if n := len(spans.GetSpans()); n != 0 {
		t.Errorf("%d spans recorded", n)
	}
}

func TestIDsBeginWithTheTime(t *testing.T) {
	before := time.Now().Unix()
	traces, spans := recording(t)
	_, end := traces.Start(t.Context(), "x")
	end(nil)
	id := spans.GetSpans()[0].SpanContext.TraceID()
	made := int64(id[0])<<24 | int64(id[1])<<16 | int64(id[2])<<8 | int64(id[3])
	if made < before || made > time.Now().Unix() {
		t.Errorf("the id %s begins with the time %d, want about %d", id, made, before)
	}
}

func TestOpenTracesRefuses(t *testing.T) {
	for name, opt := range map[string]TraceOptions{
		"no scheme": {OTLPEndpoint: "localhost:4318"},
		"no host":   {OTLPTracesEndpoint: "http:///v1/traces"},
		"gRPC":      {OTLPEndpoint: "grpc://localhost:4317"},
		"headers":   {OTLPEndpoint: "http://localhost:4318", OTLPHeaders: "s3cret"},
		"no port":   {XRayDaemon: "127.0.0.1"},
	} {
		traces, err := OpenTraces(opt)
		if err == nil || traces != nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, %v", name, traces, err)
		}
	}
	if traces, err := OpenTraces(TraceOptions{Service: "s", Log: slog.Default()}); traces != nil || err != nil {
		t.Errorf("without an address: %v, %v", traces, err)
	}
}

func TestTraceEnv(t *testing.T) {
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b/x",
		"OTEL_EXPORTER_OTLP_HEADERS": "k=v", "OTEL_EXPORTER_OTLP_TIMEOUT": "250", "AWS_XRAY_DAEMON_ADDRESS": "h:1",
	} {
		t.Setenv(name, value)
	}
	opt, err := TraceEnv("s", "v")
	want := TraceOptions{Service: "s", Version: "v", OTLPEndpoint: "http://a", OTLPTracesEndpoint: "http://b/x",
		OTLPHeaders: "k=v", OTLPTimeout: 250 * time.Millisecond, XRayDaemon: "h:1"}
	if err != nil || !reflect.DeepEqual(opt, want) {
		t.Errorf("read %+v, %v", opt, err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
	if _, err := TraceEnv("s", "v"); err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_TIMEOUT") {
		t.Errorf("a time-out that is none: %v", err)
	}
}

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
