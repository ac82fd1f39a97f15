package local

import "sync"

// admission bounds the bookings under way. It counts those that are let in before anything of them is stored, so that a
// booking which is refused is none; the engine takes all that were let in.
type admission struct {
	limit int

	mu       sync.Mutex
	entering int // let in, their sagas not yet counted among the open ones
}

// enter reports whether one more is let in beside the open ones; leave must follow once its saga is open, or it failed.
func (a *admission) enter(open func() int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if open()+a.entering >= a.limit {
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
