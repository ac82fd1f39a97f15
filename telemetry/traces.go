package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"tripsaga/shared/fault"
	"tripsaga/trip/handlers"
)

// TraceOptions say who is traced and where the spans go: by OTLP over HTTP, or else to the X-Ray daemon. Which traces
// are sampled the OpenTelemetry SDK reads from OTEL_TRACES_SAMPLER; by default all are whose caller did not decide.
type TraceOptions struct {
	Service, Version string

	OTLPEndpoint       string        // base URL, "http://localhost:4318"; spans go to /v1/traces below it
	OTLPTracesEndpoint string        // whole URL, in the place of OTLPEndpoint
	OTLPHeaders        string        // sent along, "key=value,key=value", values percent-encoded
	OTLPTimeout        time.Duration // of one request; default 10 s

	XRayDaemon string // UDP address, "127.0.0.1:2000"

	Log *slog.Logger // hears, once, that spans are lost; default: discarded
}

// TraceEnv reads the options from the environment: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
// OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_TIMEOUT (milliseconds) and AWS_XRAY_DAEMON_ADDRESS.
func TraceEnv(service, version string) (TraceOptions, error) {
	opt := TraceOptions{
		Service: service, Version: version,
		OTLPEndpoint:       os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"),
		OTLPTracesEndpoint: os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
		OTLPHeaders:        os.Getenv("OTEL_EXPORTER_OTLP_HEADERS"),
		XRayDaemon:         os.Getenv("AWS_XRAY_DAEMON_ADDRESS"),
	}
	const timeout = "OTEL_EXPORTER_OTLP_TIMEOUT"
	if text := os.Getenv(timeout); text != "" {
		d, err := time.ParseDuration(text + "ms")
		if err != nil || d <= 0 {
			return opt, fmt.Errorf("telemetry: %s is %q, want a number of milliseconds above 0", timeout, text)
		}
		opt.OTLPTimeout = d
	}
	return opt, nil
}

// Traces makes spans. All methods of a nil *Traces do nothing.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// OpenTraces begins tracing; nil without an error when the options name no place for spans. Errors tell which option is
// wrong; that nobody listens is none: spans that cannot be sent are dropped.
func OpenTraces(opt TraceOptions) (*Traces, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	var exporter sdktrace.SpanExporter
	var err error
	switch {
	case opt.OTLPTracesEndpoint != "" || opt.OTLPEndpoint != "":
		exporter, err = newOTLP(opt)
	case opt.XRayDaemon != "":
		exporter, err = newXRay(opt.XRayDaemon)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return newTraces(opt, newQueue(exporter, opt.Log)), nil
}

func newTraces(opt TraceOptions, p sdktrace.SpanProcessor) *Traces {
	who := resource.NewSchemaless(
		attribute.String("service.name", opt.Service), attribute.String("service.version", opt.Version))
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithIDGenerator(ids{}), sdktrace.WithResource(who), sdktrace.WithSpanProcessor(p))
	return &Traces{provider: provider, tracer: provider.Tracer("tripsaga/telemetry")}
}

// Flush sends the spans that have ended. Errors: ctx's.
func (t *Traces) Flush(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.ForceFlush(ctx)
}

// Shutdown is [Traces.Flush] for the last time. Spans that end later are dropped.
func (t *Traces) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Start begins a span below ctx's; the returned context is the span's. end must be called once, with the error that the
// span ended with.
func (t *Traces) Start(ctx context.Context, name string, attrs ...attribute.KeyValue) (_ context.Context, end func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	ctx, span := t.start(ctx, name, trace.WithAttributes(attrs...))
	return ctx, func(err error) {
		if err != nil {
			setFailure(span, outcomeOf(err), fault.NameOf(err), err)
		}
		span.End()
	}
}

// StartExecution begins the span of the start of a trip's saga. Its [TraceHeader] is what the execution hands on to the
// tasks, whose spans are its children.
func (t *Traces) StartExecution(ctx context.Context, tripID string) (_ context.Context, end func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	return t.Start(ctx, "StartExecution", attribute.String("trip_id", tripID))
}

func (t *Traces) start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if h, ok := rootOf(ctx); ok && !h.sampled && !trace.SpanContextFromContext(ctx).IsValid() {
		// Nothing is recorded of it, so that its parent may be made up.
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: h.root, SpanID: newSpanID(), Remote: true,
		}))
	}
	return t.tracer.Start(ctx, name, options...)
}

// Attributes of spans.
const (
	keyOutcome = attribute.Key("outcome")
	keyError   = attribute.Key("error")
)

// setFailure marks the span: what the business refuses is no error of the span's.
func setFailure(span trace.Span, o Outcome, name string, err error) {
	span.SetAttributes(keyOutcome.String(o.String()), keyError.String(scrub(name)))
	if o == Fault {
		text := name
		if err != nil {
			text = err.Error()
		}
		span.SetStatus(codes.Error, scrub(text))
	}
}

// taskSpan is the span of a delivery; its zero value does nothing.
type taskSpan struct{ span trace.Span }

func (t *Traces) startTask(ctx context.Context, d handlers.Delivery) (context.Context, taskSpan) {
	if t == nil {
		return ctx, taskSpan{}
	}
	ctx, span := t.start(ctx, d.Step, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("step", d.Step), attribute.String("trip_id", d.TripID),
		attribute.String("execution", d.Execution), attribute.Int("attempt", d.Attempt)))
	return ctx, taskSpan{span}
}

func (s taskSpan) end(d *Delivery, err error) {
	if s.span == nil {
		return
	}
	if d.Outcome == OK {
		s.span.SetAttributes(keyOutcome.String(OK.String()))
	} else {
		setFailure(s.span, d.Outcome, d.Error, err)
	}
	s.span.End()
}
