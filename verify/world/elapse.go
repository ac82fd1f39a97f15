package world

import (
	"strings"
	"time"

	"tripsaga/engine/sim"
)

// Time passes as a fault. What time can change are the provider (it forgets keys after a day, and intents expire after
// seven), timers that are due, and what is decided by the clock: whether a trip is overdue, and what its cancellation
// costs. Time at a point equals time at the next one if none of these lies between them, so there are choices at the calls
// of the provider, at deliveries, where a timer was just set, and where clients and the listener work; and at writes, of
// which a process that is off loses what comes after. An hour fires timers, and no more.

// elapses returns how long the fault takes, and whether the process is off meanwhile.
func elapses(k sim.Kind) (d time.Duration, off bool) {
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
	d, _ := elapses(k)
	return d > 0
}

const authorised = 7 * 24 * time.Hour

// expires reports whether the fault takes so long that what was authorised has expired, so that a booking may fail.
func expires(k sim.Kind) bool {
	d, _ := elapses(k)
	return d >= authorised
}

// chooseTime adds the times that can pass just before the point.
func (p *Point) chooseTime(add func(moot bool, kinds ...sim.Kind)) {
	switch p.Where {
	case AtDelivery:
		add(false, Hour)
		add(true, Day, Fortnight)
	case AtCreate, AtCharge, AtRefund:
		add(false, Day, Fortnight, Weekend, Holidays)
		add(true, Hour, Break)
	case AtWrite:
		add(!p.touches(skPayment), Weekend, Holidays)
		if p.touches(skPayment) {
			add(true, Day, Fortnight)
		}
	case AtOtherWrite:
		if p.Actor == Client || p.Actor == Canceller || p.Actor == Listener {
			add(false, Weekend)
			add(true, Day, Fortnight)
		}
	case AtOtherRead:
		if p.Actor == Redriver || p.Actor == Canceller {
			add(false, Day, Fortnight)
		}
	}
}

// elapse lets time pass.
func (r *run) elapse(f sim.Fault) {
	d, off := elapses(f.Kind)
	if d == 0 {
		return
	}
	p := r.process()
	if off {
		r.kill(0)
	}
	p.clock.Advance(d)
	if expires(f.Kind) {
		r.judge.Expire()
	}
	if r.skipped += d; r.lapses.created > 0 {
		r.lapses.passed += strings.TrimSuffix(d.String(), "0m0s")
	}
}
