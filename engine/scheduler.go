package engine

import "time"

// Scheduler is time and concurrency as the engine sees them. [RealTime] is the wall clock and goroutines; [Virtual] is
// a single thread whose time jumps to the next timer when nothing else is left to do.
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
func (realTime) Go(f func())                               { go f() }
func (realTime) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
