package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"tripsaga/shared/fault"
	"tripsaga/trip/handlers"
)

// TraceOptions name the traced service and where its spans go: by OTLP over HTTP or, without an endpoint, to the X-Ray
// daemon. The OpenTelemetry SDK reads the sampler from OTEL_TRACES_SAMPLER; by default it follows the caller's decision,
// and samples a trace whose caller made none.
type TraceOptions struct {
	Service, Version string

	OTLPEndpoint       string        // base URL, "http://localhost:4318"; spans go to /v1/traces below it
	OTLPTracesEndpoint string        // whole URL; overrides OTLPEndpoint
	OTLPHeaders        string        // of each request, "key=value,key=value", values percent-encoded
	OTLPTimeout        time.Duration // of one request; default 10 s
	OTLPSign           Sign          // nil: requests are not signed

	XRayDaemon string // UDP address, "127.0.0.1:2000"

	Log *slog.Logger // gets one warning when spans are lost; default: discarded
}

// Sign adds the headers of a signature to a request over OTLP.
type Sign func(ctx context.Context, r *http.Request, body []byte) error

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

// Traces starts spans. All methods of a nil *Traces do nothing.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	queue    *queue // nil where spans do not wait
}

// OpenTraces starts tracing. It returns nil, nil if the options name no destination. Errors name the invalid option. If the
// destination does not answer, spans are dropped without an error.
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
	q, _ := p.(*queue)
	return &Traces{provider: provider, tracer: provider.Tracer("tripsaga/telemetry"), queue: q}
}

// Flush sends the spans that have ended. Errors: those of ctx; lost spans are logged as a warning, once.
func (t *Traces) Flush(ctx context.Context) error {
	if t == nil {
		return nil
	}
	err := t.provider.ForceFlush(ctx)
	if err != nil && t.queue != nil {
		t.queue.late(err)
	}
	return err
}

// Shutdown flushes and ends tracing. Spans that end later are dropped.
func (t *Traces) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Start starts a child of ctx's span; the returned context is the child's. The caller calls end once, with the error of
// what was traced.
func (t *Traces) Start(ctx context.Context, name string, attrs ...attribute.KeyValue) (_ context.Context, end func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	ctx, span := t.start(ctx, name, trace.WithAttributes(attrs...))
	return ctx, func(err error) {
		if err != nil {
			setFailure(span, OutcomeOf(err), fault.NameOf(err), err)
		}
		span.End()
	}
}

// StartExecution starts the span of the start of a trip's saga. The execution passes its [TraceHeader] on to the tasks,
// whose spans become its children.
func (t *Traces) StartExecution(ctx context.Context, tripID string) (_ context.Context, end func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	return t.Start(ctx, "StartExecution", attribute.String("trip_id", tripID))
}

func (t *Traces) start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if h, ok := rootOf(ctx); ok && !h.sampled && !trace.SpanContextFromContext(ctx).IsValid() {
		// The SDK takes the caller's sampling decision only from a valid parent, and this header has none. The trace is
		// not recorded, so an invented parent appears nowhere.
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

// setFailure adds the outcome to the span. A business error does not set the span's error status.
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

// HTTP starts a span for every request, named by its route. The parent is the context's span or else the one in the
// header traceparent (W3C) or X-Amzn-Trace-Id.
func (t *Traces) HTTP(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.serve(next, w, r) })
}

func (t *Traces) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if _, named := rootOf(ctx); !named && !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		if !trace.SpanContextFromContext(ctx).IsValid() {
			ctx = WithTraceHeader(ctx, r.Header.Get(HeaderName))
		}
	}
	ctx, span := t.start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method)))
	answer := &answered{ResponseWriter: w, status: http.StatusOK}
	r = r.WithContext(ctx)
	defer func() {
		answer.complete(span, r)
		span.End()
	}()
	next.ServeHTTP(answer, r)
}

// answered is a ResponseWriter that keeps the status.
type answered struct {
	http.ResponseWriter
	status int
	begun  bool
}

func (a *answered) WriteHeader(status int) {
	if !a.begun {
		a.status, a.begun = status, status >= http.StatusOK
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(b []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection: event streams flush.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// complete adds the status and the route to the span. The route is known only after the mux has run, which writes it to
// the request. A path without a route is left out: clients can invent any number of them.
func (a *answered) complete(span trace.Span, r *http.Request) {
	span.SetAttributes(attribute.Int("http.response.status_code", a.status))
	if r.Pattern != "" {
		span.SetName(r.Pattern)
		_, route, _ := strings.Cut(r.Pattern, " ")
		span.SetAttributes(attribute.String("http.route", route))
	}
	if a.status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, fmt.Sprintf("answered %d", a.status))
	}
}
