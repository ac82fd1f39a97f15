package rehearsal

import (
	"iter"
	"time"

	"tripsaga/engine"
)

// clock is an engine.Scheduler in virtual time whose functions can sleep: a delivery that takes two seconds leaves the
// engine to others for as long. Each function is a coroutine and one runs at a time, so that a run is as deterministic
// as that of an engine.Virtual.
type clock struct {
	virtual *engine.Virtual
	yield   func(time.Duration) bool // of the coroutine that runs
	parked  map[int]func()           // ends the coroutines that sleep
	last    int
	closed  bool
}

var _ engine.Scheduler = (*clock)(nil)

func newClock(start time.Time) *clock {
	return &clock{virtual: engine.NewVirtual(start), parked: map[int]func(){}}
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
	next, stop := iter.Pull(func(yield func(time.Duration) bool) {
		c.yield = yield
		f()
	})
	c.last++
	c.resume(c.last, next, stop)
}

// resume lets the coroutine run until it sleeps or ends.
func (c *clock) resume(id int, next func() (time.Duration, bool), stop func()) {
	delete(c.parked, id)
	d, sleeps := next()
	if !sleeps {
		return
	}
	c.parked[id] = stop
	c.virtual.AfterFunc(d, func() { c.resume(id, next, stop) })
}

// sleep must be called by a function that the clock runs. It reports false when the clock is closed in the meantime.
func (c *clock) sleep(d time.Duration) bool {
	yield := c.yield
	if c.closed || !yield(d) {
		return false
	}
	c.yield = yield
	return true
}

// close ends every coroutine that sleeps; nothing may run any more.
func (c *clock) close() {
	c.closed = true
	for id, stop := range c.parked {
		delete(c.parked, id)
		stop()
	}
}
