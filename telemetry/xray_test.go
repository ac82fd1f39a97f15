package telemetry

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tripsaga/shared/fault"
)

// daemon listens as the X-Ray daemon does.
func daemon(t *testing.T) (net.PacketConn, string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, conn.LocalAddr().String()
}

func receive(t *testing.T, conn net.PacketConn) map[string]any {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64<<10)
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	head, document, _ := strings.Cut(string(buf[:n]), "\n")
	if head != `{"format":"json","version":1}` {
		t.Errorf("the datagram begins with %s", head)
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(document), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestXRayGetsASubsegmentADelivery(t *testing.T) {
	conn, address := daemon(t)
	traces, err := OpenTraces(TraceOptions{XRayDaemon: "tcp:127.0.0.1:1 udp:" + address})
	if err != nil {
		t.Fatal(err)
	}
	ctx := WithTraceHeader(t.Context(), header)
	_ = deliver(t, ctx, "CancelHotel", 1, answer(fault.New(fault.Unavailable, fault.NameUnavailable, "busy")), Task(Observer{Traces: traces}))
	if err := traces.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	doc := receive(t, conn)
	id, _ := doc["id"].(string)
	start, _ := doc["start_time"].(float64)
	end, _ := doc["end_time"].(float64)
	if now := float64(time.Now().Unix()); len(id) != 16 || start > end || start < now-60 || end > now+60 {
		t.Errorf("id %q, from %f to %f", id, start, end)
	}
	for _, name := range []string{"id", "start_time", "end_time"} {
		delete(doc, name)
	}
	want := map[string]any{
		"name": "CancelHotel", "type": "subsegment", "parent_id": "53995c3f42cd8ad8",
		"trace_id": "1-5759e988-bd862e3fe1be46a994272793", "fault": true,
		"cause": map[string]any{"exceptions": []any{map[string]any{"id": id, "message": "busy", "type": "ServiceUnavailable"}}},
		"annotations": map[string]any{
			"step": "CancelHotel", "trip_id": tripID, "execution": "arn:e", "attempt": 1, "outcome": "fault", "error": "ServiceUnavailable",
		},
	}
	equalJSON(t, doc, want)
	if err := traces.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSegmentDocuments(t *testing.T) {
	traces, spans := recording(t)
	ctx, end := traces.Start(t.Context(), "GET /trips/{id} "+strings.Repeat("é", 200),
		attribute.Int("http.response.status_code", 404), attribute.StringSlice("a-b", []string{"c"}), attribute.Bool("ok", true))
	_, inner := traces.Start(ctx, "inner")
	inner(fault.New(fault.Refused, fault.NameHotelUnavailable, "full"))
	end(nil)
	stubs := spans.GetSpans().Snapshots()
	refused, root := segmentOf(stubs[0]), segmentOf(stubs[1])
	if !refused.Error || refused.Fault || refused.Cause != nil || refused.ParentID != root.ID || refused.Type != "subsegment" {
		t.Errorf("a refusal is %+v", refused)
	}
	if root.Type != "" || root.ParentID != "" || root.Error || len(root.Name) > 200 || !strings.HasPrefix(root.Name, "GET /trips/_id_ é") {
		t.Errorf("the root is %+v", root)
	}
	equalJSON(t, root.Annotations, map[string]any{"http_response_status_code": 404, "a_b": `["c"]`, "ok": true})
}

const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

func TestTraceHeader(t *testing.T) {
	const root, parent = "Root=1-5759e988-bd862e3fe1be46a994272793", "Parent=53995c3f42cd8ad8"
	for given, want := range map[string]string{
		header:                             header,
		root + ";" + parent + ";Sampled=0": root + ";" + parent + ";Sampled=0",
		root + ";" + parent + ";Sampled=?": header, // to be decided here: it is
		root + ";" + parent:                header,
		"Self=1-2-3; Sampled=1; " + parent + ";" + root + ";Lineage=1:2|3:0": header,
		"":                                   "",
		parent + ";Sampled=1":                "",
		"Root=1-5759e988-bd862e3f;" + parent: "",
		"Root=2-5759e988-bd862e3fe1be46a994272793;" + parent: "",
		"Root=1-5759e988bd-862e3fe1be46a994272793;" + parent: "",
		"Root=1-00000000-000000000000000000000000;" + parent: "",
		"Root=1-5759e988-bd862e3fe1be46a99427279g;" + parent: "",
		root: "", // no span yet: the first one continues the trace
	} {
		if got := TraceHeader(WithTraceHeader(t.Context(), given)); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

func TestARootWithoutAParentIsContinued(t *testing.T) {
	traces, spans := recording(t)
	const root = "Root=1-5759e988-bd862e3fe1be46a994272793"
	for given, sampled := range map[string]bool{root: true, root + ";Sampled=1": true, root + ";Sampled=0": false} {
		ctx, end := traces.Start(WithTraceHeader(t.Context(), given), "first")
		span := trace.SpanContextFromContext(ctx)
		end(nil)
		if got := "Root=" + xrayTraceID(span.TraceID()); got != root || span.IsSampled() != sampled {
			t.Errorf("%s: the span is of %s, sampled %v", given, got, span.IsSampled())
		}
	}
	for _, s := range spans.GetSpans() {
		if s.Parent.IsValid() {
			t.Errorf("a parent was made up: %v", s.Parent)
		}
	}
	if n := len(spans.GetSpans()); n != 2 {
		t.Errorf("%d spans recorded, want 2", n)
	}
}
