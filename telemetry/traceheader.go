package telemetry

import (
	"context"
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// The trace header is X-Ray's, since it is what Step Functions and Lambda hand on:
//
//	Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1

// HeaderName is the HTTP header that carries it.
const HeaderName = "X-Amzn-Trace-Id"

// TraceHeader is the trace header of ctx's span, "" when there is none.
func TraceHeader(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return ""
	}
	sampled := "0"
	if span.IsSampled() {
		sampled = "1"
	}
	return "Root=" + xrayTraceID(span.TraceID()) + ";Parent=" + span.SpanID().String() + ";Sampled=" + sampled
}

// WithTraceHeader makes what the header names the parent of the spans begun under the returned context. Spans of a trace
// that is not sampled are not recorded. A header that is none changes nothing.
func WithTraceHeader(ctx context.Context, header string) context.Context {
	h, ok := parseTraceHeader(header)
	if !ok {
		return ctx
	}
	if !h.parent.IsValid() {
		return context.WithValue(ctx, rootKey{}, h)
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: h.root, SpanID: h.parent, TraceFlags: trace.FlagsSampled.WithSampled(h.sampled), Remote: true,
	}))
}

// rootKey finds the header that has no parent: whose trace id the first span takes.
type rootKey struct{}

func rootOf(ctx context.Context) (traceHeader, bool) {
	h, ok := ctx.Value(rootKey{}).(traceHeader)
	return h, ok
}

type traceHeader struct {
	root    trace.TraceID
	parent  trace.SpanID // not valid when there is none
	sampled bool         // unless the header forbids it
}

// parseTraceHeader passes over fields that it does not know (Self, Lineage).
func parseTraceHeader(header string) (h traceHeader, ok bool) {
	h.sampled = true
	for field := range strings.SplitSeq(header, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch key {
		case "Root":
			h.root, ok = parseXRayTraceID(value)
		case "Parent":
			h.parent, _ = trace.SpanIDFromHex(value)
		case "Sampled":
			h.sampled = value != "0"
		}
	}
	return h, ok
}

// xrayTraceID is 1, the id's first four bytes and the other twelve, in hexadecimal.
func xrayTraceID(id trace.TraceID) string {
	return "1-" + hex.EncodeToString(id[:4]) + "-" + hex.EncodeToString(id[4:])
}

func parseXRayTraceID(s string) (trace.TraceID, bool) {
	parts := strings.Split(s, "-")
	if len(parts) != 3 || parts[0] != "1" || len(parts[1]) != 8 {
		return trace.TraceID{}, false
	}
	id, err := trace.TraceIDFromHex(parts[1] + parts[2])
	return id, err == nil
}
