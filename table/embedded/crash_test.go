package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// crashRun is one life of a store that ends in a crash of its machine: writers count upward, each in a partition of its
// own, and readers ask how far the writers are.
type crashRun struct {
	store *embedded.Store
	fs    *vfs.MemFS
	stop  context.CancelFunc

	calls   atomic.Int64
	crashAt int64
	unsynct int // percent of the data that survives without an fsync

	known [crashWriters]atomic.Int64 // how far callers know each writer to be, for good
	acked [crashWriters]int64        // known at the crash
	disk  *vfs.MemFS                 // the file system after the crash
}

const crashWriters = 6

func counter(w int) table.Key { return table.Key{PK: fmt.Sprint("writer", w), SK: "COUNT"} }

// TestCrash wants after a crash: whatever a caller without Deferred was told still holds, and of the rest of the
// transactions the oldest survive, whole.
func TestCrash(t *testing.T) {
	for round := range 40 {
		unsynced := []int{0, 0, 50, 100}[round%4]
		t.Run(fmt.Sprintf("round %d, %d%% survive unsynced", round, unsynced), func(t *testing.T) {
			fs := vfs.NewCrashableMem()
			s, err := embedded.Open("data", embedded.Options{FS: fs, StreamPrefix: "OUTBOX#"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			r := &crashRun{store: s, fs: fs, crashAt: 1 + rand.Int64N(1500), unsynct: unsynced}
			r.run(t)
			r.verify(t)
		})
	}
}

func (r *crashRun) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	defer cancel()
	var wg sync.WaitGroup
	for w := range crashWriters {
		wg.Go(func() { r.loop(ctx, t, r.writer(w)) })
		wg.Go(func() { r.loop(ctx, t, r.reader(w)) })
	}
	wg.Wait()
}

func (r *crashRun) loop(ctx context.Context, t *testing.T, step func(context.Context) error) {
	for ctx.Err() == nil {
		if err := step(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
			return
		}
		if r.calls.Add(1) == r.crashAt {
			r.crash()
		}
	}
}

// crash notes first what is known, then takes what the disk has: whatever is learned in between does not count.
func (r *crashRun) crash() {
	for w := range r.acked {
		r.acked[w] = r.known[w].Load()
	}
	r.disk = r.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: r.unsynct,
		RNG:                 rand.New(rand.NewPCG(rand.Uint64(), 0)),
	})
	r.stop()
}

func (r *crashRun) learn(w int, n int64) {
	for old := r.known[w].Load(); old < n && !r.known[w].CompareAndSwap(old, n); old = r.known[w].Load() {
	}
}

func (r *crashRun) writer(w int) func(context.Context) error {
	n := int64(0)
	return func(ctx context.Context) error {
		n++
		durable := n%7 == 0
		if !durable {
			ctx = table.Deferred(ctx)
		}
		event := table.Item{Key: table.Key{PK: counter(w).PK, SK: fmt.Sprintf("OUTBOX#%06d", n)}}
		err := r.store.Transact(ctx, table.Put(table.Item{Key: counter(w), Version: n}, table.None), table.Put(event, table.Absent))
		if err == nil && durable {
			r.learn(w, n)
		}
		return err
	}
}

// reader learns in turn from a Get, from a conflict, from a query and by Sync.
func (r *crashRun) reader(w int) func(context.Context) error {
	turn := 0
	return func(ctx context.Context) error {
		turn++
		switch turn % 4 {
		case 0:
			it, _, err := r.store.Get(ctx, counter(w))
			return r.learnIf(err, w, it.Version)
		case 1:
			page, err := r.store.Query(ctx, table.Query{PK: counter(w).PK, Limit: 1})
			if len(page.Items) == 0 {
				return err
			}
			return r.learnIf(err, w, page.Items[0].Version)
		case 2:
			return r.learnByConflict(ctx, w)
		default:
			it, _, err := r.store.Get(table.Deferred(ctx), counter(w))
			return r.learnIf(errors.Join(err, table.Sync(ctx, r.store)), w, it.Version)
		}
	}
}

func (r *crashRun) learnIf(err error, w int, n int64) error {
	if err == nil {
		r.learn(w, n)
	}
	return err
}

func (r *crashRun) learnByConflict(ctx context.Context, w int) error {
	it, ok, err := r.store.Get(table.Deferred(ctx), counter(w))
	if err != nil || !ok {
		return err
	}
	event := table.Key{PK: counter(w).PK, SK: fmt.Sprintf("OUTBOX#%06d", it.Version)}
	err = r.store.Transact(ctx, table.Check(event, table.Absent))
	var c *table.Conflict
	if errors.As(err, &c) {
		r.learn(w, it.Version)
		return nil
	}
	return err
}

func (r *crashRun) verify(t *testing.T) {
	s := open(t, "data", embedded.Options{FS: r.disk, StreamPrefix: "OUTBOX#"})
	total := int64(0)
	for w := range crashWriters {
		it, _, err := s.Get(t.Context(), counter(w))
		if err != nil {
			t.Fatal(err)
		}
		if it.Version < r.acked[w] {
			t.Errorf("writer %d is at %d, but was known to be at %d", w, it.Version, r.acked[w])
		}
		if n := events(t, s, w); n != it.Version {
			t.Errorf("writer %d is at %d with %d events", w, it.Version, n)
		}
		total += it.Version
	}
	r.verifyStream(t, s, total)
}

// events counts a writer's, page by page.
func events(t *testing.T, s *embedded.Store, w int) (n int64) {
	t.Helper()
	for q := (table.Query{PK: counter(w).PK, Prefix: "OUTBOX#"}); ; {
		page, err := s.Query(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		n += int64(len(page.Items))
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return n
		}
	}
}

// verifyStream wants the changes 1 to total: a gap would be a later transaction that outlived an earlier one.
func (r *crashRun) verifyStream(t *testing.T, s *embedded.Store, total int64) {
	changes, err := s.Stream(t.Context(), 0, 1<<20)
	if err != nil || int64(len(changes)) != total {
		t.Fatalf("%d changes of %d transactions, error %v", len(changes), total, err)
	}
	for i, c := range changes {
		if c.Seq != uint64(i+1) {
			t.Fatalf("change %d has the number %d", i+1, c.Seq)
		}
	}
}
