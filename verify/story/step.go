package story

import (
	"maps"
	"strings"
	"time"

	"tripsaga/engine/sim"
	"tripsaga/verify/world"
)

// kind is the kind of a step.
type kind uint8

const (
	delivered kind = iota + 1 // a task, perhaps with retries summed up
	ended                     // what the engine got for it
	redriven                  // a saga that had stopped
	struck                    // a fault
	entered                   // another actor begins to work
	called                    // a provider
	resumed                   // a paused call
	process                   // one is killed, starts, or joins
)

// step is one thing that happened. Stories and diagrams are made of the same steps.
type step struct {
	kind     kind
	at       time.Duration
	saga     string
	actor    string
	text     string    // of a fault, a process
	call     string    // of a provider: its operation
	lost     bool      // of a provider: its reply is
	failed   bool      // of a provider: it has no effect
	delivery *delivery // to which the step belongs

	before *delivery     // of a delivery: the one before it in its saga
	also   bool          // another delivery has come after that one already, in a concurrent branch
	more   int           // of a retry: number of retries with the same outcome that it represents
	last   time.Duration // when the last of them began
}

// delivery is one delivery of a task and its outcome.
type delivery struct {
	label   sim.Label
	attempt int
	at      time.Duration
	faults  int
	open    bool // the engine waits for its reply
	outcome
	waited time.Duration // how long the engine waited in vain
	since  time.Duration // when the wait began: an engine that starts again delivers the same attempt once more
	end    int           // the frame in which the engine stopped waiting
	answer string        // of a task that waits for a callback: how that went
	reply  sim.Kind      // the fault of its reply
	late   string        // what a call that was paused has answered after that, in words
}

// outcome is what has happened in a delivery, and what the engine received.
type outcome struct {
	answered bool   // the function returned in time
	err      string // its error
	heard    bool   // the engine received the answer
	waits    bool   // the engine waits until a time-out
}

// done reports whether the task did its work. A task that ends its saga with an error that has the task's name did so, too.
func (o outcome) done(actor string) bool { return o.answered && (o.err == "" || o.err == actor) }

type reading struct {
	*teller
	at         int // frame
	steps      []step
	deliveries map[sim.Label]*delivery
	lanes      lanes
	followed   map[*delivery]bool // by another one, see step.also
	last       map[lane]*delivery
	met        map[sim.Label]bool // actors
	standing   []string           // statuses of the executions
	kills      bool               // the previous fault says that the process is killed
}

// steps reads the trace.
func (t *teller) steps() []step {
	r := reading{teller: t, deliveries: map[sim.Label]*delivery{}, last: map[lane]*delivery{}, lanes: lanesOf(t.trace.Machine), followed: map[*delivery]bool{}, met: map[sim.Label]bool{},
		standing: make([]string, len(t.trace.Sagas))}
	for r.at = range t.trace.Frames {
		r.frame(&t.trace.Frames[r.at])
	}
	for l, d := range r.deliveries {
		a, ok := t.trace.Answers[l]
		switch d.err = a.Error; {
		case !ok:
		case !d.open && !repeated(l.Actor) && a.Frame >= d.end && !d.heard && d.reply == "":
			late := outcome{answered: true, heard: true, err: a.Error}
			d.late, d.err = t.told(l.Actor, &delivery{outcome: late}), ""
		default:
			d.answered = true
		}
	}
	return r.summed()
}

func (r *reading) add(s step) { r.steps = append(r.steps, s) }

func (r *reading) frame(f *world.Frame) {
	switch f.Event {
	case world.Operation:
		r.operation(f, &r.trace.Points[f.Point])
	case world.Resumed:
		r.add(step{kind: resumed, at: f.At, saga: f.Label.Saga, actor: f.Label.Actor, text: f.Label.String(), delivery: r.of(f.Label)})
	case world.Crashes:
		if !r.kills {
			r.add(step{kind: process, at: f.At, text: "the process was killed"})
		}
		r.kills = false
		for _, d := range r.deliveries { // no engine waits any more
			d.open, d.end = false, min(d.end, r.at)
		}
	case world.Started:
		if f.Process > 1 {
			r.add(step{kind: process, at: f.At, text: "a new process started on what was stored"})
		}
	case world.Joined:
		r.add(step{kind: process, at: f.At, text: "a second engine worked on the same table from here on"})
	}
	for i, s := range f.Sagas {
		if was := r.standing[i]; was != "" && was != running && s.Execution == running {
			r.add(step{kind: redriven, at: f.At, saga: r.trace.Sagas[i].Name})
		}
		r.standing[i] = s.Execution
	}
}

const running = "RUNNING" // the status of an execution

func (r *reading) operation(f *world.Frame, p *world.Point) {
	call, ofCall := p.Call()
	switch {
	case p.Where == world.AtDelivery:
		r.deliver(f.At, p.Label, p.Attempt)
	case ofCall && r.deliveries[call] == nil: // a repeated delivery is not a point
		r.deliver(f.At, call, 0)
	case p.Where == world.AtEngineWrite:
		r.wrote(f, p.Saga)
	case r.subject.IsActor(p.Actor) && p.Actor != world.Listener:
		who := sim.Label{Saga: p.Saga, Actor: p.Actor, N: p.N}
		if !r.met[who] {
			r.met[who] = true
			r.add(step{kind: entered, at: f.At, saga: p.Saga, actor: p.Actor})
		}
	}
	d, k := r.of(p.Label), f.Fault.Kind
	if p.Where == world.AtProvider {
		r.add(step{kind: called, at: f.At, saga: p.Saga, actor: p.Actor, delivery: d, call: p.Op, lost: k == sim.Lost || k == world.Mute,
			failed: k == sim.Fail || k == sim.Die || k == world.Down})
	}
	if k != "" {
		if d != nil {
			d.faults++
		}
		r.kills = k == world.Crash || k == world.Crashed || off(k)
		r.add(step{kind: struck, at: f.At, saga: p.Saga, actor: p.Actor, delivery: d, text: r.struck(f.Fault, p)})
	}
	if p.Where == world.AtReply {
		d.reply = k
		if d.heard = k != sim.Lost && k != sim.Fail; d.heard || k == sim.Fail {
			r.close(d, f.At)
		}
	}
}

func off(k sim.Kind) bool {
	_, off := world.Elapses(k)
	return off
}

// of returns the delivery of a point; nil if the point belongs to no delivery.
func (r *reading) of(l sim.Label) *delivery {
	return r.deliveries[sim.Label{Saga: l.Saga, Actor: l.Actor, N: l.N}]
}

// wrote ends the wait of the saga's engine for a delivery. Where branches run concurrently, the write may belong to another
// branch: there only a time-out that is due ends the wait.
func (r *reading) wrote(f *world.Frame, saga string) {
	for _, state := range r.lanes.inOrder {
		d := r.last[lane{saga, state}]
		if d == nil {
			continue
		}
		info := r.lanes.of[d.label.Actor]
		due := info.Timeout > 0 && f.At-d.since >= info.Timeout-time.Millisecond
		if info.Callback {
			d.answer = answerIn(f, d, due)
		}
		if d.open && (due || d.answer != "" || info.Timeout == 0 || !r.lanes.concurrent()) {
			r.abandon(d, f.At)
		}
	}
}

// abandon records that the engine no longer waits for a reply.
func (r *reading) abandon(d *delivery, at time.Duration) {
	d.waited = at - d.at
	d.waits = d.waited > 0
	r.close(d, at)
}

func (r *reading) close(d *delivery, at time.Duration) {
	d.open, d.end = false, r.at
	r.add(step{kind: ended, at: at, saga: d.label.Saga, actor: d.label.Actor, delivery: d})
}

func (r *reading) deliver(at time.Duration, l sim.Label, attempt int) {
	d := &delivery{label: l, attempt: attempt, at: at, since: at, open: true, end: len(r.trace.Frames)}
	s := step{kind: delivered, at: at, last: at, saga: l.Saga, actor: l.Actor, delivery: d}
	if !repeated(l.Actor) {
		here := lane{l.Saga, r.lanes.at(l.Actor)}
		r.leave(here, at)
		if s.before = r.before(here, d); s.before != nil && s.before.label.Actor == l.Actor && s.before.attempt == attempt {
			d.since = s.before.since
		}
		s.also, r.last[here] = r.followed[s.before], d
		r.followed[s.before] = true
	}
	r.deliveries[l] = d
	r.add(s)
}

func repeated(actor string) bool { return strings.HasSuffix(actor, "+") }

// summed merges consecutive retries of a saga that have the same outcome.
func (r *reading) summed() []step {
	var all []step
	open := map[lane]int{}         // the step that the next retry may join
	joined := map[*delivery]bool{} // whose steps are left out
	for _, s := range r.steps {
		if s.delivery != nil && joined[s.delivery] {
			continue
		}
		here := lane{s.saga, r.lanes.at(s.actor)}
		i, ok := open[here]
		switch {
		case s.kind == delivered && ok && joins(&all[i], &s):
			all[i].more++
			all[i].last = s.at
			joined[s.delivery] = true
			continue
		case s.kind == delivered:
			if delete(open, here); s.delivery.attempt > 0 && s.delivery.faults == 0 {
				open[here] = len(all)
			}
		case s.saga == "":
			clear(open)
		case s.kind != called && s.kind != ended:
			maps.DeleteFunc(open, func(l lane, _ int) bool { return l.saga == s.saga && (s.delivery == nil || l == here) })
		}
		all = append(all, s)
	}
	return all
}

func joins(a, b *step) bool {
	return a.actor == b.actor && b.delivery.attempt > a.delivery.attempt && b.delivery.faults == 0 && a.delivery.outcome == b.delivery.outcome
}
