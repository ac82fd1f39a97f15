package world

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"tripsaga/engine"
	"tripsaga/engine/sim"
)

// frame is the actor in whose name operations are labelled.
type frame struct {
	label   sim.Label
	call    *call // the delivery of a function; nil for other actors
	outside bool  // it is inside a provider, which is a separate system: its operations are not points
	begun   bool  // it has made at least one operation
	quiet   bool  // no fault can happen to it
}

// call is one delivery of a task.
type call struct {
	thread
	p    *Process
	ctx  context.Context
	task engine.Task
	in   json.RawMessage

	partition string // of the execution that it belongs to

	altered bool // its input differs from that of the delivery before it
	out     json.RawMessage
	err     error
	done    bool
}

// Tasks labels the deliveries of the tasks, and injects their faults.
func (p *Process) Tasks(tasks map[string]engine.Task) map[string]engine.Task {
	wrapped := make(map[string]engine.Task, len(tasks))
	for name, task := range tasks {
		wrapped[name] = func(ctx context.Context, in json.RawMessage) (out json.RawMessage, err error) {
			defer func() {
				if v := recover(); v != nil { // else the engine would report it as the task's
					p.run.panicked(v)
					err = engine.ErrNoReply
				}
			}()
			return p.deliver(ctx, name, task, in)
		}
	}
	return wrapped
}

func (r *Run) newCall(p *Process, saga, actor string, ctx context.Context, task engine.Task, in json.RawMessage) *call {
	l := sim.Label{Saga: saga, Actor: actor}
	l.N = r.count(l)
	// A call may outlive the delivery that it is part of.
	c := &call{p: p, ctx: context.WithoutCancel(ctx), task: task, in: in}
	c.thread = thread{run: r, frame: &frame{label: l, call: c}, do: c.perform}
	if r.pauses(l) {
		c.coroutine = true
	}
	return c
}

// again returns a repetition of the delivery.
func (c *call) again() *call {
	l := c.frame.label
	other := c.run.newCall(c.p, l.Saga, l.Actor+"+", c.ctx, c.task, c.in)
	other.partition = c.partition
	return other
}

// deliver is the task that the engine calls.
func (p *Process) deliver(ctx context.Context, name string, task engine.Task, in json.RawMessage) (json.RawMessage, error) {
	r := p.run
	if p.dead {
		return nil, engine.ErrNoReply
	}
	info, _ := engine.InfoOf(ctx)
	c := r.newCall(p, r.nameOf(info.Execution), name, ctx, task, in)
	c.partition = pkExecution + info.Machine + "#" + info.Execution
	what := c.frame.label.Saga + "." + name
	f := r.visit(Point{
		Label: c.frame.label, Where: AtDelivery, Attempt: info.Attempt, Deaf: r.lasting[what] != "",
		Alters: r.subject.alters(name, in),
	})
	if p.dead {
		return nil, engine.ErrNoReply
	}
	p.journalledFirst(c)
	p.contextsEnd(wanted{c.frame.label, info.Attempt, ctx})
	if Lasts(f.Kind) || f.Kind == Nap {
		r.lasting[what] = f.Kind
	}
	switch r.lasting[what] {
	case Down:
		return nil, injected(unavailable)
	case Broken:
		return nil, injected(broken)
	case Nap: // no reply until the time-out
		if f.Kind == Nap || r.time().Before(r.hangs) {
			return nil, engine.ErrNoReply
		}
		delete(r.lasting, what)
	case Mute:
		c.frame.quiet = true
		c.work()
		return nil, engine.ErrNoReply
	}
	return c.under(f)
}

// The errors of faults at a delivery, and at its reply.
const (
	throttled   = "Lambda.TooManyRequestsException" // the function was not called
	unavailable = "ServiceUnavailable"
	broken      = "InvalidRequest" // not retried
)

// Injected returns the name of the error that the engine gets for the fault at the point; "" if the engine gets no error.
func (p *Point) Injected() string {
	switch {
	case p.Where == AtReply && p.Hit == sim.Fail, p.Where == AtDelivery && p.Hit == Down:
		return unavailable
	case p.Where == AtDelivery && (p.Hit == sim.Fail || p.Hit == Doze):
		return throttled
	case p.Where == AtDelivery && p.Hit == Broken:
		return broken
	}
	return ""
}

func injected(name string) error { return &engine.TaskError{Name: name, Message: "injected"} }

// contextsEnd checks that the context of a delivery has ended when its state is retried, since the engine no longer waits for
// its reply. It skips the iterations of a Map state, which share a state and cannot be distinguished here.
func (p *Process) contextsEnd(next wanted) {
	l := next.label
	for _, w := range p.calls {
		before := w.label
		if before.Saga == l.Saga && before.Actor == l.Actor && w.attempt < next.attempt && w.ctx.Err() == nil && !p.run.world.maps {
			p.run.Violation(contextEnds, "%s is delivered, and the context of %s has not ended", l, before)
		}
	}
	p.calls = append(p.calls, next)
}

// under makes the call with the fault of its delivery.
func (c *call) under(f sim.Fault) (json.RawMessage, error) {
	if f.Error = throttled; f.Kind == Doze {
		f.Kind = sim.Fail
	}
	if err := f.Deliver(c); err != nil {
		return nil, err
	}
	if f.Kind == Altered {
		c.alter()
	}
	if !c.done || c.p.dead {
		return nil, engine.ErrNoReply
	}
	return c.reply()
}

var _ sim.Call = (*call)(nil)

// Run implements sim.Call.
func (c *call) Run() { c.work() }

// Later implements sim.Call: the call has not begun yet, and begins at the point where a paused call would resume.
func (c *call) Later(f sim.Fault) { c.wait(f.Until) }

// Again implements sim.Call.
func (c *call) Again() sim.Call { return c.again() }

// reply returns the call's answer to the engine, with the fault of the reply.
func (c *call) reply() (json.RawMessage, error) {
	r := c.run
	l := c.frame.label
	l.Op = sim.Reply
	f := r.visit(Point{Label: l, Where: AtReply, Deaf: c.frame.quiet})
	if c.p.dead || f.Kind == sim.Lost {
		return nil, engine.ErrNoReply
	}
	c.p.heard[c.partition] = r.journal[c.partition] + 1
	f.Error = unavailable
	return f.Answer(c.out, c.err)
}

// journalledFirst checks the engine's order: a reply is in the journal before the next task is delivered because of it. It
// checks nothing with two engines, since each may act on what the other has journalled, and nothing with concurrent states,
// since one does not wait for the reply of another.
func (p *Process) journalledFirst(c *call) {
	if p.run.world.parallel || len(p.run.procs) > 1 && !p.run.procs[len(p.run.procs)-2].dead {
		return
	}
	if want := p.heard[c.partition]; p.run.journal[c.partition] < want {
		p.run.Violation(journalFirst, "%s is delivered although the reply before it is not in the journal", c.frame.label)
	}
}

func (c *call) perform() {
	defer func() {
		if p := recover(); p != nil {
			c.run.Violation(noPanic, "%s: %v", c.frame.label, p)
			c.err = &engine.TaskError{Name: engine.ErrNamePanic}
		}
		c.done = true
	}()
	c.run.cast.Begins(c.frame.label)
	if c.out, c.err = c.task(c.ctx, c.in); !c.p.dead && !c.gone() {
		c.run.trace.answered(c.frame.label, c.err)
	}
	c.judge()
}

// judge compares the answer with the records, even if the reply is lost.
func (c *call) judge() {
	if c.p.dead || c.gone() || c.altered || errors.Is(c.err, engine.ErrNoReply) {
		return
	}
	l := c.frame.label
	l.Actor = strings.TrimSuffix(l.Actor, "+")
	c.run.found = append(c.run.found, c.run.cast.Answered(l, c.out, c.err)...)
}

// alter delivers a completed task again with another input. The delivery must be refused.
func (c *call) alter() {
	if !c.done || c.err != nil || c.p.dead {
		return
	}
	other := c.again()
	other.altered = true
	other.in = c.run.subject.Amounts.other(c.in)
	other.work()
	if other.done && !c.p.dead && other.err == nil {
		c.run.Violation(sameInput, "%s was delivered again with another input, and was not refused", c.frame.label)
	}
}
