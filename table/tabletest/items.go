package tabletest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"tripsaga/table"
)

var items = []testCase{
	{"item/missing", func(f *fixture) { f.lacks(key("a", "b")) }},
	{"item/every field returns", everyFieldReturns},
	{"item/Put replaces everything", putReplacesEverything},
	{"item/versions are the caller's", versionsAreTheCallers},
	{"item/keys are bytes", keysAreBytes},
	{"item/callers keep what they passed", callersKeepWhatTheyPassed},
	{"item/callers own what they got", callersOwnWhatTheyGot},
	{"item/one transaction of many kinds", manyKinds},
	{"item/deferred is visible at once", deferredIsVisible},
	{"item/a cancelled context does nothing", cancelledContext},
}

func everyFieldReturns(f *fixture) {
	it := full("a", "b")
	f.write(table.Put(it, table.None))
	f.holds(it)
	bare := table.Item{Key: key("a", "bare")}
	f.write(table.Put(bare, table.None))
	f.holds(bare)
}

func putReplacesEverything(f *fixture) {
	f.write(table.Put(full("a", "b"), table.None))
	small := table.Item{Key: key("a", "b"), Ints: map[string]int64{"other": 1}}
	f.write(table.Put(small, table.None))
	f.holds(small)
	f.conflicts(0, table.Add(small.Key, "seats", 1, 0))
	f.write(table.Delete(small.Key, table.None))
	f.lacks(small.Key)
	f.write(table.Put(full("a", "b"), table.Absent))
	f.holds(full("a", "b"))
}

func versionsAreTheCallers(f *fixture) {
	for _, v := range []int64{7, 7, 0, -1, 3, math.MaxInt64, math.MinInt64} {
		it := table.Item{Key: key("a", "b"), Version: v}
		f.write(table.Put(it, table.None))
		f.holds(it)
		f.write(table.Check(it.Key, table.Version(v)))
		f.conflicts(0, table.Check(it.Key, table.Version(v^1)))
	}
}

// oddStrings are in the order of their bytes, which is neither that of UTF-16 nor of any language. Some are prefixes of
// others, and none may be taken for another.
var oddStrings = []string{
	"\x00", "\x00\x00", "\x00\x01", "\x00\u00ff", "\x01", "#", "##", "A", "a", "a\x00", "a\x00\x00", "a\x00\x01",
	"a\x00\x01b", "a\x00\u00ff", "a\x01", "a#", "a#b", "ab", "a\u00ff", "a\uffff", "e\u0301", "\u00e9", "\u00ff",
	"\ufffd", "\uffff", "\uffff\x00", "\U00010000", "\U0010ffff", "\U0010ffff\U0010ffff",
}

func keysAreBytes(f *fixture) {
	for _, pk := range oddStrings {
		var puts []table.Op
		for _, sk := range oddStrings {
			puts = append(puts, table.Put(table.Item{Key: key(pk, sk), Data: []byte(pk + "/" + sk)}, table.Absent))
		}
		f.write(puts...)
	}
	for _, pk := range oddStrings {
		got := f.all(table.Query{PK: pk})
		if len(got) != len(oddStrings) {
			f.Fatalf("partition %q has %d items, want %d", pk, len(got), len(oddStrings))
		}
		for i, sk := range oddStrings {
			if got[i].Key != key(pk, sk) || string(got[i].Data) != pk+"/"+sk {
				f.Fatalf("partition %q: item %d is %q with %q, want %q", pk, i, got[i].Key, got[i].Data, sk)
			}
		}
	}
}

func callersKeepWhatTheyPassed(f *fixture) {
	it := full("a", "b")
	ops := []table.Op{table.Put(it, table.None)}
	f.write(ops...)
	clear(it.Data)
	it.Ints["seats"] = 99
	ops[0] = table.Op{}
	f.holds(full("a", "b"))
}

func callersOwnWhatTheyGot(f *fixture) {
	f.write(table.Put(full("a", "b"), table.None), table.Put(full("a", "c"), table.None))
	for _, got := range append(f.all(table.Query{PK: "a"}), f.read(key("a", "b"))) {
		clear(got.Data)
		_ = append(got.Data, bytes.Repeat([]byte{'x'}, 64)...)
		got.Ints["seats"] = 99
	}
	f.holds(full("a", "b"))
	f.holds(full("a", "c"))
}

func manyKinds(f *fixture) {
	f.write(table.Put(full("a", "add"), table.None), table.Put(full("b", "delete"), table.None),
		table.Put(full("c", "check"), table.None))
	f.write(
		table.Put(full("d", "put"), table.Absent),
		table.Delete(key("b", "delete"), table.Version(3)),
		table.Check(key("c", "check"), table.Present),
		table.Add(key("a", "add"), "seats", -2, 0),
	)
	f.holds(full("d", "put"))
	f.lacks(key("b", "delete"))
	f.holds(full("c", "check"))
	added := full("a", "add")
	added.Ints["seats"] = 10
	f.holds(added)
}

func deferredIsVisible(f *fixture) {
	later := table.Deferred(f.ctx)
	for i := range int64(20) {
		it := table.Item{Key: key("a", strings.Repeat("x", int(i)+1)), Version: i}
		if err := f.Transact(later, table.Put(it, table.Absent)); err != nil {
			f.Fatalf("Transact: %v", err)
		}
		if got, ok, err := f.Get(later, it.Key); err != nil || !ok || got.Version != i {
			f.Fatalf("deferred Get: %+v, ok %v, error %v", got, ok, err)
		}
		f.holds(it)
	}
	if err := table.Sync(f.ctx, f.Table); err != nil {
		f.Fatalf("Sync: %v", err)
	}
	f.conflicts(0, table.Check(key("a", "x"), table.Absent))
}

func cancelledContext(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	if err := f.Transact(ctx, table.Put(full("a", "b"), table.None)); !errors.Is(err, context.Canceled) {
		f.Fatalf("Transact: %v", err)
	}
	if _, _, err := f.Get(ctx, key("a", "b")); !errors.Is(err, context.Canceled) {
		f.Fatalf("Get: %v", err)
	}
	if _, err := f.Query(ctx, table.Query{PK: "a"}); !errors.Is(err, context.Canceled) {
		f.Fatalf("Query: %v", err)
	}
	f.lacks(key("a", "b"))
}

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

var limits = []testCase{
	{"limit/operations of a transaction", operationsOfTransaction},
	{"limit/calls beyond a limit", callsBeyondLimit},
	{"limit/the largest item", largestItem},
	{"limit/items of a page", itemsOfPage},
}

func puts(n int) (ops []table.Op) {
	for i := range n {
		ops = append(ops, table.Put(table.Item{Key: key("a", fmt.Sprintf("%03d", i))}, table.None))
	}
	return ops
}

func operationsOfTransaction(f *fixture) {
	f.invalid(f.Transact(f.ctx))
	f.invalid(f.Transact(f.ctx, puts(table.MaxOps+1)...))
	f.lacks(key("a", "000"))
	f.write(puts(table.MaxOps)...)
	if got := len(f.all(table.Query{PK: "a"})); got != table.MaxOps {
		f.Fatalf("%d items, want %d", got, table.MaxOps)
	}
}

// itemsOfPage asks for a page of no size where there is one item more than a page has.
func itemsOfPage(f *fixture) {
	for i := range table.MaxPage/table.MaxOps + 1 {
		var ops []table.Op
		for n := range min(table.MaxOps, table.MaxPage+1-i*table.MaxOps) {
			ops = append(ops, table.Put(table.Item{Key: key("a", fmt.Sprintf("%04d", i*table.MaxOps+n))}, table.None))
		}
		f.write(ops...)
	}
	page, err := f.Query(f.ctx, table.Query{PK: "a"})
	if err != nil || len(page.Items) > table.MaxPage || page.Cursor == "" {
		f.Fatalf("a page of %d items, cursor %q, %v; want at most %d and a cursor", len(page.Items), page.Cursor, err, table.MaxPage)
	}
	if got := len(f.all(table.Query{PK: "a"})); got != table.MaxPage+1 {
		f.Fatalf("%d items, want %d", got, table.MaxPage+1)
	}
}

func callsBeyondLimit(f *fixture) {
	long := strings.Repeat("k", 4096)
	good := table.Put(table.Item{Key: key("a", "good")}, table.None)
	big := table.Item{Key: key("a", "big"), Data: make([]byte, table.MaxItem)}
	for _, op := range []table.Op{
		good, // the second on its key
		table.Delete(good.Key, table.None),
		table.Put(big, table.None),
		table.Put(table.Item{Key: key("", "b")}, table.None),
		table.Put(table.Item{Key: key("a", "")}, table.None),
		table.Put(table.Item{Key: key("a", "b"), Index: key("i", "")}, table.None),
		table.Put(table.Item{Key: key("a", "b"), Index: key("", "i")}, table.None),
		table.Put(table.Item{Key: key("a", "b"), Ints: map[string]int64{"": 1}}, table.None),
		table.Put(table.Item{Key: key("a\xff", "b")}, table.None),
		table.Put(table.Item{Key: key("a", "b"), Index: key("i", "\xc3")}, table.None),
		table.Put(table.Item{Key: key("a", "b"), Ints: map[string]int64{"\xff": 1}}, table.None),
		table.Put(table.Item{Key: key("a", "b"), Ints: map[string]int64{long: 1}}, table.None),
		table.Put(table.Item{Key: key("a", "b"), Data: []byte("\"\xff\"")}, table.None),
		table.Delete(key("a", "\xff"), table.None),
		table.Add(key("a", "b"), "\xff", 1, 0),
		table.Delete(key(long, "b"), table.None),
		table.Check(key("a", long), table.Present),
		table.Check(key("a", "b"), table.None),
		table.Add(key("a", "b"), "", 1, 0),
		{},
	} {
		f.invalid(f.Transact(f.ctx, good, op))
	}
	f.lacks(good.Key)
	for _, k := range []table.Key{{}, key("", "b"), key("a", ""), key(long, "b"), key("a", long), key("\xff", "b"), key("a", "\xff")} {
		_, _, err := f.Get(f.ctx, k)
		f.invalid(err)
	}
	for _, q := range []table.Query{
		{},
		{PK: long},
		{PK: "\xff"},
		{PK: "a", Prefix: "\xff"},
		{PK: "a", From: "\xff"},
		{PK: "a", To: "\xff"},
		{PK: "a", From: long},
		{PK: "a", Limit: -1},
		{PK: "a", Limit: table.MaxPage + 1},
		{PK: "a", Prefix: "x", From: "x"},
		{PK: "a", Prefix: "x", To: "x"},
	} {
		_, err := f.Query(f.ctx, q)
		f.invalid(err)
	}
}

func largestItem(f *fixture) {
	it := table.Item{Key: key(strings.Repeat("p", table.MaxPK), strings.Repeat("s", table.MaxSK))}
	it.Data = []byte(`"` + strings.Repeat("d", table.MaxItem-len(it.PK)-len(it.SK)-64-2) + `"`)
	f.write(table.Put(it, table.Absent))
	f.holds(it)
	if got := f.all(table.Query{PK: it.PK}); len(got) != 1 || !same(got[0], it) {
		f.Fatalf("the query gives %d items", len(got))
	}
	it.Data = append(it.Data, ' ')
	f.invalid(f.Transact(f.ctx, table.Put(it, table.None)))
}
