package asl_test

import (
	"encoding/json"
	"fmt"
	"time"

	"tripsaga/asl"
)

const payment = `{"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": "pay", "ResultPath": "$.receipt", "End": true,
  "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 5}]}}}`

// Example drives one execution by hand: each event gives the effects that a driver must perform. Package engine is such a
// driver, with a journal.
func Example() {
	m, err := asl.Parse([]byte(payment))
	if err != nil {
		fmt.Println(err) // every problem, with its JSON path
		return
	}
	now := time.Date(2030, 1, 31, 9, 0, 0, 0, time.UTC)
	var x *asl.Execution
	for _, event := range []asl.Event{
		{Started: &asl.Started{Name: "order-17", Input: json.RawMessage(`{"amount": 42}`)}},
		{Failed: &asl.TaskFailed{Task: 1, Error: "Busy"}},
		{Fired: &asl.TimerFired{Timer: 1}},
		{Succeeded: &asl.TaskSucceeded{Task: 2, Output: json.RawMessage(`"R-1"`)}},
	} {
		var effects []asl.Effect
		if x, effects, err = asl.Step(m, x, event, now, nil); err != nil {
			fmt.Println(err)
			return
		}
		for _, e := range effects {
			switch {
			case e.StartTask != nil:
				fmt.Printf("call %s with %s, attempt %d\n", e.StartTask.Function, e.StartTask.Input, e.StartTask.Attempt)
			case e.SetTimer != nil:
				fmt.Println("wait", e.SetTimer.At.Sub(now))
				now = e.SetTimer.At
			case e.Ended != nil:
				fmt.Printf("%s with %s\n", e.Ended.Status, e.Ended.Output)
			}
		}
	}
	// Output:
	// call pay with {"amount":42}, attempt 0
	// wait 5s
	// call pay with {"amount":42}, attempt 1
	// SUCCEEDED with {"amount":42,"receipt":"R-1"}
}

// ExampleParse shows the problems of a definition.
func ExampleParse() {
	_, err := asl.Parse([]byte(`{"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": "pay", "Next": "Ship", "TimeoutSeconds": 0}}}`))
	fmt.Println(err)
	// Output:
	// asl: the definition has 2 problems:
	//   $.States.Pay.Next: there is no state "Ship" here; there are Pay
	//   $.States.Pay.TimeoutSeconds: must be a whole number from 1 to 99999999, is 0
}
