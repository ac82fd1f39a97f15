package verify

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// An exploration leaves much garbage, and little stays: collected as seldom as this, it takes a fifth less of the CPU. The
// room for the garbage of what the process held before is bounded: a test may hold much itself.
const (
	garbagePercent = 800       // of the memory in use, at most; see GOGC
	garbageRoom    = 256 << 20 // bytes, at most
)

// collection is the process's garbage collection while something is explored.
var collection struct {
	mu      sync.Mutex
	explore int // how many explorations run
	percent int // of GOGC before the first of them
}

// collectSeldom is called by an exploration when it begins, and what it returns when it ends. With GOGC in the environment it
// changes nothing.
func collectSeldom() (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	c := &collection
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.explore++; c.explore == 1 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		percent := min(garbagePercent, int(100*garbageRoom/max(m.HeapAlloc, 1)))
		if c.percent = debug.SetGCPercent(percent); c.percent < 0 || c.percent > percent { // it collects as seldom already
			debug.SetGCPercent(c.percent)
		}
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.explore--; c.explore == 0 {
			debug.SetGCPercent(c.percent)
		}
	}
}
