package telemetry

import (
	"testing"

	"go.opentelemetry.io/otel/trace"
)

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
