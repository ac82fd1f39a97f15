package telemetry

import (
	"fmt"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// HTTP makes a span of every request, named by its route. Its parent is the context's span, or the one that the caller
// names in the header traceparent (W3C) or X-Amzn-Trace-Id.
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
		answer.tell(span, r)
		span.End()
	}()
	next.ServeHTTP(answer, r)
}

// answered remembers the status of an answer.
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

// Unwrap gives http.ResponseController the connection.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// tell completes the span. The route is known only now: the mux notes it in the request. An address that no route has
// is not told, since anybody can make up any number of them.
func (a *answered) tell(span trace.Span, r *http.Request) {
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
