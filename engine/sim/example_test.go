package sim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
)

// A plan decides what goes wrong with the deliveries of a task. In virtual time the late call needs no waiting.
func ExampleTasks() {
	plan, err := sim.ParsePlan(`
Pay#1.reply=lost
Pay#2=late@30m
Pay#3-=fail:ServiceUnavailable
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	clock := sim.NewVirtual(time.Date(2027, 1, 15, 9, 0, 0, 0, time.UTC))
	tasks := sim.Tasks(map[string]engine.Task{"Pay": func(context.Context, json.RawMessage) (json.RawMessage, error) {
		fmt.Println(clock.Now().Format("15:04"), "paid")
		return json.RawMessage(`{}`), nil
	}}, clock, plan.Decide)
	for range 3 {
		_, err := tasks["Pay"](context.Background(), nil)
		fmt.Println(err)
	}
	clock.Run()
	// Output:
	// 09:00 paid
	// engine: the reply is lost
	// engine: the reply is lost
	// ServiceUnavailable: injected
	// 09:30 paid
}
