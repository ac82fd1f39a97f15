package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
)

// TestViewFollows looks at an execution after each thing that happens. What the viewer kept and continued is what a new
// viewer reads, and its version changes exactly when the history does.
func TestViewFollows(t *testing.T) {
	b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": fails("Down")})
	if _, err := b.Viewer().View(t.Context(), "a"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("before the start: %v", err)
	}
	b.start("a", "{}")
	viewer, versions := b.Viewer(), map[string]int{}
	look := func() {
		t.Helper()
		got, err := viewer.View(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if fresh, err := b.Viewer().View(t.Context(), "a"); err != nil || !reflect.DeepEqual(got, fresh) {
			t.Fatalf("kept %+v\nfresh %+v, %v", got, fresh, err)
		}
		events, err := b.History(t.Context(), "a")
		if err != nil || !reflect.DeepEqual(events, got.Events) || len(got.Data) == 0 {
			t.Fatalf("%d events, want %d, %v; %d steps of data", len(got.Events), len(events), err, len(got.Data))
		}
		version, err := viewer.Version(t.Context(), "a")
		if n, seen := versions[version]; err != nil || seen && n != len(events) {
			t.Fatalf("version %q with %d and %d events, %v", version, n, len(events), err)
		}
		versions[version] = len(events)
		if (got.Pending == nil) != (got.Status != asl.Running) || (got.Redrivable == nil) != (got.Status == asl.Failed) {
			t.Fatalf("%s: pending %v, redrivable %v", got.Status, got.Pending, got.Redrivable)
		}
	}
	look()
	for b.virtual.Step() {
		look()
	}
	if v, _ := viewer.View(t.Context(), "a"); v.State != "Second" || !reflect.DeepEqual(v.ResumesAt, []string{"Second"}) {
		t.Errorf("failed at %q, stopped at %q", v.State, v.ResumesAt)
	}
	if err := b.Redrive(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	for look(); b.virtual.Step(); {
		look()
	}
	if len(versions) != 4 {
		t.Errorf("%d versions %v", len(versions), versions)
	}
}

// TestViewSaysWhatComesNext between two attempts, and while one is under way.
func TestViewSaysWhatComesNext(t *testing.T) {
	var b *bench
	var seen []engine.Pending
	look := func() {
		v, err := b.Viewer().View(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range v.Pending {
			if len(seen) == 0 || seen[len(seen)-1] != p {
				seen = append(seen, p)
			}
		}
	}
	b = newBench(t, twoSteps, map[string]engine.Task{
		"first": func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
			look()
			return fails("Down")(ctx, in)
		},
		"second": constant("2"),
	})
	b.start("a", "{}")
	for b.virtual.Step() {
		look()
	}
	at := func(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }
	want := []engine.Pending{
		{Pending: asl.Pending{Visit: 2, State: "First", Task: 1, Timeout: 1}, At: at(10)},
		{Pending: asl.Pending{Visit: 2, State: "First", Attempt: 1, Retry: 2}, At: at(1)},
		{Pending: asl.Pending{Visit: 2, State: "First", Attempt: 1, Task: 2, Timeout: 3}, At: at(11)},
		{Pending: asl.Pending{Visit: 2, State: "First", Attempt: 2, Retry: 4}, At: at(3)},
		{Pending: asl.Pending{Visit: 2, State: "First", Attempt: 2, Task: 3, Timeout: 5}, At: at(13)},
	}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("pending %+v\nwant %+v", seen, want)
	}
}
