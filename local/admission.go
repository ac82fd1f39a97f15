package local

import (
	"sync"

	"tripsaga/trip/handlers/rest"
)

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

// enter lets one more in beside the open ones, or returns why it does not. If it does, leave must follow once the booking's
// saga is open, or the booking failed.
func (a *admission) enter(open func() int) (refused string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.entering >= maxEntering {
		return rest.ReasonOverload
	}
	if open()+a.entering >= a.limit {
		return rest.ReasonOpenSagas
	}
	a.entering++
	return ""
}

func (a *admission) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entering--
}
