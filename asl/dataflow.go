package asl

import (
	"encoding/json"

	"tripsaga/asl/expr"
)

// DataStep is one step of a state's data flow: the data after Field was applied. Steps are in the order in which they happened.
//
// There is a step Input, Result or Output for every attempt that got that far. There are steps InputPath, Parameters,
// ItemsPath, ItemSelector, ResultSelector, Assign, ResultPath and OutputPath only where the definition has these fields. Error
// is the error output of an attempt that failed.
type DataStep struct {
	Visit   int64 // id of the history event that entered the state
	State   string
	Attempt int // 0 for the first in this visit
	Field   string
	value   any
}

// The fields of a [DataStep] that are not fields of a definition.
const (
	DataInput  = "Input"
	DataResult = "Result"
	DataError  = "Error"
	DataOutput = "Output"
)

// JSON returns the data after the step.
func (d *DataStep) JSON() json.RawMessage { return expr.AppendEncode(nil, d.value) }

// Pending is what one strand of an execution waits for. Exactly one of Task, Retry and Wait is set.
type Pending struct {
	Visit   int64 // id of the history event that entered the state
	State   string
	Attempt int   // 0 for the first in this visit
	Task    int64 // the running delivery
	Timeout int64 // the timer that ends the delivery; 0 if it has no time-out
	Retry   int64 // the timer of the next attempt
	Wait    int64 // the timer that ends a Wait state
}

// Pending returns what the execution waits for, in the order of the strands; it is empty once the execution has ended.
func (x *Execution) Pending() []Pending {
	if x == nil || x.status != Running {
		return nil
	}
	var all []Pending
	x.root.each(func(t *thread) {
		if t.task != 0 || t.retryTimer != 0 || t.waitTimer != 0 {
			all = append(all, Pending{
				Visit: t.enteredEvent, State: t.state.name, Attempt: t.attempt,
				Task: t.task, Timeout: t.timeoutTimer, Retry: t.retryTimer, Wait: t.waitTimer,
			})
		}
	})
	return all
}

// Stopped returns the states at which a redrive would resume an execution that ended without success.
func (x *Execution) Stopped() []string {
	var all []string
	if x == nil || x.status == Running || x.status == Succeeded {
		return nil
	}
	x.root.each(func(t *thread) {
		if t.fork == nil && t.state != nil {
			all = append(all, t.state.name)
		}
	})
	return all
}

// each visits t and the strands below it that are not done.
func (t *thread) each(visit func(*thread)) {
	if t == nil || t.done {
		return
	}
	visit(t)
	if t.fork == nil {
		return
	}
	for _, child := range t.fork.children {
		child.each(visit)
	}
}

// flow reports a step of t's data flow, if there is a watcher.
func (s *stepper) flow(t *thread, field string, value any) {
	if s.watch != nil {
		s.watch(DataStep{Visit: t.enteredEvent, State: t.state.name, Attempt: t.attempt, Field: field, value: value})
	}
}

func (s *stepper) flowError(t *thread, f *failure) {
	if s.watch != nil {
		s.flow(t, DataError, f.output())
	}
}
