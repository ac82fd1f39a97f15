// Package sim provides what a deterministic simulation of an engine needs: virtual time ([Virtual]), calls that are paused and
// resume, and one language of faults ([Fault]), printed and parsed alike. Scenarios, the demo, the verification and the
// rehearsal use it.
//
// A fault is data: a point of the run, such as the reply of the second delivery of a task, and what goes wrong there. The
// player of a simulation gives a [Label] to every point when it is reached, and looks up what happens there. [Tasks] is the
// smallest player: it sees deliveries and their replies. Package verify/world sees every operation of the table as well.
package sim

import (
	"context"
	"encoding/json"
	"sync"

	"tripsaga/engine"
)

// Call is one delivery of a task, as a fault plays it.
type Call interface {
	// Run makes the call.
	Run()
	// Later makes the call at the time that the fault gives; its answer is dropped.
	Later(Fault)
	// Again returns a repetition of the delivery.
	Again() Call
}

// Deliver makes the call under the fault of its delivery. Without an error, the answer is returned under [Fault.Answer]; an
// error is what the caller gets instead.
func (f Fault) Deliver(c Call) error {
	switch f.Kind {
	case Fail:
		return f.err()
	case Die:
		return engine.ErrNoReply
	case Late:
		c.Later(f)
		return engine.ErrNoReply
	case Twice:
		c.Again().Run()
	case Again:
		c.Again().Later(f)
	}
	c.Run()
	return nil
}

// Answer passes the answer of a call on under the fault of its reply.
func (f Fault) Answer(out json.RawMessage, err error) (json.RawMessage, error) {
	switch f.Kind {
	case Fail:
		return nil, f.err()
	case Lost:
		return nil, engine.ErrNoReply
	}
	return out, err
}

func (f Fault) err() error { return &engine.TaskError{Name: f.Error, Message: "injected"} }

// Tasks wraps all tasks. decide is called for the label of each delivery and of each reply, whose Saga is the execution's
// name; see [Plan.Decide]. It may be called from many goroutines. The scheduler is the engine's own, for what comes later.
func Tasks(tasks map[string]engine.Task, s engine.Scheduler, decide func(Label) Fault) map[string]engine.Task {
	deliveries := &counter{seen: map[Label]int{}}
	wrapped := make(map[string]engine.Task, len(tasks))
	for name, task := range tasks {
		wrapped[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			info, _ := engine.InfoOf(ctx)
			at := deliveries.count(Label{Saga: info.Execution, Actor: name})
			c := &call{ctx: ctx, task: task, in: input, s: s}
			if err := decide(at).Deliver(c); err != nil {
				return nil, err
			}
			at.Op = Reply
			return decide(at).Answer(c.out, c.err)
		}
	}
	return wrapped
}

type counter struct {
	mu   sync.Mutex
	seen map[Label]int // by label with N = 0
}

func (c *counter) count(l Label) Label {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[l]++
	l.N = c.seen[l]
	return l
}

// call is a delivery that is made as a whole: it cannot be paused half-way, only begin later.
type call struct {
	ctx  context.Context
	task engine.Task
	in   json.RawMessage
	s    engine.Scheduler
	out  json.RawMessage
	err  error
}

func (c *call) Run() { c.out, c.err = c.task(c.ctx, c.in) }

// Later lets the call outlive the delivery that it is part of.
func (c *call) Later(f Fault) {
	ctx := context.WithoutCancel(c.ctx)
	c.s.AfterFunc(f.After, func() { _, _ = c.task(ctx, c.in) })
}

func (c *call) Again() Call { return c }
