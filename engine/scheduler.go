package engine

import "time"

// Scheduler is time and concurrency as the engine sees them. [RealTime] is the wall clock and goroutines; Virtual of package
// engine/sim is a single thread whose time jumps to the next timer when nothing else is left to do.
type Scheduler interface {
	Now() time.Time
	// Go runs f later, not within the call.
	Go(f func())
	// AfterFunc runs f, as Go does, once d has passed.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending AfterFunc.
type Timer interface {
	// Stop reports whether it kept the function from being run.
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
