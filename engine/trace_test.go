package engine_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"tripsaga/engine"
)

// traces collects what the deliveries of a task find in their Info.
type traces struct{ found []string }

func (tr *traces) task(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
	info, _ := engine.InfoOf(ctx)
	tr.found = append(tr.found, info.Trace)
	return json.RawMessage("1"), nil
}

func TestATraceOutlivesTheProcessAndARedrive(t *testing.T) {
	const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	second, tr := &mendable{}, &traces{}
	tasks := map[string]engine.Task{"first": tr.task, "second": func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
		if _, err := tr.task(ctx, in); err != nil {
			return nil, err
		}
		return second.task(ctx, in)
	}}
	b := newBench(t, twoSteps, tasks)
	if err := b.Start(engine.WithTrace(t.Context(), header), "a", json.RawMessage("{}")); err != nil {
		t.Fatal(err)
	}
	b.reopen() // before the first step
	b.end("a")
	second.mended = true
	b.reopen()
	if err := b.Redrive(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if d := b.end("a"); d.Trace != header {
		t.Errorf("described with the trace %q", d.Trace)
	}
	if want := []string{header, header, header}; !slices.Equal(tr.found, want) {
		t.Errorf("the deliveries found %q", tr.found)
	}
}

func TestATraceThatCannotBeKeptFailsNothing(t *testing.T) {
	tr := &traces{}
	b := newBench(t, twoSteps, map[string]engine.Task{"first": tr.task, "second": constant("2")})
	for i, header := range []string{"", `a"b`, `a\b`, "a<b", "a\nb", "é", strings.Repeat("a", 257)} {
		name := string(rune('a' + i))
		if err := b.Start(engine.WithTrace(t.Context(), header), name, json.RawMessage("{}")); err != nil {
			t.Fatal(err)
		}
		b.end(name)
		if got := tr.found[len(tr.found)-1]; got != "" {
			t.Errorf("%q was kept as %q", header, got)
		}
	}
}
