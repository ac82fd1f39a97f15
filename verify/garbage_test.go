package verify

import (
	"runtime/debug"
	"testing"
)

// TestCollectSeldom: explorations that overlap collect seldom until the last of them ends, and leave GOGC as it was.
func TestCollectSeldom(t *testing.T) {
	t.Setenv("GOGC", "")
	const usual = 90
	defer debug.SetGCPercent(debug.SetGCPercent(usual))
	percent := func() int {
		p := debug.SetGCPercent(usual)
		debug.SetGCPercent(p)
		return p
	}
	first, second := collectSeldom(), collectSeldom()
	first()
	if p := percent(); p <= usual || p > garbagePercent {
		t.Errorf("GOGC is %d while one explores, want more than %d and at most %d", p, usual, garbagePercent)
	}
	if second(); percent() != usual {
		t.Errorf("GOGC is %d after the last has ended, want %d", percent(), usual)
	}
	t.Setenv("GOGC", "100")
	defer collectSeldom()()
	if percent() != usual {
		t.Errorf("GOGC is %d with GOGC in the environment, want %d", percent(), usual)
	}
}
