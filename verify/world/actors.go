package world

import (
	"hash/maphash"
	"time"

	"tripsaga/engine/sim"
)

// other returns the frame of an actor that is not a function.
func (r *Run) other(actor string, n int) *frame {
	f := r.others[actor]
	if f == nil || f.label.N != n {
		f = &frame{label: sim.Label{Actor: actor, N: n}}
		r.others[actor] = f
	}
	return f
}

// as runs do in the name of an actor. If the fault by which the actor comes in between splits its work, the actor is paused
// there.
func (r *Run) as(f *frame, by sim.Fault, do func()) {
	t := &thread{run: r, do: do, frame: f}
	if r.subject.Splits(by.Kind) && by.Count > 0 {
		t.split, t.until = by.Count, by.Until
	}
	if t.split > 0 || r.pauses(f.label) {
		t.coroutine = true
	}
	t.work()
}

// someone returns the frame of the actor's next piece of work.
func (r *Run) someone(saga, actor string) *frame {
	l := sim.Label{Saga: saga, Actor: actor}
	l.N = r.count(l)
	return &frame{label: l}
}

// maxRedrives is the maximum number of times that the operator tries to redrive one saga.
const maxRedrives = 8

func (r *Run) redriveLater(s *saga) {
	r.Process().clock.AfterFunc(time.Minute, func() {
		r.redriven = true
		if r.redrives++; r.redrives > maxRedrives || r.Process().dead || r.redrive(s, sim.Fault{}) == nil || !s.stopped() {
			return
		}
		r.redriveLater(s)
	})
}

func (r *Run) redrive(s *saga, by sim.Fault) error {
	p, err := r.Process(), errInjected
	if p.dead {
		return err
	}
	r.as(r.someone(s.Name, Redriver), by, func() {
		machine, _ := s.newest()
		if err = p.engines[machine].Redrive(r.ctx, s.ID); err == nil && !p.dead {
			r.MustLast("a redrive of saga "+s.Name+" is acknowledged", executionKey(r.subject.Machines[machine].Name, s.ID))
		}
	})
	return err
}

// interfere lets another actor come in between, just before the point.
func (r *Run) interfere(f sim.Fault, pt *Point) {
	switch {
	case f.Kind == Rival:
		r.rival()
	case r.Process().engines == nil: // the program has not opened yet: it answers no calls
	case f.Kind == Redrive:
		for _, s := range r.sagas {
			if r.halted(s) {
				_ = r.redrive(s, f) // a refused redrive changes nothing
			}
		}
	default:
		r.cast.Between(f, pt)
	}
}

func hashText(s string) uint64 { return maphash.String(digestSeed, s) }
