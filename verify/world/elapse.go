package world

import (
	"time"

	"tripsaga/engine/sim"
)

// Time passes as a fault. What time can change are providers (they forget keys), timers that are due, and what is decided by
// the clock. Time at a point equals time at the next one if none of these lies between them: see [Rules].

// Elapses returns how long the fault takes, and whether the process is off meanwhile.
func Elapses(k sim.Kind) (d time.Duration, off bool) {
	switch k {
	case Hour:
		return time.Hour, false
	case Break:
		return time.Hour, true
	case Day:
		return 24 * time.Hour, false
	case Weekend:
		return 48 * time.Hour, true
	case Fortnight, Holidays:
		return 15 * 24 * time.Hour, k == Holidays
	}
	return 0, false
}

// Passes reports whether the fault is that time passes.
func Passes(k sim.Kind) bool {
	d, _ := Elapses(k)
	return d > 0
}

// elapse lets time pass.
func (r *Run) elapse(f sim.Fault) {
	d, off := Elapses(f.Kind)
	if d == 0 {
		return
	}
	p := r.Process()
	if off {
		r.kill(0)
	}
	p.clock.Advance(d)
	r.skipped += d
	r.cast.Elapsed(f)
}
