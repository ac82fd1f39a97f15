package embedded_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// booking is the load of one trip: 11 transactions of 25 items of 150 to 600 bytes; 4 wait for durability, or all.
type booking struct {
	store *embedded.Store
	id    string
	data  []byte
}

const (
	flights = 200
	nights  = 400
)

func inventory(b *testing.B, s *embedded.Store) {
	for n, pk := range map[int]string{flights: "FLIGHT#%d", nights: "HOTEL#%d"} {
		for i := range n {
			it := table.Item{Key: table.Key{PK: fmt.Sprintf(pk, i), SK: "INVENTORY"}, Ints: map[string]int64{"left": 1 << 40}}
			it.Data = make([]byte, 200)
			if err := s.Transact(table.Deferred(b.Context()), table.Put(it, table.None)); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func (k *booking) put(sk string, version int64, size int, cond table.Cond) table.Op {
	it := table.Item{Key: table.Key{PK: "TRIP#" + k.id, SK: sk}, Version: version, Data: k.data[:size]}
	if sk == "TRIP" {
		it.Index = table.Key{PK: "TRIPS#2026-01-01#" + k.id[len(k.id)-1:], SK: k.id}
	}
	return table.Put(it, cond)
}

func (k *booking) journal(version, event int64) []table.Op {
	pk := "EXEC#" + k.id
	state := table.Item{Key: table.Key{PK: pk, SK: "STATE"}, Version: version, Data: k.data[:500]}
	history := table.Item{Key: table.Key{PK: pk, SK: fmt.Sprintf("EVENT#%06d", event)}, Data: k.data[:350]}
	cond := table.Version(version - 1)
	if version == 1 {
		cond = table.Absent
	}
	return []table.Op{table.Put(state, cond), table.Put(history, table.Absent)}
}

func take(pk string, n int) table.Op {
	return table.Add(table.Key{PK: fmt.Sprintf(pk, n), SK: "INVENTORY"}, "left", -1, 0)
}

// run makes the booking with two contexts: for what must be durable, and for what need not.
func (k *booking) run(ctx, later context.Context) error {
	night := rand.IntN(nights - 1)
	for _, step := range []struct {
		ctx context.Context
		ops []table.Op
	}{
		{ctx, []table.Op{k.put("TRIP", 1, 600, table.Absent), k.put("OUTBOX#1", 1, 400, table.None)}},
		{ctx, k.journal(1, 1)},
		{later, []table.Op{k.put("FLIGHT", 1, 350, table.Absent), take("FLIGHT#%d", rand.IntN(flights))}},
		{later, k.journal(2, 2)},
		{later, []table.Op{k.put("HOTEL", 1, 350, table.Absent), take("HOTEL#%d", night), take("HOTEL#%d", night+1)}},
		{later, k.journal(3, 3)},
		{ctx, []table.Op{k.put("PAYMENT", 1, 300, table.Absent), k.put("LEDGER#1", 1, 150, table.Absent), k.put("LEDGER#2", 1, 150, table.Absent)}},
		{later, k.journal(4, 4)},
		{later, []table.Op{k.put("TRIP", 2, 600, table.Version(1)), k.put("OUTBOX#2", 1, 400, table.None)}},
		{later, k.journal(5, 5)},
		{ctx, k.journal(6, 6)},
	} {
		if err := k.store.Transact(step.ctx, step.ops...); err != nil {
			return err
		}
	}
	return nil
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTransact makes one booking an operation. In the durable runs every transaction waits, in the deferred runs
// none, in the mixed runs 4 of 11, as in the engine.
func BenchmarkTransact(b *testing.B) {
	for _, mode := range []string{"mixed", "durable", "deferred"} {
		for _, clients := range []int{1, 64, 512} {
			b.Run(fmt.Sprintf("%s/clients=%d", mode, clients), func(b *testing.B) { book(b, mode, clients) })
		}
	}
}

// BenchmarkTransactBesideWork books while other goroutines never rest, as audits and the rendering of pages may for a while.
func BenchmarkTransactBesideWork(b *testing.B) {
	for _, busy := range []int{2, 8} {
		b.Run(fmt.Sprintf("busy=%d", busy), func(b *testing.B) {
			var stop atomic.Bool
			var wg sync.WaitGroup
			for range busy {
				wg.Go(func() {
					for !stop.Load() {
					}
				})
			}
			book(b, "mixed", 64)
			stop.Store(true)
			wg.Wait()
		})
	}
}

func book(b *testing.B, mode string, clients int) {
	s := open(b, b.TempDir(), embedded.Options{StreamPrefix: "OUTBOX#"})
	inventory(b, s)
	now, later := b.Context(), table.Deferred(b.Context())
	switch mode {
	case "durable":
		later = now
	case "deferred":
		now = later
	}
	data := make([]byte, 600)
	for i := range data {
		data[i] = "abcdefghijklmnopqrstuvwxyz0123456789\":,"[rand.IntN(39)]
	}
	before, start, began := s.Metrics(), cpu(), time.Now()
	b.ResetTimer()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				k := booking{store: s, id: fmt.Sprintf("%016x-%016x", n, rand.Uint64()), data: data}
				if err := k.run(now, later); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	after, n := s.Metrics(), float64(b.N)
	b.ReportMetric(n/time.Since(began).Seconds(), "trips/s")
	b.ReportMetric(float64((cpu()-start).Microseconds())/n, "cpu-us/trip")
	b.ReportMetric(float64(after.BytesWritten-before.BytesWritten)/n/1024, "KB/trip")
	b.ReportMetric(float64(after.DurableWaits-before.DurableWaits)/n, "waits/trip")
	b.ReportMetric(float64(after.SyncGroups-before.SyncGroups)/n, "syncs/trip")
}

func BenchmarkGet(b *testing.B) {
	s, keys := filled(b)
	for i := 0; b.Loop(); i++ {
		if _, ok, err := s.Get(b.Context(), keys[i%len(keys)]); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkQuery(b *testing.B) {
	s, keys := filled(b)
	for i := 0; b.Loop(); i++ {
		page, err := s.Query(b.Context(), table.Query{PK: keys[i%len(keys)].PK, Limit: 10})
		if err != nil || len(page.Items) != 10 {
			b.Fatal(len(page.Items), err)
		}
	}
}

func BenchmarkQueryIndex(b *testing.B) {
	s, _ := filled(b)
	for b.Loop() {
		page, err := s.Query(b.Context(), table.Query{PK: "DAY", Index: true, Limit: 10, Descending: true})
		if err != nil || len(page.Items) != 10 {
			b.Fatal(len(page.Items), err)
		}
	}
}

func filled(b *testing.B) (s *embedded.Store, keys []table.Key) {
	s = open(b, "", embedded.Options{})
	for i := range 1000 {
		var ops []table.Op
		for j := range 20 {
			k := table.Key{PK: fmt.Sprintf("TRIP#%04d", i), SK: fmt.Sprintf("EVENT#%04d", j)}
			keys = append(keys, k)
			it := table.Item{Key: k, Version: 1, Index: table.Key{PK: "DAY", SK: k.PK}, Data: make([]byte, 350)}
			ops = append(ops, table.Put(it, table.None))
		}
		if err := s.Transact(table.Deferred(b.Context()), ops...); err != nil {
			b.Fatal(err)
		}
	}
	return s, keys
}

func BenchmarkOpenInMemory(b *testing.B) {
	for b.Loop() {
		s, err := embedded.Open("", embedded.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
