package embedded_test

import (
	"context"
	"errors"
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

// TestWhatWasSaidIsDurable makes a deferred write, lets a call come back, and cuts the power at that very moment: what the
// call has shown, or waited for, is there. Time stands still but where a case lets it pass, so that nothing is flushed by the
// way. Each case is repeated, which finds a store that waits only once; and repeated again while the fsync that somebody else
// has asked for takes its time.
func TestWhatWasSaidIsDurable(t *testing.T) {
	shown := item("a", "OUTBOX#1", 1)
	shown.Index = table.Key{PK: "day", SK: "1"}
	durably := func(f func(context.Context, *embedded.Store) error) func(*testing.T, *embedded.Store) error {
		return func(t *testing.T, s *embedded.Store) error { return f(t.Context(), s) }
	}
	for name, call := range map[string]func(*testing.T, *embedded.Store) error{
		"Get": durably(func(ctx context.Context, s *embedded.Store) error {
			_, _, err := s.Get(ctx, shown.Key)
			return err
		}),
		"Query": durably(func(ctx context.Context, s *embedded.Store) error {
			_, err := s.Query(ctx, table.Query{PK: "a"})
			return err
		}),
		"Query of the index": durably(func(ctx context.Context, s *embedded.Store) error {
			_, err := s.Query(ctx, table.Query{PK: "day", Index: true})
			return err
		}),
		"Items": durably(func(ctx context.Context, s *embedded.Store) error {
			for _, err := range s.Items(ctx, "") {
				return err
			}
			return errors.New("no items")
		}),
		"Sync": durably(func(ctx context.Context, s *embedded.Store) error { return s.Sync(table.Deferred(ctx)) }),
		"Transact": durably(func(ctx context.Context, s *embedded.Store) error {
			return s.Transact(ctx, table.Put(item("b", "b", 1), table.None))
		}),
		"a conflict": durably(func(ctx context.Context, s *embedded.Store) error {
			var conflict *table.Conflict
			if err := s.Transact(ctx, table.Put(shown, table.Absent)); !errors.As(err, &conflict) {
				return errors.Join(errors.New("no conflict"), err)
			}
			return nil
		}),
		"a check": durably(func(ctx context.Context, s *embedded.Store) error {
			return s.Transact(ctx, table.Check(shown.Key, table.Present))
		}),
		"a change of the stream": durably(func(ctx context.Context, s *embedded.Store) error {
			for range 100 { // a store that wakes its readers for nothing is not waited for
				more := s.Changed()
				if changes, err := s.Stream(ctx, 0, 1000); err != nil || len(changes) > 0 && changes[len(changes)-1].Item.Version == shown.Version {
					return err
				}
				if err := woken(more); err != nil {
					return err
				}
			}
			return errors.New("the change is never shown")
		}),
		"60 ms": durably(func(context.Context, *embedded.Store) error { time.Sleep(60 * time.Millisecond); return nil }),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fs := vfs.NewCrashableMem()
				var slow atomic.Bool
				s, err := embedded.Open("data", embedded.Options{FS: slowSync(fs, &slow), StreamPrefix: "OUTBOX#"})
				if err != nil {
					t.Fatal(err)
				}
				for shown.Version = 1; shown.Version <= 6; shown.Version++ {
					slow.Store(shown.Version > 3 && name != "60 ms")
					write(t, s, shown)
					if slow.Load() {
						go s.Sync(context.Background())
						synctest.Wait()
					}
					if err := call(t, s); err != nil {
						t.Fatal(err)
					}
					if got := versionAfterCrash(t, fs, shown.Key); got != shown.Version {
						t.Errorf("after the crash version %d, want %d", got, shown.Version)
					}
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// slowSync is a disk whose fsyncs of the log take a second while slow is set.
func slowSync(fs vfs.FS, slow *atomic.Bool) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			if slow.Load() && strings.HasSuffix(op.Path, ".log") {
				time.Sleep(time.Second)
			}
		}
		return nil
	}))
}

// woken waits for a minute of the bubble's time.
func woken(more <-chan struct{}) error {
	select {
	case <-more:
		return nil
	case <-time.After(time.Minute):
		return errors.New("nobody was woken")
	}
}

func versionAfterCrash(t *testing.T, fs *vfs.MemFS, k table.Key) int64 {
	t.Helper()
	s, err := embedded.Open("data", embedded.Options{FS: fs.CrashClone(vfs.CrashCloneCfg{})})
	if err != nil {
		t.Fatal(err)
	}
	it, _, err := s.Get(t.Context(), k)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return it.Version
}

// TestAChangeBetweenALookAndItsWait lets a change become durable after a reader has found nothing and before it waits.
func TestAChangeBetweenALookAndItsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := embedded.Open("", embedded.Options{StreamPrefix: "OUTBOX#"})
		if err != nil {
			t.Fatal(err)
		}
		for v := int64(1); v <= 3; v++ {
			for _, late := range []bool{false, true} {
				more := s.Changed()
				again := s.Changed() // another reader
				seen := numbers(t, s, 0, 100)
				if late {
					go func() {
						time.Sleep(time.Second)
						s.Transact(t.Context(), table.Put(item("a", "OUTBOX#1", v), table.None))
					}()
				} else if err := s.Transact(t.Context(), table.Put(item("a", "OUTBOX#1", v), table.None)); err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(woken(more), woken(again)); err != nil {
					t.Error(err)
				}
				if now := numbers(t, s, 0, 100); len(now) != len(seen)+1 {
					t.Errorf("woken up with %d changes after %d", len(now), len(seen))
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
