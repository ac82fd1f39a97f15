package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tripsaga/asl"
	"tripsaga/engine"
	"tripsaga/engine/sim"
	"tripsaga/table/embedded"
)

// FuzzList checks that a query of executions is refused as invalid, or can be continued to the end of the list, newest
// first and without duplicates.
func FuzzList(f *testing.F) {
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		f.Fatal(err)
	}
	clock := sim.NewVirtual(time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC))
	e, err := engine.Open(f.Context(), engine.Options{
		Name: "m", Definition: []byte(`{"StartAt":"S","States":{"S":{"Type":"Succeed"}}}`), Table: store, Scheduler: clock,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := errors.Join(e.Close(context.Background()), store.Close()); err != nil {
			f.Error(err)
		}
	})
	const executions = 5
	for n := range executions {
		if err := e.Start(f.Context(), fmt.Sprint("x", n), json.RawMessage(`{}`)); err != nil {
			f.Fatal(err)
		}
	}
	clock.Run()
	_, cursor, err := e.List(f.Context(), engine.ListQuery{Limit: 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", 2, cursor)
	f.Add("SUCCEEDED", 0, "")
	f.Add("FAILED", 1000, "=")
	f.Add("", 1, "__8")
	f.Add("running", -1, "__8")
	f.Add("", 1, strings.Repeat("QUFB", 400))
	f.Fuzz(func(t *testing.T, status string, limit int, cursor string) {
		q := engine.ListQuery{Status: asl.Status(status), Limit: limit, Cursor: cursor}
		seen := map[string]bool{}
		for more := true; more; more = q.Cursor != "" {
			page, next, err := e.List(t.Context(), q)
			if err != nil {
				if !errors.Is(err, engine.ErrInvalid) || len(seen) > 0 {
					t.Fatalf("%+v after %d executions: %v", q, len(seen), err)
				}
				return
			}
			for _, d := range page {
				if seen[d.Name] {
					t.Fatalf("%+v: %s comes twice", q, d.Name)
				}
				seen[d.Name] = true
			}
			q.Cursor = next
		}
		if cursor == "" && (status == "" || status == "SUCCEEDED") && len(seen) != executions {
			t.Errorf("%+v: %d executions", q, len(seen))
		}
	})
}
