// Package shop_test is a user's saga, in the user's module. Unless the environment has REPAIRED, its reservation is not
// released if all retries fail.
package shop_test

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"tripsaga/barrier"
	"tripsaga/engine"
	"tripsaga/table"
	"tripsaga/verify"
)

const definition = `{"StartAt": "Reserve", "States": {
  "Reserve": {"Type": "Task", "Resource": "${Reserve}", "TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["States.ALL"]}],
    "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Choose"}], "End": true},
  "Release": {"Type": "Task", "Resource": "${Release}", "TimeoutSeconds": 10, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 20}],
    "Next": "Failed"},
  "Choose": {"Type": "Choice", "Choices": [{"Variable": "$.pieces", "NumericLessThan": 0, "Next": "Release"}], "Default": "DEFAULT"},
  "Failed": {"Type": "Fail", "Error": "NotReserved"}
}}`

var lamps = table.Key{PK: "LAMPS", SK: "STOCK"}

func saga(pieces int) verify.Saga {
	next := "Failed"
	if os.Getenv("REPAIRED") != "" {
		next = "Release"
	}
	workers, _ := strconv.Atoi(os.Getenv("WORKERS"))
	budget, _ := time.ParseDuration(os.Getenv("BUDGET"))
	coverage := "testdata/coverage.txt"
	if os.Getenv("UNCOVERED") != "" {
		coverage = ""
	}
	return verify.Saga{
		Definition: []byte(strings.ReplaceAll(definition, "DEFAULT", next)),
		Open: func(p *verify.Program) map[string]engine.Task {
			key := table.Key{PK: "ORDER", SK: "LAMPS"}
			return map[string]engine.Task{
				"Reserve": func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
					_, err := barrier.Do(ctx, p.Table, barrier.Step{Key: key}, func(context.Context) (barrier.Effect[int], error) {
						return barrier.Effect[int]{Ops: []table.Op{table.Add(lamps, "free", -1, 0)}}, nil
					})
					return nil, err
				},
				"Release": func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
					_, err := barrier.Undo(ctx, p.Table, key, func(_ context.Context, n int) (int, []table.Op, bool, error) {
						return n, []table.Op{table.Add(lamps, "free", 1, 0)}, true, nil
					})
					return nil, err
				},
			}
		},
		Load: func(ctx context.Context, t table.Table) error {
			return t.Transact(ctx, table.Put(table.Item{Key: lamps, Ints: map[string]int64{"free": 5}}, table.None))
		},
		Scenarios: []verify.Scenario{{Name: "sold", Inputs: []any{map[string]int{"pieces": pieces}}}},
		Words:     map[string]string{"Reserve": "the lamp was reserved"},
		Depth:     1,
		Workers:   workers,
		Budget:    budget,
		Coverage:  coverage,
	}
}

func TestSale(t *testing.T) {
	t.Parallel()
	for name, pieces := range map[string]int{"small": 1, "large": 9} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verify.Run(t, saga(pieces))
		})
	}
}
