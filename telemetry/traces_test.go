package telemetry

import (
	"errors"
	"log/slog"
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
	if err != nil || opt != want {
		t.Errorf("read %+v, %v", opt, err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
	if _, err := TraceEnv("s", "v"); err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_TIMEOUT") {
		t.Errorf("a time-out that is none: %v", err)
	}
}
