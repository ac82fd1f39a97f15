package embedded

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"tripsaga/table"
)

// TestTablesHoldOneKind wants a file of one kind of keys only, after a flush and after a compaction.
func TestTablesHoldOneKind(t *testing.T) {
	s, err := Open("", Options{StreamPrefix: "OUTBOX"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	kinds := map[string]bool{}
	for round := range 3 {
		for i := range 20 {
			for _, kind := range []string{"EXEC#booking#", "EXEC#other#", "TRIP#", "BANK#in_"} {
				n := fmt.Sprintf("%d-%d", round, i)
				it := table.Item{Key: table.Key{PK: kind + n, SK: "OUTBOX"}, Index: table.Key{PK: fmt.Sprintf("S#%s%d#%d", kind, i%2, i%4), SK: n}}
				if err := s.Transact(table.Deferred(context.Background()), table.Put(it, table.None)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
		kinds = oneKind(t, s)
	}
	if err := s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	if after := oneKind(t, s); len(after) != len(kinds) || len(kinds) != 11 {
		t.Errorf("%d kinds before the compaction, %d after, want 11: %v", len(kinds), len(after), after)
	}
}

func oneKind(t *testing.T, s *Store) map[string]bool {
	t.Helper()
	kinds := map[string]bool{}
	levels, err := s.db.SSTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range levels {
		for _, f := range files {
			end := endOfKind(f.Smallest.UserKey)
			if bytes.Compare(f.Largest.UserKey, end) >= 0 {
				t.Errorf("a file holds %q to %q, and its first kind ends at %q", f.Smallest.UserKey, f.Largest.UserKey, end)
			}
			kinds[string(end)] = true
		}
	}
	return kinds
}
