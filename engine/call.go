package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tripsaga/asl"
)

// ErrNamePanic is the error name of a task that panicked, which on Lambda ends the function's process.
const ErrNamePanic = "Runtime.ExitError"

// ErrNameOutput is the error name of a task whose output is not JSON. It is the name that a Lambda function in Go reports
// for such a json.RawMessage. Retry and Catch match it like any other.
const ErrNameOutput = "MarshalerError"

// Info describes one delivery of a task.
type Info struct {
	Machine   string // the name of the engine
	Execution string // name
	State     string
	Function  string
	Attempt   int    // 0 for the first attempt, then the number of retries
	Trace     string // the header given to [WithTrace], or ""
}

type infoKey struct{}

// InfoOf returns the Info of a task's context. ok is false for any other context.
func InfoOf(ctx context.Context) (info Info, ok bool) {
	c, ok := ctx.Value(infoKey{}).(*call)
	if !ok {
		return Info{}, false
	}
	return Info{
		Machine: c.run.e.opt.Name, Execution: c.run.name, State: c.task.State, Function: c.task.Function, Attempt: c.task.Attempt, Trace: c.trace,
	}, true
}

// Heartbeat reports that the task of this context is alive. It restarts the state's HeartbeatSeconds.
func Heartbeat(ctx context.Context) {
	if c, ok := ctx.Value(infoKey{}).(*call); ok {
		c.run.inform(letter{Event: asl.Event{Heartbeat: &asl.TaskHeartbeat{Task: c.task.Task}}})
	}
}

// call is one delivery of a task, and the context of its function. It copies what it needs of the run: it runs while another
// goroutine may be the worker. It is no context of context.WithCancel, which allocates three times for each task that writes to a
// table. A context that a task derives from it costs a goroutine in return, and ends a moment later.
type call struct {
	run       *run
	task      asl.StartTask
	f         Task
	trace     string
	succeeded asl.TaskSucceeded // what the reply points to, if it is a success

	mu        sync.Mutex
	cancelled bool
	done      chan struct{} // nil until Done is called; Engine.waited has the call until it is closed
}

func (r *run) newCall(t *asl.StartTask) *call {
	c := &call{run: r, task: *t, f: r.e.opt.Tasks[t.Function], trace: r.rec.Trace}
	r.calls.Set(t.Task, c)
	return c
}

// end ends the call's context.
func (c *call) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancelled = true
	if c.done == nil {
		return
	}
	e := c.run.e
	e.waiting.Lock()
	defer e.waiting.Unlock()
	if e.waited[c] {
		delete(e.waited, c)
		close(c.done)
	}
}

// stop ends the engine's context and the contexts of all calls.
func (e *Engine) stop() {
	e.waiting.Lock()
	defer e.waiting.Unlock()
	e.cancel()
	for c := range e.waited {
		close(c.done)
	}
	clear(e.waited)
}

// Deadline returns false, since the state's timeout is a timer of the execution.
func (c *call) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done returns a channel that is closed when the reply is no longer wanted.
func (c *call) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil {
		return c.done
	}
	c.done = make(chan struct{})
	e := c.run.e
	e.waiting.Lock()
	defer e.waiting.Unlock()
	if c.cancelled || e.ctx.Err() != nil {
		close(c.done)
	} else {
		e.waited[c] = true
	}
	return c.done
}

// Err returns context.Canceled once the reply is no longer wanted or the engine has ended, nil before.
func (c *call) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancelled {
		return context.Canceled
	}
	return c.run.e.ctx.Err()
}

// Value returns the call for the key of [InfoOf], and otherwise the value of the engine's context for tasks.
func (c *call) Value(key any) any {
	if key == (infoKey{}) {
		return c
	}
	return c.run.e.tasks.Value(key)
}

// perform waits for a slot, calls the task and returns its reply as an event. It returns false if there is no reply: the call
// was cancelled before it began, or the engine is closing. Then the journal still has the task as outstanding, and the next
// Open delivers it again.
func (c *call) perform() (asl.Event, bool) {
	e := c.run.e
	if c.Err() != nil {
		return asl.Event{}, false
	}
	if !c.slot() {
		return asl.Event{}, false
	}
	defer func() { <-e.slots }()
	if e.isClosing() {
		return asl.Event{}, false
	}
	out, err := c.invoke()
	if errors.Is(err, ErrNoReply) {
		return asl.Event{}, false
	}
	if err != nil && e.ctx.Err() != nil {
		return asl.Event{}, false // Close cancelled it: the error says nothing about the task
	}
	return c.reply(out, err), true
}

// slot waits for one of the engine's slots. It returns false if the call was cancelled meanwhile.
func (c *call) slot() bool {
	slots := c.run.e.slots
	select {
	case slots <- struct{}{}:
		return true
	default:
	}
	select {
	case slots <- struct{}{}:
		return true
	case <-c.Done():
		return false
	}
}

func (c *call) reply(out json.RawMessage, err error) asl.Event {
	if err != nil {
		return failure(c.task.Task, err)
	}
	if len(out) > asl.MaxData {
		return c.task.OutputLimit()
	}
	if len(bytes.TrimSpace(out)) == 0 {
		out = json.RawMessage("null")
	}
	if !utf8.Valid(out) || !json.Valid(out) {
		return failure(c.task.Task, &TaskError{Name: ErrNameOutput, Message: "the task's output is not JSON"})
	}
	if c.task.Callback {
		return asl.Event{Submitted: &asl.TaskSubmitted{Task: c.task.Task, Output: out}}
	}
	c.succeeded = asl.TaskSucceeded{Task: c.task.Task, Output: out}
	return asl.Event{Succeeded: &c.succeeded}
}

func (c *call) invoke() (out json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.run.e.opt.Log.Error("task panicked", "function", c.task.Function, "panic", p, "stack", string(debug.Stack()))
			err = &TaskError{Name: ErrNamePanic, Message: fmt.Sprintf("panic: %v", p)}
		}
	}()
	if c.f == nil {
		return nil, &TaskError{Name: "Lambda.ResourceNotFoundException", Message: "Function not found: " + c.task.Function}
	}
	return c.f(c, c.task.Input)
}

func (e *Engine) isClosing() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closing
}

// maxTrace is the longest trace header in bytes, as in Step Functions.
const maxTrace = 256

type traceKey struct{}

// WithTrace returns a context under which Start stores the trace header with the execution. Every delivery finds it in its
// [Info], also after a restart and a redrive. The engine does not interpret it. A header that is longer than 256 bytes or has
// characters other than printable ASCII without "\<>& is dropped: a trace never fails a start.
func WithTrace(ctx context.Context, header string) context.Context {
	if !traceable(header) {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, header)
}

func traceOf(ctx context.Context) string {
	header, _ := ctx.Value(traceKey{}).(string)
	return header
}

func traceable(header string) bool {
	if len(header) == 0 || len(header) > maxTrace {
		return false
	}
	for _, c := range []byte(header) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return !strings.ContainsAny(header, `"\<>&`) // which JSON would escape
}
