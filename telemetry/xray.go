package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// xray sends spans to the X-Ray daemon as segment documents, a datagram each. It is for functions, where the daemon
// is on the same machine and Lambda itself makes the segment below which the spans hang.
type xray struct{ conn net.Conn }

// newXRay takes an address, or two as the daemon's variable has them: "tcp:127.0.0.1:2000 udp:127.0.0.1:2000".
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
	Error       bool           `json:"error,omitempty"` // the caller's, or the business'
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

// inKeys keeps the characters that the name of an annotation may have.
func inKeys(r rune) rune {
	if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return r
	}
	return '_'
}

// inNames keeps the characters that the name of a segment may have.
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

// seconds is a time as X-Ray has it; a float64 keeps it to the microsecond.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
