package embedded_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// TestReadsAcrossGenerations writes, deletes and reads a few items until what the store remembers of them has been forgotten
// several times over. Every read, and every condition, finds the last write.
func TestReadsAcrossGenerations(t *testing.T) {
	s := open(t, "", embedded.Options{})
	random := rand.New(rand.NewPCG(1, 2))
	last := map[table.Key]int64{}    // 0 is a deleted item
	filler := item("FILLER", "a", 1) // fills the generations; nothing reads it, which would take long under the race detector
	filler.Data = []byte(fmt.Sprintf("%q", strings.Repeat("x", 60<<10)))
	for n := int64(1); n < 1500; n++ {
		pk := []string{"KIND#%03d", "OTHER#%03d#x", "%03d"}[random.IntN(3)]
		it := item(fmt.Sprintf(pk, random.IntN(60)), fmt.Sprint(random.IntN(2)), n)
		cond := table.Absent
		if last[it.Key] > 0 {
			cond = table.Version(last[it.Key])
		}
		op, version := table.Put(it, cond), n
		if last[it.Key] > 0 && random.IntN(3) == 0 {
			op, version = table.Delete(it.Key, cond), 0
		}
		if err := s.Transact(table.Deferred(t.Context()), op, table.Put(filler, table.None)); err != nil {
			t.Fatal(err)
		}
		last[it.Key] = version
		for k, want := range last {
			if random.IntN(10) > 0 {
				continue
			}
			if found, ok, err := s.Get(table.Deferred(t.Context()), k); err != nil || ok != (want > 0) || found.Version != want {
				t.Fatalf("%s: version %d, %v, %v, want %d", k, found.Version, ok, err, want)
			}
		}
	}
}

// TestGetIsNotBehindQuery reads an item in both ways while it is written. Neither shows an older version than the other did.
func TestGetIsNotBehindQuery(t *testing.T) {
	s := open(t, "", embedded.Options{})
	later := table.Deferred(t.Context())
	const last = 3000
	var clients sync.WaitGroup
	clients.Go(func() {
		for n := int64(1); n <= last; n++ {
			if err := s.Transact(later, table.Put(item("p", "a", n), table.None), table.Put(item("p", "b", n), table.None)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 2 {
		clients.Go(func() {
			for seen := int64(0); seen < last && !t.Failed(); {
				page, err := s.Query(later, table.Query{PK: "p"})
				for _, it := range page.Items {
					if it.Version < seen {
						t.Errorf("Query: version %d after %d", it.Version, seen)
					}
					seen = max(seen, it.Version)
				}
				for _, sk := range []string{"b", "a"} {
					it, _, getErr := s.Get(later, table.Key{PK: "p", SK: sk})
					if err != nil || getErr != nil || it.Version < seen {
						t.Errorf("Get %s: version %d after %d, %v, %v", sk, it.Version, seen, err, getErr)
					}
					seen = max(seen, it.Version)
				}
			}
		})
	}
	clients.Wait()
}
