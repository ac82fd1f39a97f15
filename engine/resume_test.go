package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"tripsaga/asl"
	"tripsaga/engine"
)

// TestOpenResumesAll leaves several executions open and several notices behind: the next engine continues each.
func TestOpenResumesAll(t *testing.T) {
	const each = 4
	var told []string
	deaf := true
	second := func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
		if info, _ := engine.InfoOf(ctx); info.Execution[0] == 'f' {
			return nil, &engine.TaskError{Name: "No"}
		}
		return json.RawMessage("2"), nil
	}
	b := newBench(t, twoSteps, map[string]engine.Task{"first": constant("1"), "second": second}, func(o *engine.Options) {
		o.OnEnd = func(_ context.Context, d engine.Description) error {
			if deaf {
				return errors.New("not now")
			}
			told = append(told, d.Name)
			return nil
		}
	})
	for i := range each {
		b.start(fmt.Sprint("f", i), "{}")
	}
	for range 100 { // until all have failed; OnEnd would be tried for ever
		b.virtual.Step()
	}
	for i := range each {
		b.start(fmt.Sprint("o", i), "{}")
	}
	if failed, _, err := b.List(t.Context(), engine.ListQuery{Status: asl.Failed}); err != nil || len(failed) != each {
		t.Fatalf("%d have failed, %v", len(failed), err)
	}
	deaf = false
	b.reopen()
	b.virtual.Run()
	var want []string
	for i := range each {
		want = append(want, fmt.Sprint("f", i), fmt.Sprint("o", i))
		if d, err := b.Describe(t.Context(), fmt.Sprint("o", i)); err != nil || d.Status != asl.Succeeded {
			t.Errorf("o%d: %s, %v", i, d.Status, err)
		}
	}
	slices.Sort(want)
	if slices.Sort(told); !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}
