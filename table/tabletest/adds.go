package tabletest

import (
	"fmt"
	"math"

	"tripsaga/table"
)

var adds = []testCase{
	{"add/floors and overflows", addFloors},
	{"add/needs item and attribute", addNeedsAttribute},
	{"add/changes one attribute only", addChangesOne},
	{"add/several in one transaction", addSeveral},
}

var addTable = []struct {
	start, delta, floor int64
	ok                  bool
}{
	{5, 3, 0, true},
	{5, 0, 5, true},
	{5, 0, 6, false},
	{5, -3, 0, true},
	{5, -5, 0, true}, // exactly the floor
	{5, -6, 0, false},
	{5, -6, -1, true},
	{0, -1, 0, false},
	{-7, 3, 0, false}, // rises, and stays below
	{-7, 3, -4, true},
	{-7, 7, 0, true},
	{1, math.MaxInt64, 0, false}, // overflows
	{0, math.MaxInt64, 0, true},
	{math.MaxInt64, 1, 0, false},
	{math.MaxInt64, 0, 0, true},
	{math.MaxInt64 - 1, 1, 0, true},
	{math.MinInt64, -1, math.MinInt64, false},
	{math.MinInt64 + 1, -1, math.MinInt64, true},
	{math.MaxInt64, -math.MaxInt64, 0, true},
	{1 << 60, -1, 1<<60 - 1, true}, // more digits than a float64 holds
	{1 << 60, -2, 1<<60 - 1, false},
}

func addFloors(f *fixture) {
	for i, c := range addTable {
		it := table.Item{Key: key("a", fmt.Sprint(i)), Ints: map[string]int64{"n": c.start}}
		f.write(table.Put(it, table.None))
		op := table.Add(it.Key, "n", c.delta, c.floor)
		if !c.ok {
			f.conflicts(0, op)
			f.holds(it)
			continue
		}
		if err := f.transact(op); err != nil {
			f.Fatalf("%+v: %v", c, err)
		}
		it.Ints["n"] += c.delta
		f.holds(it)
	}
}

func addNeedsAttribute(f *fixture) {
	f.conflicts(0, table.Add(key("a", "missing"), "seats", 1, 0))
	f.lacks(key("a", "missing"))
	f.write(table.Put(full("a", "b"), table.None), table.Put(table.Item{Key: key("a", "bare")}, table.None))
	for _, attr := range []string{"seat", "seatss", "Seats", "Version", "Data"} {
		f.conflicts(0, table.Add(key("a", "b"), attr, 1, 0))
	}
	f.conflicts(0, table.Add(key("a", "bare"), "seats", 1, 0))
	f.holds(full("a", "b"))
}

func addChangesOne(f *fixture) {
	it := full("a", "b")
	f.write(table.Put(it, table.None))
	f.write(table.Add(it.Key, "held", -1, -5))
	f.write(table.Add(it.Key, "seats", 1_000_000, 0))
	it.Ints["held"], it.Ints["seats"] = -5, 1_000_012
	f.holds(it)
	f.indexed("day", it.Key)
	f.write(table.Check(it.Key, table.Version(3)))
}

func addSeveral(f *fixture) {
	f.write(table.Put(full("night", "1"), table.None), table.Put(full("night", "2"), table.None))
	take := []table.Op{table.Add(key("night", "1"), "seats", -6, 0), table.Add(key("night", "2"), "seats", -6, 0)}
	f.write(take...)
	f.write(take...)
	f.conflicts(0, take...)
	f.write(table.Add(key("night", "1"), "seats", 6, 0))
	f.conflicts(1, take...)
	if a, b := f.read(key("night", "1")).Ints["seats"], f.read(key("night", "2")).Ints["seats"]; a != 6 || b != 0 {
		f.Fatalf("%d and %d are left, want 6 and 0", a, b)
	}
}
