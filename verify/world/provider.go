package world

import (
	"errors"

	"tripsaga/engine/sim"
	"tripsaga/table"
)

// ErrSilent is the error of a provider's call that did not happen, or whose reply is lost: the caller cannot know which.
var ErrSilent = errors.New("injected: the provider did not answer")

// Provider makes one call of a provider, a system outside the program. A call is one point: it happens as a whole or not at
// all. op is its name in labels, keys are what it reads and writes, see Subject.Outside. do makes the call; it receives the
// fault that happens and implements the subject's own kinds. An error of do is returned unchanged. Other errors: [ErrSilent].
func (p *Process) Provider(op string, keys []table.Key, do func(sim.Fault) error) error {
	r, fr := p.run, p.run.frame
	if p.dead || fr == nil || fr.call == nil || r.thread.gone() {
		return ErrSilent
	}
	l := fr.label
	l.Op = op
	l.I = r.count(l)
	what := l.Saga + "." + op
	f := r.visit(Point{Label: l, Where: AtProvider, Deaf: fr.quiet || r.lasting[what] != "", Keys: keys})
	if p.dead {
		return ErrSilent
	}
	if Lasts(f.Kind) {
		r.lasting[what] = f.Kind
	}
	switch r.lasting[what] {
	case Down:
		return ErrSilent
	case Mute:
		f.Kind = sim.Lost
	}
	switch f.Kind {
	case sim.Fail:
		return ErrSilent
	case Crash:
		r.kill(f.Count)
		return ErrSilent
	case sim.Die, sim.Late:
		if !r.thread.park(f.Until) {
			return ErrSilent
		}
	}
	fr.outside = true
	err := do(f)
	fr.outside = false
	switch f.Kind {
	case sim.Lost:
		return ErrSilent
	case Crashed:
		r.kill(f.Count)
	case Gone:
		r.thread.park(sim.Label{})
	}
	return err
}

// AtProvider reports whether the program is inside a call of [Process.Provider].
func (p *Process) AtProvider() bool { return p.run.frame != nil && p.run.frame.outside }
