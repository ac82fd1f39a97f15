package tabletest

import (
	"bytes"
	"context"
	"errors"
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
