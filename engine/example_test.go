package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"tripsaga/engine"
	"tripsaga/table/embedded"
)

const order = `{"StartAt": "Charge", "States": {
  "Charge": {"Type": "Task", "Resource": "charge", "ResultPath": "$.receipt", "Next": "Ship"},
  "Ship":   {"Type": "Task", "Resource": "ship", "ResultPath": "$.parcel", "End": true,
             "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Refund"}]},
  "Refund": {"Type": "Task", "Resource": "refund", "End": true,
             "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 100, "MaxDelaySeconds": 900}]}}}`

func Example() {
	ctx := context.Background()
	store, err := embedded.Open("", embedded.Options{}) // "" is in memory; a folder is durable
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	eng, err := engine.Open(ctx, engine.Options{Name: "order", Definition: []byte(order), Table: store, Tasks: map[string]engine.Task{
		"charge": func(context.Context, json.RawMessage) (json.RawMessage, error) { return json.RawMessage(`"R-1"`), nil },
		"ship": func(context.Context, json.RawMessage) (json.RawMessage, error) {
			return nil, &engine.TaskError{Name: "OutOfStock", Message: "none left"}
		},
		"refund": func(_ context.Context, in json.RawMessage) (json.RawMessage, error) {
			return json.RawMessage(`"refunded"`), nil
		},
	}})
	if err != nil {
		log.Fatal(err)
	}
	if err := eng.Start(ctx, "order-17", json.RawMessage(`{"item": "lamp"}`)); err != nil {
		log.Fatal(err)
	}
	end, err := eng.Wait(ctx, "order-17")
	fmt.Println(end.Status, string(end.Output), err)
	// Output: SUCCEEDED "refunded" <nil>
}
