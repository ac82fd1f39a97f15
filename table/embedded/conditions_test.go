package embedded_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// conditionsHold asks of an item with n = 1 at version 1 in the index, and of its neighbour that does not exist, what
// the store can know from the disk alone. It leaves the item as it was.
func conditionsHold(t *testing.T, s *embedded.Store, it table.Item) {
	t.Helper()
	missing := table.Key{PK: it.PK, SK: it.SK + "?"}
	for i, op := range []table.Op{
		table.Put(it, table.Absent),
		table.Put(it, table.Version(2)),
		table.Add(it.Key, "n", -2, 0),
		table.Check(missing, table.Present),
	} {
		var c *table.Conflict
		if err := s.Transact(t.Context(), op); !errors.As(err, &c) {
			t.Errorf("%s: operation %d: %v, want a conflict", it.Key, i, err)
		}
	}
	moved := it
	moved.Index.PK += " moved"
	for _, op := range []table.Op{table.Put(moved, table.Version(1)), table.Put(it, table.Present), table.Check(missing, table.Absent)} {
		if err := s.Transact(t.Context(), op); err != nil {
			t.Errorf("%s: %v", it.Key, err)
		}
		page, err := s.Query(t.Context(), table.Query{PK: moved.Index.PK, Index: true})
		if want := op.Item.Index == moved.Index; err != nil || (len(page.Items) == 1) != want {
			t.Errorf("%s: the index has %d items where it moved to, error %v", it.Key, len(page.Items), err)
		}
	}
}

func counting(n, size int) table.Item {
	it := item(fmt.Sprint("partition ", n), "x", 1)
	it.Index, it.Ints = table.Key{PK: "all", SK: fmt.Sprint(n)}, map[string]int64{"n": 1}
	it.Data = []byte(strings.Repeat(" ", size))
	return it
}

func TestConditionsAfterReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, embedded.Options{})
	it := counting(0, 10)
	write(t, s, it)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	conditionsHold(t, open(t, dir, embedded.Options{}), it)
}

// TestConditionsOnWhatWasForgotten writes more than the committer remembers.
func TestConditionsOnWhatWasForgotten(t *testing.T) {
	s := open(t, "", embedded.Options{})
	const items, size = 140, 300 << 10
	for n := range items {
		write(t, s, counting(n, size))
	}
	for n := 0; n < items; n += 20 {
		conditionsHold(t, s, counting(n, size))
	}
}
