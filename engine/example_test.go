package engine_test

import (
	"context"
	"encoding/json"
	"fmt"

	"tripsaga/engine"
	"tripsaga/table/embedded"
)

const order = `{"StartAt": "Charge", "States": {
  "Charge": {"Type": "Task", "Resource": "charge", "ResultPath": "$.receipt", "Next": "Ship"},
  "Ship":   {"Type": "Task", "Resource": "ship", "ResultPath": "$.parcel", "End": true,
             "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Refund"}]},
  "Refund": {"Type": "Task", "Resource": "refund", "End": true,
             "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 100, "MaxDelaySeconds": 900}]}}}`

// Example charges an order that then cannot be shipped, so that its charge is refunded.
func Example() {
	ctx := context.Background()
	task := func(out string, err error) engine.Task { // with a constant answer
		return func(context.Context, json.RawMessage) (json.RawMessage, error) { return json.RawMessage(out), err }
	}
	store, err := embedded.Open("", embedded.Options{}) // "" is in memory; a folder is durable
	check(err)
	defer store.Close()
	eng, err := engine.Open(ctx, engine.Options{Name: "order", Definition: []byte(order), Table: store,
		Tasks: map[string]engine.Task{"charge": task(`"R-1"`, nil), "refund": task(`"refunded"`, nil),
			"ship": task("", &engine.TaskError{Name: "OutOfStock", Message: "none left"})}})
	check(err)
	check(eng.Start(ctx, "order-17", json.RawMessage(`{"item": "lamp"}`)))
	end, err := eng.Wait(ctx, "order-17")
	check(err)
	fmt.Println(end.Status, string(end.Output))
	// Output: SUCCEEDED "refunded"
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

const approvedOrder = `{"StartAt": "Approve", "States": {
  "Approve": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "TimeoutSeconds": 86400,
    "Parameters": {"FunctionName": "ask", "Payload": {"order.$": "$$.Execution.Name", "token.$": "$$.Task.Token"}},
    "ResultPath": "$.answer", "End": true,
    "Catch": [{"ErrorEquals": ["States.Timeout", "Refused"], "Next": "Rejected"}]},
  "Rejected": {"Type": "Fail", "Error": "Rejected"}}}`

// A task asks somebody and hands out a token. The execution waits, for a day at most, until the token is answered, in this
// process or in one that opens the engine later.
func ExampleEngine_SendTaskSuccess() {
	ctx := context.Background()
	store, err := embedded.Open("", embedded.Options{})
	check(err)
	defer store.Close()
	mails := make(chan string, 1)
	ask := func(_ context.Context, input json.RawMessage) (json.RawMessage, error) {
		var in struct{ Order, Token string }
		if err := json.Unmarshal(input, &in); err != nil {
			return nil, err
		}
		mails <- in.Token
		return nil, nil // the state's result is the answer, not this
	}
	eng, err := engine.Open(ctx, engine.Options{
		Name: "order", Definition: []byte(approvedOrder), Table: store, Tasks: map[string]engine.Task{"ask": ask},
	})
	check(err)
	check(eng.Start(ctx, "order-17", json.RawMessage(`{"item": "lamp"}`)))
	token := <-mails
	check(eng.SendTaskSuccess(ctx, token, json.RawMessage(`{"approved_by": "Ada"}`)))
	end, err := eng.Wait(ctx, "order-17")
	check(err)
	fmt.Println(end.Status, string(end.Output))
	fmt.Println(eng.SendTaskFailure(ctx, token, "Refused", "changed my mind"))
	// Output:
	// SUCCEEDED {"answer":{"approved_by":"Ada"},"item":"lamp"}
	// engine: the task of this token has timed out or ended
}
