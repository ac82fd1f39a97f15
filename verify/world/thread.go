package world

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tripsaga/engine/sim"
)

// thread is a part of the program that a fault can pause at one of its operations: a delivery, or the work of another actor.
// Most of them are never paused. Those run in place, as a plain call does; only a thread that the schedule pauses is given a
// coroutine (see [sim.Threads]), since a pause in the middle needs a separate stack.
//
// Control is always with one thread: the one that starts or resumes another waits until that ends or is paused. So the running
// threads form a chain, each inside another (outer), and r.thread is the innermost.
type thread struct {
	run   *Run
	do    func()
	frame *frame // in whose name it works; kept while it is paused

	until sim.Label // while it is paused: the point before which it resumes; the zero Label means never
	split int       // pause it before its N-th operation from now; 0: do not
	ended bool
	dead  bool // it may resume, but its operations have no effect

	outer     *thread     // the thread in which it runs
	coroutine bool        // it needs one
	on        *sim.Thread // its coroutine, once it has begun
	parked    bool
}

// work lets the thread run until it has ended or is paused.
func (t *thread) work() {
	r := t.run
	frame, outer := r.frame, r.thread
	r.frame, r.thread, t.outer = t.frame, t, outer
	r.beat(t.frame)
	defer func() { // also when it panics
		r.frame, r.thread = frame, outer
		r.beat(frame)
	}()
	switch {
	case !t.coroutine:
		t.do()
		t.ended = true
		return
	case t.parked:
		t.parked = false
		t.on.Resume()
	default:
		t.on = r.threads.Start(t.perform)
	}
	t.frame = r.frame
}

// perform runs the thread on its coroutine. A panic ends here: it must not reach the code that resumed the thread.
func (t *thread) perform() {
	defer func() {
		if p := recover(); p != nil {
			t.run.panicked(p)
		}
		t.ended = true
	}()
	t.do()
}

// park pauses the innermost thread that has a coroutine, with all that runs in it, until the point. It returns false if the
// thread is dead by then.
func (t *thread) park(until sim.Label) (alive bool) {
	for !t.coroutine && t.outer != nil {
		t = t.outer
	}
	if !t.coroutine { // no schedule can pause it
		t.run.broken = errInjected
		return false
	}
	t.parked = true
	t.wait(until)
	t.run.threads.Pause()
	return !t.dead
}

// gone reports whether the operations of the thread no longer have an effect.
func (t *thread) gone() bool {
	for ; t != nil; t = t.outer {
		if t.dead {
			return true
		}
	}
	return false
}

// wait registers the thread, which is paused or has not begun, to resume before the point.
func (t *thread) wait(until sim.Label) {
	r := t.run
	t.until = until
	r.stalled = append(r.stalled, t)
	if until != (sim.Label{}) {
		r.late[until] = append(r.late[until], t)
	}
}

// abandon ends a thread that no point resumes. The thread resumes as a dead one and unwinds, since all its calls fail.
func (t *thread) abandon() {
	t.dead = true
	for t.parked && !t.ended {
		t.work()
	}
}

// land resumes the threads that are paused until this point. Each of them runs until it ends or is paused again.
func (r *Run) land(at sim.Label) {
	threads := r.late[at]
	if len(threads) == 0 {
		return
	}
	delete(r.late, at)
	for _, t := range threads {
		r.forget(t)
		if !t.dead {
			r.trace.add(Frame{Event: Resumed, Label: t.label()})
			t.work()
		}
	}
}

// landAll resumes every thread that waits for a point that never happened, in the order of the labels.
func (r *Run) landAll() {
	for len(r.late) > 0 {
		labels := slices.SortedFunc(maps.Keys(r.late), func(a, b sim.Label) int { return strings.Compare(a.String(), b.String()) })
		for _, l := range labels {
			r.land(l)
		}
	}
}

// idle counts consecutive deliveries that have changed no record.
type idle struct {
	state      uint64
	deliveries int
}

// mostIdle is the maximum number of idle deliveries, without retries, while a call is paused.
const mostIdle = 50

// awaited resumes every paused call once tasks are delivered without changing anything: a loop that polls for what a paused
// call writes would never reach the end at which the call resumes. A loop that writes continues for half of the operations that
// a run may have.
func (r *Run) awaited(p *Point) {
	if len(r.late) == 0 || p.Where != AtDelivery || p.Attempt > 0 {
		return
	}
	if state := r.ledger.state(); state != r.idle.state {
		r.idle = idle{state: state}
	}
	if r.idle.deliveries++; r.idle.deliveries < mostIdle && len(r.points) < maxPoints/2 {
		return
	}
	r.idle.deliveries = 0
	r.Waits(r.Now())
	r.close()
	r.landAll()
}

// label returns the label of the paused work.
func (t *thread) label() sim.Label {
	if t.frame == nil {
		return sim.Label{Actor: t.run.subject.Machines[0].Actor, N: len(t.run.procs)}
	}
	return t.frame.label
}

func (r *Run) forget(t *thread) {
	for i := range r.stalled {
		if r.stalled[i] == t {
			r.stalled = append(r.stalled[:i], r.stalled[i+1:]...)
			return
		}
	}
}

// pauses reports whether the schedule pauses the actor at one of its operations, so that it needs a coroutine. A function
// that dies in the middle is paused for ever.
func (r *Run) pauses(l sim.Label) bool {
	for at, f := range r.faults {
		if at.Saga == l.Saga && at.Actor == l.Actor && at.N == l.N && at.Op != "" && (f.Kind == sim.Late || f.Kind == sim.Die || f.Kind == Gone) {
			return true
		}
	}
	return false
}

// beat signals progress to the goroutine that waits for the run.
func (r *Run) beat(f *frame) {
	r.doing.Store(f)
	r.beats.Add(1)
}

// hangsAt describes what does not return. It is called while the run is active.
func (r *Run) hangsAt(patience time.Duration) string {
	f := r.doing.Load()
	if f == nil {
		return fmt.Sprintf("for %s, by the clock, nothing has happened, and no task is at work: what opens, starts or judges the program does not return", patience)
	}
	return fmt.Sprintf("%s has not returned for %s, by the clock. Virtual time stands still meanwhile, so that no time-out comes: %s must not wait for "+
		"the end of its context, for a timer or for another goroutine", f.label, patience, f.label.Actor)
}
