package embedded

import (
	"fmt"
	"testing"

	"tripsaga/table"
)

// TestRefusedChecksAreForgotten: what the store remembers of partitions that it only looked at, each of a kind of its own, is
// within the bound of the items.
func TestRefusedChecksAreForgotten(t *testing.T) {
	s, err := Open("", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const checks, slack = 200_000, 64 << 10 // of the last group
	var ops []table.Op
	for i := range checks {
		key := table.Key{PK: fmt.Sprintf("A#%06d#X", i), SK: "s"}
		if len(ops) < table.MaxOps-1 {
			ops = append(ops, table.Check(key, table.Absent))
			continue
		}
		ops = append(ops, table.Check(key, table.Present)) // refuses them all
		if err := s.Transact(table.Deferred(t.Context()), ops...); !table.IsConflict(err) {
			t.Fatal(err)
		}
		ops = ops[:0]
	}
	r := &s.recent
	for name, g := range map[string]generation{"young": r.young, "old": r.old} {
		size := 0
		for kind, gap := range g.gaps {
			size += len(kind) + len(gap.from) + len(gap.to) + 64
		}
		if size > recentBytes+slack {
			t.Errorf("the gaps of the %s generation have %d bytes, allowed are %d", name, size, recentBytes)
		}
		if name == "young" && size > r.size {
			t.Errorf("%d gaps of %d bytes are counted as %d", len(g.gaps), size, r.size)
		}
	}
	if r.size > recentBytes+slack || r.ages == 0 {
		t.Errorf("size %d, %d generations were forgotten", r.size, r.ages)
	}
	seen := len(r.young.gaps) + len(r.old.gaps)
	if seen < checks/10 {
		t.Errorf("%d gaps are remembered: these are no checks of many kinds", seen)
	}
}
