package sim

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"

	"tripsaga/engine"
)

// Virtual is an [engine.Scheduler] in virtual time. Its functions run one after another on the goroutine that calls Run, in the
// order in which they became due, so that a run is deterministic if the functions are. They must not wait for one another or
// for the wall clock.
type Virtual struct {
	mu     sync.Mutex
	now    time.Time
	seq    int64
	ready  []func()
	timers timerHeap
	order  *rand.Rand // nil: in the order in which functions became due
}

// NewVirtual starts a virtual clock at the given time.
func NewVirtual(start time.Time) *Virtual { return &Virtual{now: start} }

// Shuffle runs functions that are due at one instant in an order drawn from r, to show that nothing depends on that order.
// It is called before anything is queued.
func (v *Virtual) Shuffle(r *rand.Rand) { v.order = r }

// Now returns the virtual time.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// Go queues f after the functions that are already ready.
func (v *Virtual) Go(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ready = append(v.ready, f)
}

// AfterFunc queues f for d from now; timers of one instant run in the order in which they were set.
func (v *Virtual) AfterFunc(d time.Duration, f func()) engine.Timer {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seq++
	t := &virtualTimer{v: v, at: v.now.Add(max(d, 0)), seq: v.seq, f: f}
	if v.order != nil {
		t.seq = v.order.Int64()
	}
	heap.Push(&v.timers, t)
	return t
}

// Next returns the time at which the next function is due: now, if one is ready. ok is false if there is no function.
func (v *Virtual) Next() (at time.Time, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case len(v.ready) > 0:
		return v.now, true
	case len(v.timers) > 0:
		return v.timers[0].at, true
	}
	return time.Time{}, false
}

// Advance moves the time forward without running what becomes due.
func (v *Virtual) Advance(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
}

// Run runs everything that is ready or will become due, moving the time forward, and returns when nothing is left.
func (v *Virtual) Run() {
	for v.Step() {
	}
}

// Step runs one function and reports whether there was one.
func (v *Virtual) Step() bool {
	f := v.next()
	if f == nil {
		return false
	}
	f()
	return true
}

// Await implements [engine.Waiter]: it runs what is due until done is called. In a function that runs on a coroutine, use
// [Threads.Await], which lets the others run.
func (v *Virtual) Await(begin func(done func())) bool {
	ended := false
	begin(func() { ended = true })
	for !ended && v.Step() {
	}
	return ended
}

func (v *Virtual) next() func() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n := len(v.ready); n > 0 {
		if v.order != nil {
			i := v.order.IntN(n)
			v.ready[0], v.ready[i] = v.ready[i], v.ready[0]
		}
		f := v.ready[0]
		v.ready = v.ready[1:]
		return f
	}
	if len(v.timers) == 0 {
		return nil
	}
	t := heap.Pop(&v.timers).(*virtualTimer)
	if t.at.After(v.now) {
		v.now = t.at
	}
	return t.f
}

type virtualTimer struct {
	v     *Virtual
	at    time.Time
	seq   int64
	index int // in the heap; -1 once it has left it
	f     func()
}

func (t *virtualTimer) Stop() bool {
	t.v.mu.Lock()
	defer t.v.mu.Unlock()
	if t.index < 0 {
		return false
	}
	heap.Remove(&t.v.timers, t.index)
	return true
}

type timerHeap []*virtualTimer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*virtualTimer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = -1
	return t
}
