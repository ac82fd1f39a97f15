package embedded_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// TestCheckpoint copies a store while it is written to: each copy holds what was acknowledged before, opens as a store, and
// shares no file with it.
func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "data"), embedded.Options{StreamPrefix: "OUTBOX#"})
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var mu sync.Mutex
	acknowledged := 0
	writers.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			it := numbered(n)
			it.SK = "OUTBOX#" + it.SK
			if err := s.Transact(ctx, table.Put(it, table.None)); err == nil {
				mu.Lock()
				acknowledged++
				mu.Unlock()
			}
		}
	})
	for _, name := range []string{"first", "second", "third"} {
		copied := filepath.Join(dir, name)
		mu.Lock()
		before := acknowledged
		mu.Unlock()
		change, err := s.Checkpoint(t.Context(), copied)
		if err != nil || change < uint64(before) {
			t.Fatalf("%s: change %d after %d, %v", name, change, before, err)
		}
		if _, err := embedded.Open(copied, embedded.Options{}); !errors.Is(err, table.ErrDamaged) {
			t.Errorf("%s: a copy that is not complete opens: %v", name, err)
		}
		sum, err := embedded.Complete(t.Context(), copied, change)
		if err != nil || sum.Items < before || sum.Change < change {
			t.Errorf("%s: %+v after %d, %v", name, sum, before, err)
		}
		private(t, copied)
		if n := count(t, open(t, copied, embedded.Options{})); n != sum.Items {
			t.Errorf("%s: %d of %d items", name, n, sum.Items)
		}
	}
	stop()
	writers.Wait()
}

// TestCheckpointThatFails leaves nothing behind, and the store goes on.
func TestCheckpointThatFails(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "data"), embedded.Options{})
	write(t, s, item("a", "b", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for where, ctx := range map[string]context.Context{filepath.Join(dir, "cancelled"): ctx, filepath.Join(dir, "no", "parent"): t.Context()} {
		if _, err := s.Checkpoint(ctx, where); err == nil {
			t.Errorf("%s: it succeeded", where)
		}
		if _, err := os.Stat(where); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", where, err)
		}
	}
	write(t, s, item("a", "c", 1))
}

// TestSalvage opens what is left of a store that lost a log, as a copy; the store itself stays as it is.
func TestSalvage(t *testing.T) {
	dir, copied := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "copy")
	s, err := embedded.Open(dir, embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, item("a", "b", 1), item("a", "c", 1))
	if err := embedded.CopyFiles(t.Context(), dir, copied); !errors.Is(err, embedded.ErrInUse) {
		t.Errorf("of an open store: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "STORE")); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Open(dir, embedded.Options{}); !errors.Is(err, table.ErrDamaged) {
		t.Errorf("without its record: %v", err)
	}
	if err := embedded.CopyFiles(t.Context(), dir, copied); err != nil {
		t.Fatal(err)
	}
	if sum, err := embedded.Complete(t.Context(), copied, 0); err != nil || sum.Items != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
	if n := count(t, open(t, copied, embedded.Options{})); n != 2 {
		t.Errorf("%d items", n)
	}
}
