package embedded_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

func numbers(t *testing.T, s *embedded.Store, after uint64, limit int) (seqs []uint64) {
	t.Helper()
	changes, err := s.Stream(t.Context(), after, limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		seqs = append(seqs, c.Seq)
	}
	return seqs
}

func synced(t *testing.T, s *embedded.Store) {
	t.Helper()
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestStream(t *testing.T) {
	s := open(t, "", embedded.Options{StreamPrefix: "OUTBOX#"})
	write(t, s, item("a", "OUTBOX#1", 1), item("a", "TRIP", 1), item("b", "OUTBOX#1", 1), item("a", "OUTBOX#1", 2))
	if err := s.Transact(t.Context(), table.Delete(table.Key{PK: "b", SK: "OUTBOX#1"}, table.None)); err != nil {
		t.Fatal(err)
	}
	changes, err := s.Stream(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprintf("%d %s version %d %s", c.Seq, c.Item.Key, c.Item.Version, c.Item.Data))
	}
	want := []string{
		`1 a / OUTBOX#1 version 1 "OUTBOX#1"`, `2 b / OUTBOX#1 version 1 "OUTBOX#1"`, `3 a / OUTBOX#1 version 2 "OUTBOX#1"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
	if got := numbers(t, s, 1, 1); !slices.Equal(got, []uint64{2}) {
		t.Errorf("after 1, one change: %v", got)
	}
	if got := numbers(t, s, 3, 10); len(got) != 0 {
		t.Errorf("after the last: %v", got)
	}
	for before, want := range map[uint64][]uint64{0: {3, 2}, 4: {3, 2}, 3: {2, 1}, 2: {1}, 1: nil, 1 << 63: {3, 2}} {
		latest, err := s.Latest(t.Context(), before, 2)
		var seqs []uint64
		for _, c := range latest {
			seqs = append(seqs, c.Seq)
		}
		if err != nil || !slices.Equal(seqs, want) {
			t.Errorf("the latest before %d: %v, %v, want %v", before, seqs, err, want)
		}
	}
	if _, err := s.Stream(t.Context(), 0, 0); err == nil {
		t.Error("limit 0 is accepted")
	}
}

func TestConflictsLeaveNoChange(t *testing.T) {
	s := open(t, "", embedded.Options{StreamPrefix: "OUTBOX#"})
	err := s.Transact(t.Context(), table.Put(item("a", "OUTBOX#1", 1), table.None), table.Check(table.Key{PK: "a", SK: "b"}, table.Present))
	if err == nil {
		t.Fatal("no conflict")
	}
	write(t, s, item("a", "OUTBOX#2", 1))
	synced(t, s)
	if got := numbers(t, s, 0, 10); !slices.Equal(got, []uint64{1}) {
		t.Errorf("changes %v", got)
	}
}

func TestChanged(t *testing.T) {
	s := open(t, "", embedded.Options{StreamPrefix: "OUTBOX#"})
	more := s.Changed()
	if err := s.Transact(t.Context(), table.Put(item("a", "TRIP", 1), table.None)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-more:
		t.Error("told of a write that is no change")
	default:
	}
	write(t, s, item("a", "OUTBOX#1", 1)) // a background flush makes it durable
	<-more
	if got := numbers(t, s, 0, 10); !slices.Equal(got, []uint64{1}) {
		t.Errorf("changes %v", got)
	}
}

// sweeper is a store whose time is set by the test, in seconds.
func sweeper(t *testing.T, now *int64) *embedded.Store {
	return open(t, "", embedded.Options{StreamPrefix: "OUTBOX#", Now: func() time.Time { return time.Unix(*now, 0) }})
}

func expiring(sk string, expires int64) table.Item {
	it := item("a", sk, 1)
	it.Expires, it.Index = expires, table.Key{PK: "events", SK: sk}
	return it
}

func sweep(t *testing.T, s *embedded.Store, want int) {
	t.Helper()
	if got, err := s.Sweep(t.Context()); err != nil || got != want {
		t.Errorf("Sweep removed %d, error %v, want %d", got, err, want)
	}
}

func TestSweep(t *testing.T) {
	now := int64(99)
	s := sweeper(t, &now)
	write(t, s, expiring("OUTBOX#1", 100), expiring("OUTBOX#2", 0), expiring("OUTBOX#3", 150),
		expiring("OUTBOX#4", 300), expiring("OUTBOX#5", 200), expiring("other", 100))
	sweep(t, s, 0) // nothing is durable yet, or nothing has expired
	synced(t, s)
	sweep(t, s, 0)
	for _, step := range []struct {
		now  int64
		want int
		left []uint64
	}{
		{100, 1, []uint64{2, 3, 4, 5}},
		{100, 0, []uint64{2, 3, 4, 5}},
		{250, 1, []uint64{2, 4, 5}}, // 4 expires later and stops the sweep before 5
		{300, 2, []uint64{2}},
		{900, 0, []uint64{2}},
	} {
		now = step.now
		sweep(t, s, step.want)
		if got := numbers(t, s, 0, 10); !slices.Equal(got, step.left) {
			t.Errorf("at %d the changes %v are left, want %v", step.now, got, step.left)
		}
	}
	page, err := s.Query(t.Context(), table.Query{PK: "a"})
	if err != nil || len(page.Items) != 2 || page.Items[0].SK != "OUTBOX#2" || page.Items[1].SK != "other" {
		t.Errorf("items left: %+v, error %v", page.Items, err)
	}
	if page, err = s.Query(t.Context(), table.Query{PK: "events", Index: true}); err != nil || len(page.Items) != 2 {
		t.Errorf("index entries left: %+v, error %v", page.Items, err)
	}
}

func TestSweepLeavesItemsWrittenAnew(t *testing.T) {
	now := int64(50)
	s := sweeper(t, &now)
	write(t, s, expiring("OUTBOX#1", 100), expiring("OUTBOX#2", 100), expiring("OUTBOX#1", 500), expiring("OUTBOX#2", 0))
	synced(t, s)
	now = 200
	sweep(t, s, 2)
	if !has(t, s, table.Key{PK: "a", SK: "OUTBOX#1"}) || !has(t, s, table.Key{PK: "a", SK: "OUTBOX#2"}) {
		t.Error("an item that had not expired was removed")
	}
	now = 600
	sweep(t, s, 1)
	if has(t, s, table.Key{PK: "a", SK: "OUTBOX#1"}) || !has(t, s, table.Key{PK: "a", SK: "OUTBOX#2"}) {
		t.Error("the second change's items were not removed as they should")
	}
}

func TestSweepIsBoundedAndNumbersGoOn(t *testing.T) {
	now := int64(50)
	dir := t.TempDir()
	opts := embedded.Options{StreamPrefix: "OUTBOX#", Now: func() time.Time { return time.Unix(now, 0) }}
	s := open(t, dir, opts)
	for i := range 1500 {
		write(t, s, expiring(fmt.Sprintf("OUTBOX#%d", i), 100))
	}
	synced(t, s)
	now = 100
	sweep(t, s, 1000)
	sweep(t, s, 500)
	sweep(t, s, 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, opts)
	write(t, s, expiring("OUTBOX#new", 0))
	synced(t, s)
	if got := numbers(t, s, 0, 10); !slices.Equal(got, []uint64{1501}) {
		t.Errorf("after a sweep of everything and reopening the numbers go on at %v", got)
	}
}

func TestItems(t *testing.T) {
	s := open(t, "", embedded.Options{StreamPrefix: "OUTBOX#"})
	write(t, s, item("b", "2", 1), item("a", "OUTBOX#1", 1), item("b", "1", 1), item("b\x00", "3", 1), item("c", "4", 1))
	list := func(from string, limit int) (keys []string) {
		for it, err := range s.Items(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			if keys = append(keys, it.PK+it.SK); len(keys) == limit {
				break
			}
		}
		return keys
	}
	for _, c := range []struct {
		from  string
		limit int
		want  []string
	}{
		{"", 10, []string{"aOUTBOX#1", "b1", "b2", "b\x003", "c4"}},
		{"", 2, []string{"aOUTBOX#1", "b1"}},
		{"b", 10, []string{"b1", "b2", "b\x003", "c4"}},
		{"b\x00", 10, []string{"b\x003", "c4"}},
		{"d", 10, nil},
	} {
		if got := list(c.from, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("from %q: %q, want %q", c.from, got, c.want)
		}
	}
}
