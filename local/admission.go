package local

import "sync"

// maxEntering bounds the bookings that are being stored and started at once. They wait in the store's one queue together
// with the steps of the sagas under way, so that this bound holds back as many bookings as the machine can carry out:
// the longer the queue, the longer each of them stays, and the fewer are let in. It is about the bookings of a tenth of
// a second; many more make every client wait and let no more bookings through. See docs/adr.
const maxEntering = 128

// admission bounds the bookings under way. It counts those that are let in before anything of them is stored, so that a
// booking which is refused is none; the engine takes all that were let in.
//
// A saga that waits, for a provider that is down, say, costs memory and hardly anything else: of those there may be
// many, up to limit.
type admission struct {
	limit int

	mu       sync.Mutex
	entering int // let in, their sagas not yet counted among the open ones
}

// enter reports whether one more is let in beside the open ones; leave must follow once its saga is open, or it failed.
func (a *admission) enter(open func() int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.entering >= maxEntering || open()+a.entering >= a.limit {
		return false
	}
	a.entering++
	return true
}

func (a *admission) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entering--
}
