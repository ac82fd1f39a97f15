// Package faulty wraps the tasks of an engine and lets deliveries go wrong as they do on a network: an error before the
// effect, a lost reply, a call that lands late, a call that lands twice. Which delivery meets which fault is decided by
// data, see [Plan], or by any function.
package faulty

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"tripsaga/engine"
)

// Kind is a way in which a delivery goes wrong.
type Kind uint8

// The kinds of fault.
const (
	None      Kind = iota
	Fail           // the call fails with Error and has no effect
	FailAfter      // the call has its effect and then fails with Error
	ReplyLost      // the call has its effect and nobody hears of it
	Lost           // the call has no effect and nobody hears of it
	Late           // nobody hears of the call, and its effect comes After later
	Twice          // the call is delivered twice at once; the second reply counts
	Again          // the call is answered as ever, and delivered once more After later
)

// Fault is what happens to one delivery.
type Fault struct {
	Kind  Kind
	Error string        // Fail, FailAfter
	After time.Duration // Late, Again
}

// Delivery names one delivery of a task.
type Delivery struct {
	Execution string
	Function  string
	N         int // the how-manieth delivery of this function to this execution, from 1
}

// Tasks wraps all tasks. The scheduler is the engine's own, for what comes late.
func Tasks(tasks map[string]engine.Task, s engine.Scheduler, decide func(Delivery) Fault) map[string]engine.Task {
	c := &counter{seen: map[Delivery]int{}}
	wrapped := make(map[string]engine.Task, len(tasks))
	for name, task := range tasks {
		wrapped[name] = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			info, _ := engine.InfoOf(ctx)
			d := c.count(Delivery{Execution: info.Execution, Function: name})
			return decide(d).apply(ctx, task, input, s)
		}
	}
	return wrapped
}

type counter struct {
	mu   sync.Mutex
	seen map[Delivery]int // by delivery with N = 0
}

func (c *counter) count(d Delivery) Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[d]++
	d.N = c.seen[d]
	return d
}

func (f Fault) apply(ctx context.Context, task engine.Task, in json.RawMessage, s engine.Scheduler) (json.RawMessage, error) {
	switch f.Kind {
	case Fail:
		return nil, &engine.TaskError{Name: f.Error, Message: "injected"}
	case FailAfter:
		task(ctx, in) // the fault takes its reply away, whatever it is
		return nil, &engine.TaskError{Name: f.Error, Message: "injected"}
	case ReplyLost:
		task(ctx, in)
		return nil, engine.ErrNoReply
	case Lost:
		return nil, engine.ErrNoReply
	case Late:
		f.later(ctx, task, in, s)
		return nil, engine.ErrNoReply
	case Twice:
		task(ctx, in)
		return task(ctx, in)
	case Again:
		f.later(ctx, task, in, s)
		return task(ctx, in)
	default:
		return task(ctx, in)
	}
}

// later delivers the call once more, in a context that outlives the first delivery's.
func (f Fault) later(ctx context.Context, task engine.Task, in json.RawMessage, s engine.Scheduler) {
	late := context.WithoutCancel(ctx)
	s.AfterFunc(f.After, func() { task(late, in) })
}
