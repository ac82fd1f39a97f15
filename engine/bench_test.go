package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"tripsaga/engine"
	"tripsaga/table/embedded"
)

// fourTasks has a booking's shape: four tasks, each with parameters, a result path, a retrier and a catcher.
const fourTasks = `{"StartAt": "A", "States": {
  "A": {"Type": "Task", "Resource": "f", "Parameters": {"input.$": "$"}, "ResultPath": "$.a", "TimeoutSeconds": 30, "Next": "B",
        "Retry": [{"ErrorEquals": ["Busy"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]},
  "B": {"Type": "Task", "Resource": "f", "Parameters": {"input.$": "$.trip"}, "ResultPath": "$.b", "TimeoutSeconds": 30, "Next": "C",
        "Retry": [{"ErrorEquals": ["Busy"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]},
  "C": {"Type": "Task", "Resource": "f", "Parameters": {"input.$": "$.trip"}, "ResultPath": "$.c", "TimeoutSeconds": 30, "Next": "D",
        "Retry": [{"ErrorEquals": ["Busy"]}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]},
  "D": {"Type": "Task", "Resource": "f", "Parameters": {"input.$": "$.a"}, "ResultPath": null, "TimeoutSeconds": 30, "End": true},
  "Failed": {"Type": "Fail"}}}`

const (
	tripInput = `{"trip":{"id":"trip-0123456789","flight":"LH123","date":"2030-01-31","seats":2,"hotel":"h-1"},"token":"tok_ok"}`
	tripReply = `{"id":"r-0123456789","amount_minor":45900,"currency":"EUR"}`
)

// next numbers the executions of all runs.
var next atomic.Int64

// BenchmarkExecution runs executions from Start to Wait, 64 at a time, on a store in memory: what the engine itself
// costs.
func BenchmarkExecution(b *testing.B) {
	store, err := embedded.Open("", embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	reply := func(context.Context, json.RawMessage) (json.RawMessage, error) {
		return json.RawMessage(tripReply), nil
	}
	ctx := context.Background()
	eng, err := engine.Open(ctx, engine.Options{
		Name: "bench", Definition: []byte(fourTasks), Table: store, Tasks: map[string]engine.Task{"f": reply},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer eng.Close(ctx)
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			name := fmt.Sprintf("e-%d", next.Add(1))
			if err := eng.Start(ctx, name, json.RawMessage(tripInput)); err != nil {
				b.Error(err)
				return
			}
			if _, err := eng.Wait(ctx, name); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
