package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"tripsaga/barrier"
	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/verify"
)

// Release compensates Reserve. It is retried for as long as it takes.
const ticket = `{"StartAt": "Reserve", "States": {
  "Reserve": {"Type": "Task", "Resource": "reserve", "TimeoutSeconds": 10, "ResultPath": null, "Next": "Send",
              "Retry": [{"ErrorEquals": ["States.ALL"]}],
              "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Release"}]},
  "Send":    {"Type": "Task", "Resource": "send", "TimeoutSeconds": 10, "End": true,
              "Retry": [{"ErrorEquals": ["States.ALL"]}],
              "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Release"}]},
  "Release": {"Type": "Task", "Resource": "release", "TimeoutSeconds": 10, "Next": "Failed",
              "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 20, "MaxDelaySeconds": 60}]},
  "Failed":  {"Type": "Fail", "Error": "NoTicket"}}}`

var seats = table.Key{PK: "SHOW", SK: "SEATS"}

// tasks are those of production. Each is one call of the barrier.
func tasks(t table.Table) map[string]engine.Task {
	seat := barrier.Step{Key: table.Key{PK: "ORDER#1", SK: "SEAT"}, Fingerprint: "one seat"}
	return map[string]engine.Task{
		"reserve": func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
			_, err := barrier.Do(ctx, t, seat, func(context.Context) (barrier.Effect[int], error) {
				return barrier.Effect[int]{Result: 1, Ops: []table.Op{table.Add(seats, "free", -1, 0)}}, nil
			})
			return nil, err
		},
		"release": func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
			_, err := barrier.Undo(ctx, t, seat.Key, func(_ context.Context, n int) (int, []table.Op, bool, error) {
				return n, []table.Op{table.Add(seats, "free", int64(n), 0)}, true, nil
			})
			return nil, err
		},
		"send": func(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, nil },
	}
}

// Example explores a saga that forgets what it has reserved when the reply of Reserve is lost, and the mended one.
func Example() {
	saga := verify.Saga{
		Definition: []byte(strings.Replace(ticket, `"Next": "Release"`, `"Next": "Failed"`, 1)),
		Open:       func(p *verify.Program) map[string]engine.Task { return tasks(p.Table) },
		Load: func(ctx context.Context, t table.Table) error {
			return t.Transact(ctx, table.Put(table.Item{Key: seats, Ints: map[string]int64{"free": 5}}, table.None))
		},
		Scenarios: []verify.Scenario{{Name: "sold", Inputs: []any{map[string]int{"seats": 1}}}},
		Depth:     1,
	}
	for range 2 {
		report, err := saga.Explore(context.Background()) // in a test: verify.Run(t, saga)
		if err != nil {
			fmt.Println(err)
			return
		}
		if report.Found > 0 {
			fmt.Printf("%s: %s\n", report.Violations[0].ID, report.Violations[0].Detail)
		} else {
			fmt.Println("every seat is sold or free, whatever happens")
		}
		saga.Definition = []byte(ticket)
	}
	// Output:
	// sold:A.reserve#1=mute: saga A is FAILED, and the record ORDER#1 / SEAT of reserve is DONE
	// every seat is sold or free, whatever happens
}
