package faulty_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"tripsaga/table"
	"tripsaga/table/embedded"
	"tripsaga/table/faulty"
	"tripsaga/table/tabletest"
)

var (
	errLost = errors.New("lost")
	key     = table.Key{PK: "a", SK: "b"}
	put     = table.Put(table.Item{Key: key, Version: 1}, table.Absent)
)

func memory(t *testing.T) *embedded.Store {
	t.Helper()
	s, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func exists(t *testing.T, s table.Table) bool {
	t.Helper()
	_, ok, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestWithoutFaultsItIsTheTable(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table { return faulty.Wrap(memory(t), nil) })
}

func TestFaults(t *testing.T) {
	var store *embedded.Store
	var seen []bool // whether the item existed when the hook ran
	hook := func() {
		_, ok, _ := store.Get(context.Background(), key)
		seen = append(seen, ok)
	}
	wait := func(err error) faulty.Fault {
		return faulty.Delay(func(context.Context) error { hook(); return err })
	}
	for name, c := range map[string]struct {
		fault   faulty.Fault
		err     error
		written bool
		seen    []bool
	}{
		"none":          {faulty.Fault{}, nil, true, nil},
		"before":        {faulty.Before(errLost), errLost, false, nil},
		"after":         {faulty.After(errLost), errLost, true, nil},
		"crash before":  {faulty.CrashBefore(hook), nil, true, []bool{false}},
		"crash after":   {faulty.CrashAfter(hook), nil, true, []bool{true}},
		"delay":         {wait(nil), nil, true, []bool{false}},
		"delay, failed": {wait(errLost), errLost, false, []bool{false}},
	} {
		t.Run(name, func(t *testing.T) {
			store, seen = memory(t), nil
			f := faulty.Wrap(store, func(faulty.Op) faulty.Fault { return c.fault })
			if err := f.Transact(t.Context(), put); !errors.Is(err, c.err) {
				t.Errorf("Transact: %v, want %v", err, c.err)
			}
			if got := exists(t, store); got != c.written || !reflect.DeepEqual(seen, c.seen) {
				t.Errorf("written %v, hooks saw %v, want %v and %v", got, seen, c.written, c.seen)
			}
		})
	}
}

func TestReadsShowNothingWithAnError(t *testing.T) {
	s := memory(t)
	if err := s.Transact(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	f := faulty.Wrap(s, func(faulty.Op) faulty.Fault { return faulty.After(errLost) })
	if item, ok, err := f.Get(t.Context(), key); ok || err != errLost || item.Version != 0 {
		t.Errorf("Get: %+v, ok %v, error %v", item, ok, err)
	}
	if page, err := f.Query(t.Context(), table.Query{PK: "a"}); err != errLost || page.Items != nil {
		t.Errorf("Query: %+v, error %v", page, err)
	}
	if err := f.Transact(t.Context(), put); err != errLost {
		t.Errorf("a conflict's reply was not lost: %v", err)
	}
}

func TestOpsDescribeTheCalls(t *testing.T) {
	var ops []faulty.Op
	f := faulty.Wrap(memory(t), func(op faulty.Op) faulty.Fault { ops = append(ops, op); return faulty.Fault{} })
	q := table.Query{PK: "a", Limit: 3}
	_ = f.Transact(table.Deferred(t.Context()), put)
	_, _, _ = f.Get(t.Context(), key)
	_, _ = f.Query(t.Context(), q)
	want := []faulty.Op{
		{Kind: faulty.Transact, N: 1, Deferred: true, Ops: []table.Op{put}},
		{Kind: faulty.Get, N: 2, Key: key},
		{Kind: faulty.Query, N: 3, Query: q},
	}
	if !reflect.DeepEqual(ops, want) || f.Calls() != 3 {
		t.Errorf("%d calls: %+v, want %+v", f.Calls(), ops, want)
	}
	if got := faulty.Query.String(); got != "Query" {
		t.Errorf("String: %q", got)
	}
}

func TestSyncPassesThrough(t *testing.T) {
	s := memory(t)
	f := faulty.Wrap(s, func(faulty.Op) faulty.Fault { return faulty.Before(errLost) })
	if err := table.Sync(t.Context(), f); err != nil || f.Unwrap() != table.Table(s) {
		t.Errorf("Sync: %v", err)
	}
	_ = s.Close()
	if err := table.Sync(t.Context(), f); !errors.Is(err, table.ErrClosed) {
		t.Errorf("Sync did not reach the table: %v", err)
	}
}

func TestSeeded(t *testing.T) {
	s := memory(t)
	results := func(seed uint64, rate float64) (failed int, errs []error) {
		f := faulty.Wrap(s, faulty.Seeded(seed, rate))
		for range 300 {
			_, _, err := f.Get(t.Context(), key)
			errs = append(errs, err, f.Transact(t.Context(), table.Delete(key, table.None)))
		}
		for _, err := range errs {
			if err != nil {
				failed++
			}
		}
		return failed, errs
	}
	failed, first := results(7, 0.25)
	if failed < 100 || failed > 200 {
		t.Errorf("%d of 600 calls failed, want about 150", failed)
	}
	if _, again := results(7, 0.25); !reflect.DeepEqual(first, again) {
		t.Error("the same seed decided otherwise")
	}
	if _, other := results(8, 0.25); reflect.DeepEqual(first, other) {
		t.Error("another seed decided the same")
	}
	if none, _ := results(7, 0); none != 0 {
		t.Errorf("rate 0: %d failed", none)
	}
	if all, _ := results(7, 1); all != 600 {
		t.Errorf("rate 1: %d of 600 failed", all)
	}
}

// TestShortPagesAreStillPages also shows that the pages are short.
func TestShortPagesAreStillPages(t *testing.T) {
	tabletest.Suite{
		Open: func(t *testing.T) table.Table { return faulty.Pages(memory(t)) }, QuerySplits: true, ShortPages: true,
	}.Run(t)
	s := faulty.Pages(memory(t))
	for _, sk := range []string{"1", "2"} {
		if err := s.Transact(t.Context(), table.Put(table.Item{Key: table.Key{PK: "a", SK: sk}}, table.None)); err != nil {
			t.Fatal(err)
		}
	}
	var sizes []int
	q := table.Query{PK: "a"}
	for more := true; more; more = q.Cursor != "" {
		page, err := s.Query(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		sizes, q.Cursor = append(sizes, len(page.Items)), page.Cursor
	}
	if !reflect.DeepEqual(sizes, []int{0, 1, 0, 1, 0}) {
		t.Errorf("pages of %v items", sizes)
	}
}

func TestAVolatileTableIsATable(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Table { return faulty.NewVolatile(memory(t)) })
}

// TestACrashTakesBackWhatIsPending makes a deferred write, then what is named, and crashes.
func TestACrashTakesBackWhatIsPending(t *testing.T) {
	later := table.Deferred(t.Context())
	other := table.Put(table.Item{Key: table.Key{PK: "a", SK: "other"}}, table.None)
	for name, c := range map[string]struct {
		then     func(*faulty.Volatile) error
		survives bool
	}{
		"nothing":            {func(*faulty.Volatile) error { return nil }, false},
		"a deferred write":   {func(v *faulty.Volatile) error { return v.Transact(later, other) }, false},
		"a deferred Get":     {func(v *faulty.Volatile) error { _, _, err := v.Get(later, key); return err }, false},
		"a deferred Query":   {func(v *faulty.Volatile) error { _, err := v.Query(later, table.Query{PK: "a"}); return err }, false},
		"an invalid Get":     {func(v *faulty.Volatile) error { v.Get(t.Context(), table.Key{}); return nil }, false},
		"a write":            {func(v *faulty.Volatile) error { return v.Transact(t.Context(), other) }, true},
		"a conflict":         {func(v *faulty.Volatile) error { v.Transact(t.Context(), put); return nil }, false},
		"a Get":              {func(v *faulty.Volatile) error { _, _, err := v.Get(t.Context(), key); return err }, true},
		"a Query":            {func(v *faulty.Volatile) error { _, err := v.Query(t.Context(), table.Query{PK: "x"}); return err }, true},
		"Sync":               {func(v *faulty.Volatile) error { return table.Sync(later, v) }, true},
		"Sync through Pages": {func(v *faulty.Volatile) error { return table.Sync(later, faulty.Pages(v)) }, true},
		"Sync through Wrap":  {func(v *faulty.Volatile) error { return table.Sync(later, faulty.Wrap(v, nil)) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			v, after, lucky := faulty.NewVolatile(memory(t)), memory(t), memory(t)
			if err := errors.Join(v.Transact(later, put), c.then(v), v.Crash(after, 0), v.Crash(lucky, 1)); err != nil {
				t.Fatal(err)
			}
			if got := exists(t, after); got != c.survives || got != (v.Pending() == 0) || !exists(t, lucky) {
				t.Errorf("survived: %v, want %v; %d pending", got, c.survives, v.Pending())
			}
		})
	}
}

func TestAtIsTheNthCall(t *testing.T) {
	f := faulty.Wrap(memory(t), faulty.At(2, faulty.Before(errLost)))
	for n := range 3 {
		if _, _, err := f.Get(t.Context(), key); (err == errLost) != (n == 1) {
			t.Errorf("call %d: %v", n+1, err)
		}
	}
}
