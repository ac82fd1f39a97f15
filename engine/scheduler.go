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

// RealTime is the Scheduler of production.
var RealTime Scheduler = realTime{}

type realTime struct{}

func (realTime) Now() time.Time                            { return time.Now() }
func (realTime) Go(f func())                               { crew.run(f) }
func (realTime) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// crew runs functions on goroutines that stay for a while: their stacks have grown to what an execution needs, which
// would otherwise be copied step by step for each one anew.
var crew = &workers{handover: make(chan func())}

type workers struct{ handover chan func() }

// idleWorker is how long a worker waits for more.
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
