package world

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strconv"

	"tripsaga/engine"
)

// frame is whose operations come by.
type frame struct {
	label Label
	call  *call // of a function; nil for others
	bank  bool  // inside the bank, which is a party of its own
	begun bool  // it has made an operation
	quiet bool  // nothing more can go wrong here
}

// call is one delivery of a task. One that a fault makes stand still has a goroutine of its own; it and the thread of the
// run hand the control over to each other, so that only one of them ever runs.
type call struct {
	p     *process
	frame *frame
	ctx   context.Context
	task  engine.Task
	in    json.RawMessage

	out  json.RawMessage
	err  error
	done bool
	dead bool // it may go on, but nothing that it does has an effect

	until  Label         // while it stands still: where it goes on; the zero Label is never
	enter  chan struct{} // nil for a call on the thread of the run
	leave  chan struct{}
	parked bool
}

func (p *process) tasks(tasks map[string]engine.Task) map[string]engine.Task {
	wrapped := make(map[string]engine.Task, len(tasks))
	for name, task := range tasks {
		wrapped[name] = func(ctx context.Context, in json.RawMessage) (json.RawMessage, error) {
			return p.deliver(ctx, name, task, in)
		}
	}
	return wrapped
}

func (r *run) newCall(p *process, trip, actor string, ctx context.Context, task engine.Task, in json.RawMessage) *call {
	l := Label{Trip: trip, Actor: actor}
	l.N = r.count(l)
	// A call may outlive the delivery that it is part of.
	c := &call{p: p, frame: &frame{label: l}, ctx: context.WithoutCancel(ctx), task: task, in: in}
	c.frame.call = c
	for at, f := range r.faults {
		if at.Trip == l.Trip && at.Actor == l.Actor && at.N == l.N && at.Op != "" && (f.Kind == Late || f.Kind == Die || f.Kind == Gone) {
			c.enter, c.leave = make(chan struct{}), make(chan struct{})
		}
	}
	return c
}

// again is the same delivery once more.
func (c *call) again() *call {
	l := c.frame.label
	return c.p.run.newCall(c.p, l.Trip, l.Actor+"+", c.ctx, c.task, c.in)
}

// deliver is the task as the engine calls it.
func (p *process) deliver(ctx context.Context, name string, task engine.Task, in json.RawMessage) (json.RawMessage, error) {
	r := p.run
	if p.dead {
		return nil, engine.ErrNoReply
	}
	info, _ := engine.InfoOf(ctx)
	c := r.newCall(p, r.nameOf(info.Execution), name, ctx, task, in)
	what := c.frame.label.Trip + "." + name
	f := r.visit(Point{
		Label: c.frame.label, Where: Delivery, Attempt: info.Attempt, Deaf: r.lasting[what] != "",
		Alters: amount.Match(in),
	})
	if p.dead {
		return nil, engine.ErrNoReply
	}
	p.journalledFirst(c)
	if f.Kind.Lasting() {
		r.lasting[what] = f.Kind
	}
	switch r.lasting[what] {
	case Down:
		return nil, unavailable
	case Mute:
		c.frame.quiet = true
		c.run()
		return nil, engine.ErrNoReply
	}
	return c.under(f)
}

var unavailable = &engine.TaskError{Name: "Lambda.ServiceException", Message: "injected"}

// under runs the call with the fault of its delivery.
func (c *call) under(f Fault) (json.RawMessage, error) {
	switch f.Kind {
	case Fail:
		return nil, unavailable
	case Die:
		return nil, engine.ErrNoReply
	case Late:
		c.hold(f.Until)
		return nil, engine.ErrNoReply
	case Twice:
		c.again().run()
	case Again:
		c.again().hold(f.Until)
	}
	c.run()
	if f.Kind == Altered {
		c.alter()
	}
	if !c.done || c.p.dead {
		return nil, engine.ErrNoReply
	}
	return c.reply()
}

// reply is the way back to the engine.
func (c *call) reply() (json.RawMessage, error) {
	r := c.p.run
	l := c.frame.label
	l.Op = opReply
	f := r.visit(Point{Label: l, Where: Reply, Deaf: c.frame.quiet})
	switch {
	case c.p.dead || f.Kind == Lost:
		return nil, engine.ErrNoReply
	case f.Kind == Fail:
		c.out, c.err = nil, unavailable
	}
	c.p.heard[l.Trip] = r.journal[l.Trip] + 1
	return c.out, c.err
}

// journalledFirst holds the engine to its order: what it has heard is in the journal before it acts on it. Of two engines
// each may find in the journal what the other has heard.
func (p *process) journalledFirst(c *call) {
	trip := c.frame.label.Trip
	if len(p.run.procs) > 1 && !p.run.procs[len(p.run.procs)-2].dead {
		return
	}
	if want := p.heard[trip]; p.run.journal[trip] < want {
		p.run.violation(journalFirst, "%s is delivered although the reply before it is not in the journal", c.frame.label)
	}
}

// run lets the call work until it is done or stands still.
func (c *call) run() {
	r := c.p.run
	before := r.frame
	r.frame = c.frame
	defer func() { r.frame = before }()
	switch {
	case c.enter == nil:
		c.work()
	case !c.parked:
		go func() {
			c.work()
			c.leave <- struct{}{}
		}()
		<-c.leave
	default:
		c.parked = false
		c.enter <- struct{}{}
		<-c.leave
	}
}

func (c *call) work() {
	defer func() {
		if p := recover(); p != nil {
			c.p.run.violation(noPanic, "%s: %v", c.frame.label, p)
			c.err = &engine.TaskError{Name: engine.ErrNamePanic}
		}
		c.done = true
	}()
	c.out, c.err = c.task(c.ctx, c.in)
}

// park stands still, on the call's own goroutine, until somebody lets it go on.
func (c *call) park(until Label) {
	r := c.p.run
	if c.enter == nil { // of a function that no schedule can stop
		r.broken = errInjected
		return
	}
	c.until, c.parked = until, true
	r.stalled = append(r.stalled, c)
	if until != (Label{}) {
		r.late[until] = append(r.late[until], c)
	}
	c.leave <- struct{}{}
	<-c.enter
}

// hold keeps a call that has not begun until the point.
func (c *call) hold(until Label) {
	r := c.p.run
	c.until = until
	r.stalled = append(r.stalled, c)
	r.late[until] = append(r.late[until], c)
}

// land lets the calls go on that stood still until this point.
func (r *run) land(at Label) {
	calls := r.late[at]
	if len(calls) == 0 {
		return
	}
	delete(r.late, at)
	for _, c := range calls {
		r.forget(c)
		if !c.dead {
			c.run()
		}
	}
}

func (r *run) forget(c *call) {
	for i := range r.stalled {
		if r.stalled[i] == c {
			r.stalled = append(r.stalled[:i], r.stalled[i+1:]...)
			return
		}
	}
}

// abandon ends a call that stands still for ever.
func (c *call) abandon() {
	c.dead = true
	for c.enter != nil && c.parked && !c.done {
		c.run()
	}
}

// amount is what makes the input of a task another one.
var amount = regexp.MustCompile(`"(seats|rooms)":\s*\d+`)

// alter delivers the task once more with another input, when it was done with its own. It must be refused.
func (c *call) alter() {
	if !c.done || c.err != nil || c.p.dead {
		return
	}
	other := c.again()
	other.in = amount.ReplaceAllFunc(c.in, func(field []byte) []byte {
		name, n, _ := bytes.Cut(field, []byte(":"))
		count, _ := strconv.Atoi(string(bytes.TrimSpace(n)))
		return append(append(bytes.Clone(name), ':'), strconv.Itoa(count+1)...)
	})
	other.run()
	if other.done && !c.p.dead && other.err == nil {
		c.p.run.violation(sameInput, "%s was done again with another input, and was not refused", c.frame.label)
	}
}
