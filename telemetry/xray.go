package telemetry

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"
	"unicode"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// xray sends spans to the X-Ray daemon as segment documents, one per datagram. It is for Lambda functions: there the
// daemon is on the same machine, and Lambda creates the parent segment of the spans.
type xray struct{ conn net.Conn }

// newXRay takes an address, or the two of AWS_XRAY_DAEMON_ADDRESS: "tcp:127.0.0.1:2000 udp:127.0.0.1:2000".
func newXRay(address string) (*xray, error) {
	for part := range strings.FieldsSeq(address) {
		if udp, ok := strings.CutPrefix(part, "udp:"); ok {
			address = udp
		}
	}
	conn, err := net.Dial("udp", address)
	if err != nil {
		return nil, fmt.Errorf("telemetry: the X-Ray daemon's address is %q, want host:port: %w", address, err)
	}
	return &xray{conn}, nil
}

// segment is a segment document; with a parent it is a subsegment.
type segment struct {
	Name        string         `json:"name"`
	ID          string         `json:"id"`
	TraceID     string         `json:"trace_id"`
	ParentID    string         `json:"parent_id,omitempty"`
	Type        string         `json:"type,omitempty"`
	Start       float64        `json:"start_time"`
	End         float64        `json:"end_time"`
	Error       bool           `json:"error,omitempty"` // the caller's error, or a business error
	Fault       bool           `json:"fault,omitempty"`
	Cause       *cause         `json:"cause,omitempty"`
	Annotations map[string]any `json:"annotations,omitempty"`
}

type cause struct {
	Exceptions []exception `json:"exceptions"`
}

type exception struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	Type    string `json:"type,omitempty"`
}

const segmentHeader = `{"format":"json","version":1}` + "\n"

// ExportSpans implements sdktrace.SpanExporter.
func (x *xray) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	var failures []error
	for _, s := range spans {
		document, err := json.Marshal(segmentOf(s))
		if err == nil {
			_, err = x.conn.Write(append([]byte(segmentHeader), document...))
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// Shutdown implements sdktrace.SpanExporter.
func (x *xray) Shutdown(context.Context) error { return x.conn.Close() }

func segmentOf(s sdktrace.ReadOnlySpan) segment {
	doc := segment{
		Name: segmentName(s.Name()), ID: s.SpanContext().SpanID().String(),
		TraceID: xrayTraceID(s.SpanContext().TraceID()),
		Start:   seconds(s.StartTime()), End: seconds(s.EndTime()),
		Annotations: map[string]any{},
	}
	if s.Parent().IsValid() {
		doc.ParentID, doc.Type = s.Parent().SpanID().String(), "subsegment"
	}
	for _, a := range s.Attributes() {
		doc.annotate(a)
	}
	if s.Status().Code == codes.Error {
		name, _ := doc.Annotations[string(keyError)].(string)
		doc.Fault = true
		doc.Cause = &cause{[]exception{{ID: doc.ID, Message: s.Status().Description, Type: name}}}
	}
	return doc
}

func (doc *segment) annotate(a attribute.KeyValue) {
	if a.Key == keyOutcome && a.Value.AsString() == Business.String() {
		doc.Error = true
	}
	key := strings.Map(inKeys, string(a.Key))
	switch a.Value.Type() {
	case attribute.STRING, attribute.INT64, attribute.FLOAT64, attribute.BOOL:
		doc.Annotations[key] = a.Value.AsInterface()
	default:
		doc.Annotations[key] = a.Value.String()
	}
}

// inKeys replaces the characters that the name of an annotation may not have.
func inKeys(r rune) rune {
	if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return r
	}
	return '_'
}

// inNames replaces the characters that the name of a segment may not have.
func inNames(r rune) rune {
	if unicode.In(r, unicode.L, unicode.N, unicode.Z) || strings.ContainsRune("_.:/%&#=+-@", r) {
		return r
	}
	return '_'
}

const maxSegmentName = 200

func segmentName(name string) string {
	name = strings.Map(inNames, name)
	if len(name) > maxSegmentName {
		name = strings.ToValidUTF8(name[:maxSegmentName], "")
	}
	return name
}

// seconds is a time in Unix seconds; a float64 keeps it to the microsecond.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// The trace header has X-Ray's format, since Step Functions and Lambda pass that one on:
//
//	Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1

// HeaderName is the HTTP header with the trace header.
const HeaderName = "X-Amzn-Trace-Id"

// TraceHeader returns the trace header of ctx's span, "" without a span.
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

// WithTraceHeader returns a context in which new spans are children of the header's parent. Spans of a trace that is not
// sampled are not recorded. An invalid header changes nothing.
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

// rootKey is the key of a header without a parent: the first span takes its trace id.
type rootKey struct{}

func rootOf(ctx context.Context) (traceHeader, bool) {
	h, ok := ctx.Value(rootKey{}).(traceHeader)
	return h, ok
}

type traceHeader struct {
	root    trace.TraceID
	parent  trace.SpanID // invalid if the header has none
	sampled bool         // true unless the header says Sampled=0
}

// parseTraceHeader ignores fields that it does not know (Self, Lineage).
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

// xrayTraceID is the version 1, the id's first four bytes and the other twelve, in hexadecimal.
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

// ids generates trace ids that X-Ray accepts: the first four bytes are the time in Unix seconds.
type ids struct{}

// NewIDs implements sdktrace.IDGenerator. It keeps the trace id of a header without a parent.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if h, ok := rootOf(ctx); ok {
		return h.root, newSpanID()
	}
	var id trace.TraceID
	binary.BigEndian.PutUint32(id[:4], uint32(time.Now().Unix()))
	binary.BigEndian.PutUint32(id[4:8], rand.Uint32())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return id, newSpanID()
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return newSpanID() }

func newSpanID() (id trace.SpanID) {
	for !id.IsValid() {
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
