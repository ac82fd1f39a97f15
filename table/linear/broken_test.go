package linear

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

func memory(t *testing.T) table.Table {
	t.Helper()
	s, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// broken is an honest table but for the methods that are set.
type broken struct {
	table.Table
	get      func(context.Context, table.Key) (table.Item, bool, error)
	query    func(context.Context, table.Query) (table.Page, error)
	transact func(context.Context, []table.Op) error
}

func (b *broken) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	if b.get == nil {
		return b.Table.Get(ctx, key)
	}
	return b.get(ctx, key)
}

func (b *broken) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if b.query == nil {
		return b.Table.Query(ctx, q)
	}
	return b.query(ctx, q)
}

func (b *broken) Transact(ctx context.Context, ops ...table.Op) error {
	if b.transact == nil {
		return b.Table.Transact(ctx, ops...)
	}
	return b.transact(ctx, ops)
}

// sometimes is true each nth time.
func sometimes(n int64) func() bool {
	var calls atomic.Int64
	return func() bool { return calls.Add(1)%n == 0 }
}

// oneByOne applies a transaction's operations one after the other, each under its own condition.
func oneByOne(b *broken) {
	b.transact = func(ctx context.Context, ops []table.Op) error {
		for i, op := range ops {
			err := b.Table.Transact(ctx, op)
			if failed := (*table.Conflict)(nil); errors.As(err, &failed) {
				failed.Op = i
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// checkedFirst looks whether all conditions hold, and applies the operations one after the other only then.
func checkedFirst(b *broken) {
	oneByOne(b)
	apply := b.transact
	b.transact = func(ctx context.Context, ops []table.Op) error {
		for i, op := range ops {
			item, ok, err := b.Table.Get(ctx, op.Key)
			if err != nil {
				return err
			}
			n, has := item.Ints[op.Attr]
			why := op.Cond.Unmet(ok, item.Version)
			if op.Kind == table.OpAdd {
				why = table.UnmetAdd(ok, op.Attr, n, has, op.Delta, op.Floor)
			}
			if why != "" {
				return &table.Conflict{Op: i, Key: op.Key, Why: why}
			}
		}
		runtime.Gosched()
		return apply(ctx, ops)
	}
}

// stale answers now and then with what it read before.
func stale(b *broken) {
	var mu sync.Mutex
	type reading struct {
		item table.Item
		ok   bool
	}
	before, now := map[table.Key]reading{}, sometimes(5)
	b.get = func(ctx context.Context, key table.Key) (table.Item, bool, error) {
		item, ok, err := b.Table.Get(ctx, key)
		mu.Lock()
		defer mu.Unlock()
		if old, known := before[key]; known && now() {
			return old.item, old.ok, nil
		}
		if err == nil {
			before[key] = reading{item, ok}
		}
		return item, ok, err
	}
}

// busyThoughWritten says that nothing was written when it was.
func busyThoughWritten(b *broken) {
	now := sometimes(20)
	b.transact = func(ctx context.Context, ops []table.Op) error {
		err := b.Table.Transact(ctx, ops...)
		if err == nil && now() {
			return table.ErrTryAgain
		}
		return err
	}
}

// loses acknowledges what it does not write.
func loses(b *broken) {
	now := sometimes(20)
	b.transact = func(ctx context.Context, ops []table.Op) error {
		if now() {
			return nil
		}
		return b.Table.Transact(ctx, ops...)
	}
}

// appliesTwice sends a transaction again after it was applied, as a retry without a token does.
func appliesTwice(b *broken) {
	now := sometimes(10)
	b.transact = func(ctx context.Context, ops []table.Op) error {
		err := b.Table.Transact(ctx, ops...)
		if err == nil && now() {
			_ = b.Table.Transact(ctx, ops...)
		}
		return err
	}
}

// namesTheLast names the last operation of a transaction as the one that conflicts.
func namesTheLast(b *broken) {
	b.transact = func(ctx context.Context, ops []table.Op) error {
		err := b.Table.Transact(ctx, ops...)
		if failed := (*table.Conflict)(nil); errors.As(err, &failed) {
			failed.Op, failed.Key = len(ops)-1, ops[len(ops)-1].Key
		}
		return err
	}
}

// addsByPut adds by a read and a write, between which others may come.
func addsByPut(b *broken) {
	b.transact = func(ctx context.Context, ops []table.Op) error {
		if len(ops) > 1 || ops[0].Kind != table.OpAdd {
			return b.Table.Transact(ctx, ops...)
		}
		op := ops[0]
		item, ok, err := b.Table.Get(ctx, op.Key)
		n, has := item.Ints[op.Attr]
		if err != nil || table.UnmetAdd(ok, op.Attr, n, has, op.Delta, op.Floor) != "" {
			return b.Table.Transact(ctx, ops...)
		}
		runtime.Gosched()
		item.Ints = maps.Clone(item.Ints)
		item.Ints[op.Attr] += op.Delta
		return b.Table.Transact(ctx, table.Put(item, table.None))
	}
}

// queriesSplit reads the items of a page one by one. Option QuerySplits allows it.
func queriesSplit(b *broken) {
	b.query = func(ctx context.Context, q table.Query) (table.Page, error) {
		page, err := b.Table.Query(ctx, q)
		if q.Limit > 0 {
			return page, err
		}
		runtime.Gosched()
		kept := page.Items[:0]
		for _, item := range page.Items {
			again, ok, getErr := b.Table.Get(ctx, item.Key)
			if getErr != nil {
				return table.Page{}, getErr
			}
			if ok {
				kept = append(kept, again)
			}
		}
		page.Items = kept
		return page, err
	}
}

// forgetsTheCursor ends a list with its first page.
func forgetsTheCursor(b *broken) {
	b.query = func(ctx context.Context, q table.Query) (table.Page, error) {
		page, err := b.Table.Query(ctx, q)
		page.Cursor = ""
		return page, err
	}
}

// mixes gives an item of one version with the data of another.
func mixes(b *broken) {
	b.get = func(ctx context.Context, key table.Key) (table.Item, bool, error) {
		item, ok, err := b.Table.Get(ctx, key)
		item.Version++
		return item, ok, err
	}
}

func TestBrokenTablesAreRefuted(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(*broken)
		want   string
	}{
		"one by one":          {oneByOne, "not linearizable"},
		"checked first":       {checkedFirst, "not linearizable"},
		"stale":               {stale, "not linearizable"},
		"busy though written": {busyThoughWritten, "not linearizable"},
		"loses":               {loses, "not linearizable"},
		"applies twice":       {appliesTwice, "not linearizable"},
		"names the last":      {namesTheLast, "not linearizable"},
		"adds by Put":         {addsByPut, "not linearizable"},
		"queries split":       {queriesSplit, "not linearizable"},
		"forgets the cursor":  {forgetsTheCursor, "not linearizable"},
		"mixes":               {mixes, "which no client wrote"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			b := &broken{Table: memory(t)}
			c.breaks(b)
			// Some of them go wrong only where clients meet, which takes some histories.
			met, err := explore(t.Context(), b, Options{Histories: 2000, Seed: 1}.withDefaults())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v after %v, want %q", err, met, c.want)
			}
			if drawn, _ := filepath.Glob(os.Getenv("TMPDIR") + "/tripsaga-linear-*.html"); c.want == "not linearizable" &&
				(len(drawn) != 1 || !strings.Contains(err.Error(), drawn[0])) {
				t.Errorf("drawn %q: %v", drawn, err)
			}
		})
	}
}

func TestHonestTablesPass(t *testing.T) {
	Check(t, memory, Options{})
	t.Run("queries split", func(t *testing.T) {
		split := func(t *testing.T) table.Table {
			b := &broken{Table: memory(t)}
			queriesSplit(b)
			return b
		}
		Check(t, split, Options{QuerySplits: true})
	})
}

// TestNothingChecked refutes a check in which every call is busy.
func TestNothingChecked(t *testing.T) {
	b := &broken{Table: memory(t), transact: func(context.Context, []table.Op) error { return table.ErrTryAgain }}
	if met, err := explore(t.Context(), b, Options{Seed: 1, Histories: 2}.withDefaults()); err == nil {
		t.Errorf("passed with %v", met)
	}
}
