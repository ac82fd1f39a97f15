package embedded_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

func item(pk, sk string, version int64) table.Item {
	return table.Item{Key: table.Key{PK: pk, SK: sk}, Version: version, Data: []byte(`"` + sk + `"`)}
}

func write(t testing.TB, s *embedded.Store, items ...table.Item) {
	t.Helper()
	for _, it := range items {
		if err := s.Transact(table.Deferred(t.Context()), table.Put(it, table.None)); err != nil {
			t.Fatal(err)
		}
	}
}

func has(t *testing.T, s *embedded.Store, k table.Key) bool {
	t.Helper()
	_, ok, err := s.Get(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestReopenKeepsEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "Open")
	opts := embedded.Options{StreamPrefix: "OUTBOX#"}
	for round := range int64(3) {
		s := open(t, dir, opts)
		changes, err := s.Stream(t.Context(), 0, 100)
		if err != nil || int64(len(changes)) != round {
			t.Fatalf("round %d: %d changes, error %v", round, len(changes), err)
		}
		it := item("a", "OUTBOX#"+string(rune('0'+round)), round)
		it.Index, it.Ints = table.Key{PK: "day", SK: "x"}, map[string]int64{"n": 4}
		write(t, s, it)
		page, err := s.Query(t.Context(), table.Query{PK: "day", Index: true})
		if err != nil || int64(len(page.Items)) != round+1 || page.Items[0].Ints["n"] != 4 {
			t.Fatalf("round %d: %+v, error %v", round, page, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, embedded.Options{})
	t.Chdir(filepath.Dir(dir))
	for _, name := range []string{dir, filepath.Base(dir)} {
		_, err := embedded.Open(name, embedded.Options{})
		if err == nil || !strings.Contains(err.Error(), "data folder "+dir+" is in use by another process") {
			t.Errorf("Open %s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, embedded.Options{})
}

func TestOpenWhereNoFolderCanBe(t *testing.T) {
	file := filepath.Join(open(t, t.TempDir(), embedded.Options{}).Dir(), "LOCK")
	if _, err := embedded.Open(file, embedded.Options{}); err == nil || strings.Contains(err.Error(), "in use") {
		t.Errorf("Open of a file: %v", err)
	}
}

// TestDeferredIsFlushed also shows that Close leaves no goroutine: the bubble would not end.
func TestDeferredIsFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewCrashableMem()
		s, err := embedded.Open("data", embedded.Options{FS: fs, StreamPrefix: "OUTBOX#"})
		if err != nil {
			t.Fatal(err)
		}
		more := s.Changed()
		write(t, s, item("a", "OUTBOX#1", 1))
		if changes, err := s.Stream(t.Context(), 0, 10); err != nil || len(changes) != 0 {
			t.Errorf("the stream shows what a crash could take back: %+v, %v", changes, err)
		}
		start := time.Now()
		<-more
		if waited := time.Since(start); waited > 60*time.Millisecond {
			t.Errorf("flushed after %v", waited)
		}
		disk := fs.CrashClone(vfs.CrashCloneCfg{})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		after, err := embedded.Open("data", embedded.Options{FS: disk})
		if err != nil {
			t.Fatal(err)
		}
		if !has(t, after, table.Key{PK: "a", SK: "OUTBOX#1"}) {
			t.Error("the write is lost")
		}
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCloseMakesDurable(t *testing.T) {
	fs := vfs.NewCrashableMem()
	s := open(t, "data", embedded.Options{FS: fs})
	write(t, s, item("a", "b", 1))
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	after := open(t, "data", embedded.Options{FS: fs.CrashClone(vfs.CrashCloneCfg{})})
	if !has(t, after, table.Key{PK: "a", SK: "b"}) {
		t.Error("the write is lost")
	}
}

func TestCallsAfterClose(t *testing.T) {
	s := open(t, "", embedded.Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, it := t.Context(), item("a", "b", 1)
	_, _, getErr := s.Get(ctx, it.Key)
	_, queryErr := s.Query(ctx, table.Query{PK: "a"})
	_, streamErr := s.Stream(ctx, 0, 1)
	_, sweepErr := s.Sweep(ctx)
	var itemsErr error
	for _, itemsErr = range s.Items(ctx, "") {
	}
	for name, err := range map[string]error{
		"Get": getErr, "Query": queryErr, "Stream": streamErr, "Sweep": sweepErr, "Items": itemsErr,
		"Sync": s.Sync(ctx), "Transact": s.Transact(ctx, table.Put(it, table.None)),
	} {
		if !errors.Is(err, table.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = s.Metrics()
}

// TestFailedDisk fails the log's fsync, or its write: no later write may be acknowledged, deferred or not.
func TestFailedDisk(t *testing.T) {
	for name, kinds := range map[string][]errorfs.OpKind{
		"fsync": {errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo},
		"write": {errorfs.OpFileWrite},
	} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			errDisk := errors.New("disk on fire")
			fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
				for _, kind := range kinds {
					if op.Kind == kind && strings.HasSuffix(op.Path, ".log") && broken.Load() {
						return errDisk
					}
				}
				return nil
			}))
			s, err := embedded.Open("data", embedded.Options{FS: fs})
			if err != nil {
				t.Fatal(err)
			}
			before := item("a", "before", 1)
			if err := s.Transact(t.Context(), table.Put(before, table.None)); err != nil {
				t.Fatal(err)
			}
			broken.Store(true)
			refusesWrites(t, s, "disk on fire")
			if _, ok, err := s.Get(table.Deferred(t.Context()), before.Key); err != nil || !ok {
				t.Errorf("a deferred Get: ok %v, error %v", ok, err)
			}
			if _, _, err := s.Get(t.Context(), before.Key); err == nil {
				t.Error("a Get shows what may not be durable")
			}
			if err := s.Close(); err == nil || !strings.Contains(err.Error(), "takes no more writes") {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

func refusesWrites(t *testing.T, s *embedded.Store, why string) {
	t.Helper()
	put := table.Put(item("a", "b", 1), table.None)
	for _, ctx := range []context.Context{t.Context(), t.Context(), table.Deferred(t.Context())} {
		if err := s.Transact(ctx, put); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("Transact: %v, want %q", err, why)
		}
	}
	if err := s.Sync(t.Context()); err == nil {
		t.Error("Sync succeeded")
	}
}

func TestMetrics(t *testing.T) {
	s := open(t, t.TempDir(), embedded.Options{})
	write(t, s, item("a", "1", 1), item("a", "2", 1))
	if m := s.Metrics(); m.Transactions != 2 || m.DurableWaits != 0 {
		t.Errorf("after deferred writes: %+v", m)
	}
	if err := s.Transact(t.Context(), table.Put(item("a", "3", 1), table.None)); err != nil {
		t.Fatal(err)
	}
	if !has(t, s, table.Key{PK: "a", SK: "1"}) { // free: nothing is pending
		t.Error("missing")
	}
	m := s.Metrics()
	if m.Transactions != 3 || m.DurableWaits != 1 || m.SyncGroups < 1 || m.BytesWritten < 50 || m.BytesOnDisk == 0 {
		t.Errorf("after a durable write: %+v", m)
	}
}
