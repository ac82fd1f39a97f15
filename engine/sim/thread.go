package sim

import (
	"iter"
	"time"

	"tripsaga/engine"
)

// Threads run functions that can be paused half-way and resumed later, such as a call that a fault delays at its third
// operation. They are coroutines: one of them runs at a time, and control changes hands only where a function starts,
// pauses, resumes or ends. So a run with paused calls is as deterministic as one without. The zero value is ready to use,
// by one goroutine at a time.
//
// A coroutine that has ended its function takes the next one. So there are only as many coroutines as functions that run
// concurrently, not as many as functions that ever ran: the race detector keeps kilobytes for each coroutine that ever existed.
type Threads struct {
	running *Thread
	idle    []*Thread
	paused  map[*Thread]bool
}

// Thread is a function that was started on a coroutine.
type Thread struct {
	threads *Threads
	f       func()
	next    func() (paused, more bool)
	stop    func()
	yield   func(paused bool) bool
}

// Start runs f until it pauses or ends.
func (ts *Threads) Start(f func()) *Thread {
	t := &Thread{threads: ts}
	if last := len(ts.idle) - 1; last >= 0 {
		t, ts.idle = ts.idle[last], ts.idle[:last]
	} else {
		t.next, t.stop = iter.Pull(t.work)
	}
	t.f = f
	t.Resume()
	return t
}

func (t *Thread) work(yield func(bool) bool) {
	t.yield = yield
	for more := true; more; more = yield(false) {
		t.f()
		t.f = nil
	}
}

// Resume lets a paused function continue until it pauses again or ends. It may be called by another function that runs
// on a thread.
func (t *Thread) Resume() {
	ts := t.threads
	delete(ts.paused, t)
	outer := ts.running
	ts.running = t
	defer func() { ts.running = outer }() // also when the function panics, which the caller gets
	if paused, _ := t.next(); !paused {
		ts.idle = append(ts.idle, t)
		return
	}
	if ts.paused == nil {
		ts.paused = map[*Thread]bool{}
	}
	ts.paused[t] = true
}

// Running returns the thread of the running function; nil outside all threads.
func (ts *Threads) Running() *Thread { return ts.running }

// Pause pauses the calling function, which runs on a thread. The caller that started or resumed the thread continues. Pause
// returns true when the thread is resumed, and false when Close ends it; the function must return then.
func (ts *Threads) Pause() bool { return ts.running.yield(true) }

// Await calls begin and pauses the calling function, which runs on a thread, until done is called; the scheduler resumes it
// then. It returns false when Close ends the thread. A scheduler whose functions run on threads implements [engine.Waiter] with
// it.
func (ts *Threads) Await(s engine.Scheduler, begin func(done func())) bool {
	t, ended, paused := ts.running, false, false
	begin(func() {
		if ended = true; paused {
			s.Go(t.Resume)
		}
	})
	if ended {
		return true
	}
	paused = true
	return ts.Pause()
}

// Rest ends the paused functions and keeps the coroutines for other functions.
func (ts *Threads) Rest() {
	if len(ts.paused) > 0 {
		ts.Close()
	}
}

// Close ends the paused functions and frees the coroutines. Threads that were started before must not be resumed any more.
func (ts *Threads) Close() {
	for t := range ts.paused {
		delete(ts.paused, t)
		ts.running = t // it may try to pause once more
		t.stop()
	}
	ts.running = nil
	for _, t := range ts.idle {
		t.stop()
	}
	ts.idle = nil
}

// Clock is a [Virtual] whose functions can sleep: a delivery that takes two seconds leaves the engine to others for as
// long.
type Clock struct {
	virtual *Virtual
	threads Threads
	closed  bool
}

var _ interface {
	engine.Scheduler
	engine.Waiter
} = (*Clock)(nil)

// NewClock starts a clock at the given time. It must be closed.
func NewClock(start time.Time) *Clock { return &Clock{virtual: NewVirtual(start)} }

// Now returns the virtual time.
func (c *Clock) Now() time.Time { return c.virtual.Now() }

// Go queues f after the functions that are already ready.
func (c *Clock) Go(f func()) { c.virtual.Go(func() { c.threads.Start(f) }) }

// AfterFunc queues f for d from now.
func (c *Clock) AfterFunc(d time.Duration, f func()) engine.Timer {
	return c.virtual.AfterFunc(d, func() { c.threads.Start(f) })
}

// Step runs one function until it sleeps or ends, or resumes one that has slept. It reports whether there was one.
func (c *Clock) Step() bool { return c.virtual.Step() }

// Sleep pauses the calling function, which the clock must be running. It returns false if the clock is closed before d has
// passed.
func (c *Clock) Sleep(d time.Duration) bool {
	if c.closed {
		return false
	}
	t := c.threads.Running()
	c.virtual.AfterFunc(d, t.Resume)
	return c.threads.Pause()
}

// Await implements [engine.Waiter]. Outside of the clock's functions it runs what is due.
func (c *Clock) Await(begin func(done func())) bool {
	if c.threads.Running() == nil {
		return c.virtual.Await(begin)
	}
	return c.threads.Await(c.virtual, begin)
}

// Close ends the functions that sleep; nothing may run any more.
func (c *Clock) Close() {
	c.closed = true
	c.threads.Close()
}
