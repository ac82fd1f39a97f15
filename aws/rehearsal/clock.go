package rehearsal

import (
	"iter"
	"time"

	"tripsaga/engine"
	"tripsaga/engine/sim"
)

// clock is an engine.Scheduler in virtual time whose functions can sleep: a delivery that takes two seconds leaves the
// engine to others for as long. Each function runs in a coroutine and one runs at a time, so that a run is as
// deterministic as that of an sim.Virtual.
type clock struct {
	virtual *sim.Virtual
	running *worker
	idle    []*worker
	parked  map[*worker]bool // those that sleep
	closed  bool
}

// worker is a coroutine that runs one function after another. There are as many as are at work at once, not as many as
// there are functions: the race detector keeps kilobytes of each coroutine that there ever was.
type worker struct {
	f     func()
	next  func() (time.Duration, bool)
	stop  func()
	yield func(time.Duration) bool
}

// done is what a worker yields when its function has ended, instead of the time to sleep.
const done = -1

var _ engine.Scheduler = (*clock)(nil)

func newClock(start time.Time) *clock {
	return &clock{virtual: sim.NewVirtual(start), parked: map[*worker]bool{}}
}

// Now implements engine.Scheduler.
func (c *clock) Now() time.Time { return c.virtual.Now() }

// Go implements engine.Scheduler.
func (c *clock) Go(f func()) { c.virtual.Go(func() { c.start(f) }) }

// AfterFunc implements engine.Scheduler.
func (c *clock) AfterFunc(d time.Duration, f func()) engine.Timer {
	return c.virtual.AfterFunc(d, func() { c.start(f) })
}

func (c *clock) start(f func()) {
	w := c.worker()
	w.f = f
	c.resume(w)
}

func (c *clock) worker() *worker {
	if last := len(c.idle) - 1; last >= 0 {
		w := c.idle[last]
		c.idle = c.idle[:last]
		return w
	}
	w := &worker{}
	w.next, w.stop = iter.Pull(w.work)
	return w
}

func (w *worker) work(yield func(time.Duration) bool) {
	w.yield = yield
	for more := true; more; more = yield(done) {
		w.f()
		w.f = nil
	}
}

// resume lets a worker run until its function sleeps or ends.
func (c *clock) resume(w *worker) {
	delete(c.parked, w)
	c.running = w
	d, _ := w.next()
	if d == done {
		c.idle = append(c.idle, w)
		return
	}
	c.parked[w] = true
	c.virtual.AfterFunc(d, func() { c.resume(w) })
}

// sleep must be called by a function that the clock runs. It reports false when the clock is closed in the meantime.
func (c *clock) sleep(d time.Duration) bool {
	return !c.closed && c.running.yield(max(d, 0))
}

// close ends every coroutine; nothing may run any more.
func (c *clock) close() {
	c.closed = true
	for w := range c.parked {
		delete(c.parked, w)
		w.stop()
	}
	for _, w := range c.idle {
		w.stop()
	}
	c.idle = nil
}
