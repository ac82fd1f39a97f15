package world

import (
	"maps"
	"slices"
	"strings"

	"tripsaga/engine/sim"
)

// thread is a goroutine of the program that a fault can pause at one of its operations. It and the thread of the run
// hand the control over to each other, so that only one of them ever runs. A thread that no schedule pauses has no
// goroutine: it runs in place.
type thread struct {
	run   *run
	do    func()
	frame *frame // in whose name it works; kept while it is paused

	until sim.Label // while it is paused: the point before which it resumes; the zero sim.Label is never
	split int       // it is to be paused before so manieth an operation of its own from now on; 0 is not
	start bool      // it has begun
	ended bool
	dead  bool // it may resume, but nothing that it does has an effect

	outer        *thread       // in which it runs, when it has no goroutine of its own
	enter, leave chan struct{} // nil for a thread that runs in place
	parked       bool
}

// pausable gives the thread the goroutine that a pause needs.
func (t *thread) pausable() {
	if t.enter == nil {
		t.enter, t.leave = make(chan struct{}), make(chan struct{})
	}
}

// work lets the thread run until it has ended or is paused.
func (t *thread) work() {
	r := t.run
	frame, outer := r.frame, r.thread
	r.frame, r.thread, t.outer = t.frame, t, outer
	defer func() { r.frame, r.thread = frame, outer }() // also when it panics
	switch {
	case t.enter == nil:
		t.start = true
		t.do()
		t.ended = true
		return
	case !t.start:
		t.start = true
		go func() {
			defer func() {
				if p := recover(); p != nil {
					r.panicked(p)
				}
				t.ended = true
				t.leave <- struct{}{}
			}()
			t.do()
		}()
		<-t.leave
	default:
		t.parked = false
		t.enter <- struct{}{}
		<-t.leave
	}
	t.frame = r.frame
}

// park pauses the thread, or the one that it runs in, until the point. It reports false when the thread is dead by then.
func (t *thread) park(until sim.Label) (alive bool) {
	for t.enter == nil && t.outer != nil {
		t = t.outer
	}
	if t.enter == nil { // no schedule can pause it
		t.run.broken = errInjected
		return false
	}
	t.parked = true
	t.wait(until)
	t.leave <- struct{}{}
	<-t.enter
	return !t.dead
}

// gone tells that nothing of what the thread does has an effect any more.
func (t *thread) gone() bool {
	for ; t != nil; t = t.outer {
		if t.dead {
			return true
		}
	}
	return false
}

// wait lists the thread, which is paused or has not begun, for the point.
func (t *thread) wait(until sim.Label) {
	r := t.run
	t.until = until
	r.stalled = append(r.stalled, t)
	if until != (sim.Label{}) {
		r.late[until] = append(r.late[until], t)
	}
}

// abandon ends a thread that is paused for ever.
func (t *thread) abandon() {
	t.dead = true
	for t.parked && !t.ended {
		t.work()
	}
}

// land resumes the threads that are paused until this point.
func (r *run) land(at sim.Label) {
	threads := r.late[at]
	if len(threads) == 0 {
		return
	}
	delete(r.late, at)
	for _, t := range threads {
		r.forget(t)
		if !t.dead {
			t.work()
		}
	}
}

// landAll resumes whatever is paused until a point that never came.
func (r *run) landAll() {
	for len(r.late) > 0 {
		labels := slices.SortedFunc(maps.Keys(r.late), func(a, b sim.Label) int { return strings.Compare(a.String(), b.String()) })
		for _, l := range labels {
			r.land(l)
		}
	}
}

func (r *run) forget(t *thread) {
	for i := range r.stalled {
		if r.stalled[i] == t {
			r.stalled = append(r.stalled[:i], r.stalled[i+1:]...)
			return
		}
	}
}

// pauses tells whether the schedule pauses the actor at one of its operations.
func (r *run) pauses(l sim.Label) bool {
	for at, f := range r.faults {
		if at.Saga == l.Saga && at.Actor == l.Actor && at.N == l.N && at.Op != "" && (f.Kind == sim.Late || f.Kind == sim.Die || f.Kind == Gone) {
			return true
		}
	}
	return false
}
