package tabletest

import (
	"fmt"

	"tripsaga/table"
)

var conditions = []testCase{
	{"condition/each on each operation", eachOnEach},
	{"condition/the first that fails is named", firstIsNamed},
	{"condition/a conflict writes nothing", conflictWritesNothing},
	{"condition/a failed one leaves the table usable", failedLeavesUsable},
}

var conditionTable = []struct {
	cond            table.Cond
	absent, version bool // whether it holds for no item, and for one of version 3
}{
	{table.None, true, true},
	{table.Absent, true, false},
	{table.Present, false, true},
	{table.Version(3), false, true},
	{table.Version(4), false, false},
	{table.Version(0), false, false},
}

var conditioned = []struct {
	name  string
	op    func(it table.Item, cond table.Cond) table.Op
	after func(f *fixture, before, put table.Item, existed bool)
}{
	{"Put", table.Put, func(f *fixture, _, put table.Item, _ bool) { f.holds(put) }},
	{
		"Delete",
		func(it table.Item, cond table.Cond) table.Op { return table.Delete(it.Key, cond) },
		func(f *fixture, before, _ table.Item, _ bool) { f.lacks(before.Key) },
	},
	{
		"Check",
		func(it table.Item, cond table.Cond) table.Op { return table.Check(it.Key, cond) },
		func(f *fixture, before, _ table.Item, existed bool) { f.stands(before, existed) },
	},
}

func (f *fixture) stands(it table.Item, exists bool) {
	f.Helper()
	if exists {
		f.holds(it)
		return
	}
	f.lacks(it.Key)
}

func eachOnEach(f *fixture) {
	for i, c := range conditionTable {
		for _, kind := range conditioned {
			for _, exists := range []bool{false, true} {
				if kind.name == "Check" && c.cond == table.None {
					continue
				}
				before := full(fmt.Sprintf("%s %d %v", kind.name, i, exists), "x")
				put := table.Item{Key: before.Key, Version: 9}
				if exists {
					f.write(table.Put(before, table.None))
				}
				if met := exists && c.version || !exists && c.absent; met {
					f.write(kind.op(put, c.cond))
					kind.after(f, before, put, exists)
					continue
				}
				f.conflicts(0, kind.op(put, c.cond))
				f.stands(before, exists)
			}
		}
	}
}

func firstIsNamed(f *fixture) {
	fine := func(sk string) table.Op { return table.Put(full("fine", sk), table.Absent) }
	bad := []table.Op{
		table.Put(full("bad", "a"), table.Present),
		table.Delete(key("bad", "b"), table.Present),
		table.Check(key("bad", "c"), table.Version(1)),
		table.Add(key("bad", "d"), "seats", 1, 0),
	}
	for i := range bad {
		f.conflicts(0, bad[i], fine("1"), bad[(i+1)%4])
		f.conflicts(1, fine("1"), bad[i], bad[(i+1)%4], fine("2"))
		f.conflicts(3, fine("1"), fine("2"), fine("3"), bad[i])
	}
	if got := f.all(table.Query{PK: "fine"}); len(got) != 0 {
		f.Fatalf("conflicts wrote %d items", len(got))
	}
}

func conflictWritesNothing(f *fixture) {
	f.write(table.Put(full("a", "1"), table.None), table.Put(full("a", "2"), table.None))
	f.conflicts(3,
		table.Put(table.Item{Key: key("a", "1"), Index: key("moved", "1")}, table.None),
		table.Delete(key("a", "2"), table.None),
		table.Put(full("a", "3"), table.None),
		table.Check(key("a", "4"), table.Present),
	)
	f.conflicts(1, table.Add(key("a", "1"), "seats", 1, 0), table.Add(key("a", "2"), "seats", -13, 0))
	f.holds(full("a", "1"))
	f.holds(full("a", "2"))
	f.lacks(key("a", "3"))
	f.indexed("moved")
	f.indexed("day", key("a", "1"), key("a", "2"))
}

func failedLeavesUsable(f *fixture) {
	for range 10 {
		f.conflicts(0, table.Check(key("a", "b"), table.Present))
	}
	f.write(table.Put(full("a", "b"), table.Absent))
	f.holds(full("a", "b"))
}
