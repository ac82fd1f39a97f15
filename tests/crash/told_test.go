package crash

import (
	"math/rand/v2"
	"sync"

	"tripsaga/trip/domain"
)

// told is what servers have told their clients, over all of their lives: what must hold for ever.
type told struct {
	mu      sync.Mutex
	trips   map[string]*acknowledgedTrip
	ids     []string // of trips, to choose from
	unclear []booking

	bookings, repeats, cut, reads int
}

// acknowledgedTrip is a booking that was answered with 202.
type acknowledgedTrip struct {
	booking
	end domain.Status // that a client has read; "" so far
}

// booking is one request. Without a key it can not be repeated.
type booking struct{ key, body string }

func newTold() *told { return &told{trips: map[string]*acknowledgedTrip{}} }

// acknowledge notes the trip of an accepted booking; other is the trip that the same booking made before, if not this one.
func (d *told) acknowledge(b booking, id string) (other string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if was := d.trips[id]; was != nil {
		d.repeats++
		if was.booking != b {
			return was.key
		}
		return ""
	}
	d.bookings++
	d.trips[id] = &acknowledgedTrip{booking: b}
	d.ids = append(d.ids, id)
	return ""
}

// leave notes a booking of which nobody knows whether it was made.
func (d *told) leave(b booking) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut++
	if b.key != "" {
		d.unclear = append(d.unclear, b)
	}
}

// takeUnclear takes one of those back, to repeat it.
func (d *told) takeUnclear() (b booking, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.unclear)
	if n == 0 {
		return booking{}, false
	}
	b, d.unclear = d.unclear[n-1], d.unclear[:n-1]
	return b, true
}

// any is a trip that was acknowledged; ok is false while there is none.
func (d *told) any(rng *rand.Rand) (id string, b booking, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ids) == 0 {
		return "", booking{}, false
	}
	id = d.ids[rng.IntN(len(d.ids))]
	return id, d.trips[id].booking, true
}

// read notes the status that a client has read, and gives the end that one has read before.
func (d *told) read(id string, status domain.Status) (before domain.Status) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	trip := d.trips[id]
	if before = trip.end; before == "" && ended(status) {
		trip.end = status
	}
	return before
}

func ended(s domain.Status) bool { return s == domain.Confirmed || s == domain.Failed }
