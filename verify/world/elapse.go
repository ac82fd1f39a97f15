package world

import (
	"time"

	"tripsaga/engine/sim"
)

// Passing time is a fault. It affects providers (they forget keys), timers that become due, and decisions by the clock. Time
// that passes at a point is equivalent to time at the next point if none of these lies between them: see [Rules].

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

// Passes reports whether the fault is passing time.
func Passes(k sim.Kind) bool {
	d, _ := Elapses(k)
	return d > 0
}

// elapse advances the virtual time by the duration of the fault.
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
