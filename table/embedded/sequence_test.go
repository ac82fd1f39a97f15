package embedded

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tripsaga/table"
)

// TestSequenceNeverGoesBack sweeps the newest changes while an older one stays, and reopens.
func TestSequenceNeverGoesBack(t *testing.T) {
	opts := Options{FS: vfs.NewMem(), StreamPrefix: "O#", Now: func() time.Time { return time.Unix(1000, 0) }}
	s, err := Open("d", opts)
	if err != nil {
		t.Fatal(err)
	}
	put := func(sk string, expires int64) {
		t.Helper()
		item := table.Item{Key: table.Key{PK: "p", SK: "O#" + sk}, Version: 1, Expires: expires, Data: []byte("1")}
		if err := s.Transact(t.Context(), table.Put(item, table.None)); err != nil {
			t.Fatal(err)
		}
	}
	put("stays", 0)
	put("goes", 500)
	put("goes too", 500)
	if n, err := s.Sweep(t.Context()); n != 2 || err != nil {
		t.Fatalf("Sweep = %d, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open("d", opts); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put("new", 0)
	if found, err := s.Stream(t.Context(), 3, 10); len(found) != 1 || err != nil {
		t.Errorf("who has read up to 3 gets %v, %v", found, err)
	}
}
