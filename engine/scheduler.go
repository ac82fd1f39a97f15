package engine

import "time"

// Scheduler provides time and concurrency to the engine. [RealTime] is the wall clock with goroutines. Virtual of package
// engine/sim is a single thread; its time jumps to the next timer when nothing else is left to do.
type Scheduler interface {
	Now() time.Time
	// Go runs f later, not within the call.
	Go(f func())
	// AfterFunc runs f, as Go does, once d has passed.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending AfterFunc.
type Timer interface {
	// Stop cancels the timer. It returns false when the function runs already or has run.
	Stop() bool
}

// Waiter is a Scheduler whose thread must not block, such as one in virtual time. Await calls begin, lets other functions run
// until done is called, and returns true; it returns false if done will never be called.
type Waiter interface {
	Await(begin func(done func())) bool
}

// RealTime is the Scheduler of production.
var RealTime Scheduler = realTime{}

type realTime struct{}

func (realTime) Now() time.Time                            { return time.Now() }
func (realTime) Go(f func())                               { crew.run(f) }
func (realTime) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// crew runs functions on goroutines that stay for idleWorker after their work. A new goroutine has a small stack, which
// the runtime copies each time it has to grow, and a task is deep: from the engine through the handlers into the store. A
// goroutine that stays keeps the stack it has grown. With plain go statements a booking takes 9 % more CPU time
// (docs/adr/0006; BenchmarkExecution shows the engine's part). The channel is unbuffered: a function never waits behind
// another, and if no goroutine is idle a new one starts.
var crew = &workers{handover: make(chan func())}

type workers struct{ handover chan func() }

// idleWorker is how long a goroutine waits for its next function.
const idleWorker = time.Second

func (w *workers) run(f func()) {
	select {
	case w.handover <- f:
	default:
		go w.work(f)
	}
}

func (w *workers) work(f func()) {
	idle := time.NewTimer(idleWorker)
	defer idle.Stop()
	for {
		f()
		idle.Reset(idleWorker)
		select {
		case f = <-w.handover:
		case <-idle.C:
			return
		}
	}
}
