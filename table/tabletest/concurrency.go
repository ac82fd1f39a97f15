package tabletest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"tripsaga/table"
)

var concurrency = []testCase{
	{"concurrent/adds never oversell", addsNeverOversell},
	{"concurrent/no add is lost", noAddIsLost},
	{"concurrent/versions with retry", versionsWithRetry},
	{"concurrent/one Absent wins", oneAbsentWins},
	{"concurrent/no half transaction by Get", noHalfByGet},
	{"concurrent/no half transaction by Query", noHalfByQuery},
}

const (
	workers = 8
	rounds  = 25
)

// together runs f concurrently in each worker. A worker reports by Errorf: only the test's goroutine may call Fatalf.
func together(f func(worker int)) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { f(w) })
	}
	wg.Wait()
}

func addsNeverOversell(f *fixture) {
	const stock = workers*rounds - 70
	k := key("flight", "seats")
	f.write(table.Put(table.Item{Key: k, Ints: map[string]int64{"seats": stock}}, table.None))
	var sold atomic.Int64
	together(func(w int) {
		for i := range rounds {
			ticket := table.Item{Key: key("ticket", fmt.Sprint(w, "-", i))}
			err := f.transact(table.Put(ticket, table.Absent), table.Add(k, "seats", -1, 0))
			if err == nil {
				sold.Add(1)
			} else if !table.IsConflict(err) {
				f.Errorf("Transact: %v", err)
			}
		}
	})
	tickets := len(f.all(table.Query{PK: "ticket"}))
	if left := f.read(k).Ints["seats"]; left != 0 || sold.Load() != stock || tickets != stock {
		f.Fatalf("of %d, %d are left, %d were sold and %d tickets written", stock, left, sold.Load(), tickets)
	}
}

func noAddIsLost(f *fixture) {
	k := key("a", "b")
	f.write(table.Put(table.Item{Key: k, Ints: map[string]int64{"n": 0}}, table.None))
	together(func(w int) {
		for range rounds {
			if err := f.transact(table.Add(k, "n", int64(w+1), 0)); err != nil {
				f.Errorf("Transact: %v", err)
			}
		}
	})
	if n := f.read(k).Ints["n"]; n != rounds*workers*(workers+1)/2 {
		f.Fatalf("the sum is %d, want %d", n, rounds*workers*(workers+1)/2)
	}
}

func versionsWithRetry(f *fixture) {
	k := key("a", "b")
	f.write(table.Put(table.Item{Key: k}, table.None))
	increment := func() error {
		for {
			it, _, err := f.Get(f.ctx, k)
			if err != nil {
				return err
			}
			it.Version++
			if err := f.transact(table.Put(it, table.Version(it.Version-1))); !table.IsConflict(err) {
				return err
			}
		}
	}
	together(func(int) {
		for range rounds {
			if err := increment(); err != nil {
				f.Errorf("increment: %v", err)
			}
		}
	})
	if v := f.read(k).Version; v != workers*rounds {
		f.Fatalf("the version is %d, want %d", v, workers*rounds)
	}
}

func oneAbsentWins(f *fixture) {
	for i := range rounds {
		var won atomic.Int64
		it := table.Item{Key: key("a", fmt.Sprint(i))}
		together(func(int) {
			err := f.transact(table.Put(it, table.Absent))
			if err == nil {
				won.Add(1)
			} else if !table.IsConflict(err) {
				f.Errorf("Transact: %v", err)
			}
		})
		if won.Load() != 1 {
			f.Fatalf("%d callers created the item", won.Load())
		}
	}
}

// whileWriting moves three items forward in step, while read runs in the other workers.
func (f *fixture) whileWriting(read func() error) {
	put := func(n int64) (ops []table.Op) {
		for _, sk := range []string{"1", "2", "3"} {
			ops = append(ops, table.Put(table.Item{Key: key("a", sk), Version: n, Index: key("day", sk)}, table.None))
		}
		return ops
	}
	f.write(put(0)...)
	var done atomic.Bool
	together(func(w int) {
		if w == 0 {
			defer done.Store(true)
			for n := range int64(2 * rounds) {
				if err := f.transact(put(n)...); err != nil {
					f.Errorf("Transact: %v", err)
				}
			}
			return
		}
		for !done.Load() {
			if err := read(); err != nil {
				f.Error(err)
				return
			}
		}
	})
}

// noHalfByGet reads the last item first: the other items must be at least as new.
func noHalfByGet(f *fixture) {
	f.whileWriting(func() error {
		at := int64(0)
		for _, sk := range []string{"3", "2", "1"} {
			it, ok, err := f.Get(f.ctx, key("a", sk))
			if err != nil || !ok {
				return fmt.Errorf("get: ok %v, error %w", ok, err)
			}
			if it.Version < at {
				return fmt.Errorf("item %s is at %d, though another was at %d before", sk, it.Version, at)
			}
			at = it.Version
		}
		return nil
	})
}

func noHalfByQuery(f *fixture) {
	if f.suite.QuerySplits {
		f.Skip("a query of this table may show part of a transaction")
	}
	f.whileWriting(func() error {
		for _, q := range []table.Query{{PK: "a"}, {PK: "day", Index: !f.suite.IndexLags}} {
			page, err := f.Query(f.ctx, q)
			if err != nil {
				return err
			}
			for _, it := range page.Items {
				if len(page.Items) != 3 || it.Version != page.Items[0].Version {
					return fmt.Errorf("half a transaction: %+v", page.Items)
				}
			}
		}
		return nil
	})
}
