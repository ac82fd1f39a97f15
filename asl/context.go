package asl

import (
	"encoding/json"
	"strconv"
	"time"

	"tripsaga/asl/expr"
)

// contextObject is $$, built when an expression first asks for it.
type contextObject struct {
	thread    *thread
	value     map[string]any
	execution map[string]any
	machine   map[string]any
}

// forget drops what belongs to one visit.
func (c *contextObject) forget() { c.value = nil }

// restart drops what a redrive changes.
func (c *contextObject) restart() { c.value, c.execution = nil, nil }

// env is the environment of t's expressions, with data as $. It is valid until the next call.
func (s *stepper) env(t *thread, data any) *expr.Env {
	x := s.x
	if x.context.thread != t {
		x.context.thread = t
		x.context.forget()
	}
	x.env.Data, x.env.Vars = data, t.vars
	return &x.env
}

func (x *Execution) buildContext() any {
	c := &x.context
	if c.value != nil {
		return c.value
	}
	if c.execution == nil {
		c.execution = x.executionContext()
		c.machine = map[string]any{"Id": x.started.StateMachineID, "Name": x.started.StateMachineName}
	}
	c.value = map[string]any{"Execution": c.execution, "StateMachine": c.machine, "State": c.thread.stateContext()}
	if item := c.thread.item; item != nil {
		c.value["Map"] = map[string]any{"Item": map[string]any{"Index": number(item.index), "Value": item.value}}
	}
	return c.value
}

func (x *Execution) executionContext() map[string]any {
	return map[string]any{
		"Id":           x.started.ExecutionID,
		"Input":        x.input,
		"Name":         x.started.Name,
		"RoleArn":      x.started.RoleARN,
		"StartTime":    timestamp(x.start),
		"RedriveCount": number(x.redrives),
	}
}

// stateContext is $$.State; RetryCount is there for the states that can retry.
func (t *thread) stateContext() map[string]any {
	if t.state == nil {
		return map[string]any{}
	}
	v := map[string]any{"Name": t.state.name, "EnteredTime": timestamp(t.entered)}
	if t.state.canRetry {
		v["RetryCount"] = number(t.attempt)
	}
	return v
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

func timestamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
