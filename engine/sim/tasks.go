// Package sim holds what a deterministic simulation of an engine needs: virtual time ([Virtual]), calls that are paused
// and resume, and one language of faults ([Fault]), printed and parsed alike. Scenarios, the demo, the verification and
// the rehearsal use it.
//
// A fault is data: a point of the run, such as the reply of the second delivery of a task, and what goes wrong there. The
// player of a simulation gives a [Label] to every point as it comes by, and looks up what happens there. [Tasks] is the
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
	// Do makes the call and returns its answer.
	Do() (json.RawMessage, error)
	// Later makes the call when the fault says; nobody hears its answer.
	Later(Fault)
	// Again is the same delivery once more.
	Again() Call
}

// Deliver makes the call under the fault of its delivery.
func (f Fault) Deliver(c Call) (json.RawMessage, error) {
	switch f.Kind {
	case Fail:
		return nil, f.err()
	case Die:
		return nil, engine.ErrNoReply
	case Late:
		c.Later(f)
		return nil, engine.ErrNoReply
	case Twice:
		_, _ = c.Again().Do()
	case Again:
		c.Again().Later(f)
	}
	return c.Do()
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
	c := &counter{seen: map[Label]int{}}
	wrapped := make(map[string]engine.Task, len(tasks))
	for name, task := range tasks {
		wrapped[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			info, _ := engine.InfoOf(ctx)
			at := c.count(Label{Saga: info.Execution, Actor: name})
			heard := false
			out, err := decide(at).Deliver(&call{ctx, task, input, s, &heard})
			if !heard {
				return out, err
			}
			at.Op = Reply
			return decide(at).Answer(out, err)
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

// call is a delivery that is made whole: it cannot be paused half-way.
type call struct {
	ctx   context.Context
	task  engine.Task
	in    json.RawMessage
	s     engine.Scheduler
	heard *bool // there is an answer
}

func (c *call) Do() (json.RawMessage, error) {
	*c.heard = true
	return c.task(c.ctx, c.in)
}

// Later lets the call outlive the delivery that it is part of.
func (c *call) Later(f Fault) {
	ctx := context.WithoutCancel(c.ctx)
	c.s.AfterFunc(f.After, func() { _, _ = c.task(ctx, c.in) })
}

func (c *call) Again() Call { return c }
