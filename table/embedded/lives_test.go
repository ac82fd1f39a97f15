package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

func change(t *testing.T, s *embedded.Store, names ...string) {
	t.Helper()
	for _, name := range names {
		write(t, s, item("a", "OUTBOX#"+name, 1))
	}
	synced(t, s)
}

func wantPlace(t *testing.T, s *embedded.Store, place string, want uint64) {
	t.Helper()
	seq, err := s.ParsePlace(place)
	if seq != want || (want == 0) != errors.Is(err, embedded.ErrPlace) {
		t.Errorf("place %q is %d, %v, want %d", place, seq, err, want)
	}
}

// TestPlacesOutliveARestart and are not those of a copy that was restored, which gives the same numbers anew.
func TestPlacesOutliveARestart(t *testing.T) {
	opts := embedded.Options{StreamPrefix: "OUTBOX#"}
	dir, older := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	s := open(t, dir, opts)
	change(t, s, "1", "2")
	first := s.Place(2)
	wantPlace(t, s, first, 2)
	for _, bad := range []string{"", "2", "x-2", first + "0", "-2", s.Place(3), s.Place(1)[:11] + "0", first[:11] + "02", "other" + first[10:]} {
		wantPlace(t, s, bad, 0)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(older, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first opening writes nothing
		s = open(t, dir, opts)
		wantPlace(t, s, first, 2)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir, opts)
	change(t, s, "3", "4")
	lost := s.Place(4)
	wantPlace(t, s, first, 2)
	wantPlace(t, s, lost, 4)

	restored := open(t, older, opts)
	wantPlace(t, restored, first, 2)
	wantPlace(t, restored, lost, 0) // beyond its end
	change(t, restored, "3", "4", "5")
	wantPlace(t, restored, first, 2)
	wantPlace(t, restored, lost, 0) // another change has its number
	wantPlace(t, restored, restored.Place(4), 4)
	wantPlace(t, s, restored.Place(4), 0)
}

func TestAPlaceBeforeSweptChangesIsNone(t *testing.T) {
	now := time.Unix(1000, 0)
	s := open(t, "", embedded.Options{StreamPrefix: "OUTBOX#", Now: func() time.Time { return now }})
	for i := range 3 {
		it := item("a", "OUTBOX#"+string(rune('1'+i)), 1)
		it.Expires = int64(2000 + 1000*i)
		if err := s.Transact(t.Context(), table.Put(it, table.None)); err != nil {
			t.Fatal(err)
		}
	}
	synced(t, s)
	now = time.Unix(3500, 0)
	if n, err := s.Sweep(t.Context()); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	wantPlace(t, s, s.Place(1), 0)
	wantPlace(t, s, s.Place(2), 2)
	wantPlace(t, s, s.Place(3), 3)
}
