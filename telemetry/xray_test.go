package telemetry

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

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
