package few_test

import (
	"maps"
	"math/rand/v2"
	"testing"

	"tripsaga/shared/few"
)

func TestMapIsAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var got few.Map[int]
		want := map[int64]int{}
		for range 200 {
			id, v := 1+random.Int64N(6), random.Int()
			if random.IntN(2) == 0 {
				got.Set(id, v)
				want[id] = v
			} else {
				got.Delete(id)
				delete(want, id)
			}
			if all := maps.Collect(got.All()); !maps.Equal(all, want) {
				t.Fatalf("%v, want %v", all, want)
			}
			for id := range int64(7) {
				if got.Get(id) != want[id] {
					t.Fatalf("id %d: %d, want %d", id, got.Get(id), want[id])
				}
			}
		}
	}
}

func TestDeleteWhileRanging(t *testing.T) {
	var m few.Map[string]
	for id := range int64(5) {
		m.Set(id+1, "x")
	}
	for id := range m.All() {
		m.Delete(id)
	}
	if left := maps.Collect(m.All()); len(left) > 0 {
		t.Error(left)
	}
}

func TestTwoNeedNoAllocation(t *testing.T) {
	var m few.Map[*int]
	v := new(int)
	n := testing.AllocsPerRun(100, func() {
		m.Set(1, v)
		m.Set(2, v)
		m.Delete(1)
		m.Set(3, v)
		m.Delete(2)
		m.Delete(3)
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}
