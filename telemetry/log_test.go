package telemetry

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"tripsaga/trip/handlers"
)

func TestEveryLineHasWhatItsContextKnows(t *testing.T) {
	var out output
	log := NewLogger(&out, slog.LevelInfo, FormatJSON).With("component", "test")
	ctx := With(t.Context(), slog.String("invocation_id", "r-1"))
	With(ctx, slog.String("lost", "of another context"))
	ctx = handlers.WithRequestID(ctx, "q-1")
	ctx = WithTraceHeader(With(ctx, slog.Bool("cold_start", true)), header)
	err := deliver(t, ctx, "CancelHotel", 3, func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
		log.InfoContext(ctx, "inside", "more", 1)
		return json.RawMessage(`{}`), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	line := out.lines(t)[0]
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "msg": "inside", "component": "test", "more": 1.0, "invocation_id": "r-1", "request_id": "q-1", "cold_start": true,
		"step": "CancelHotel", "trip_id": tripID, "execution": "arn:e", "attempt": 3.0,
		"trace_id": "5759e988bd862e3fe1be46a994272793",
	}
	equalJSON(t, line, want)
	log.InfoContext(t.Context(), "outside")
	if line := out.lines(t)[0]; len(line) != 4 {
		t.Errorf("a line outside of everything has %v", line)
	}
}

func TestContextsDoNotShareTheirAttributes(t *testing.T) {
	var out output
	base := t.Context()
	for _, key := range []string{"a", "b", "c"} { // which leaves room in the slice
		base = With(base, slog.Int(key, 1))
	}
	first := With(base, slog.String("own", "first"))
	With(base, slog.String("own", "second"))
	NewLogger(&out, slog.LevelInfo, FormatJSON).InfoContext(first, "m")
	if line := out.lines(t)[0]; line["own"] != "first" {
		t.Errorf("got %v", line)
	}
}

func equalJSON(t *testing.T, got, want any) {
	t.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if string(g) != string(w) {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}

func TestTextIsForPeople(t *testing.T) {
	var out output
	NewLogger(&out, slog.LevelWarn, FormatText).Warn("look", "email", "ada@example.com", "trip_id", tripID)
	if got := out.String(); !strings.Contains(got, `level=WARN msg=look email=[redacted] trip_id=`+tripID) {
		t.Errorf("got %s", got)
	}
}

func TestALoggerOfNoFormatIsNone(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the format xml was taken")
		}
	}()
	NewLogger(&output{}, slog.LevelInfo, "xml")
}
