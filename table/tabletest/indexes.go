package tabletest

import (
	"fmt"
	"slices"
	"time"

	"tripsaga/table"
)

var indexes = []testCase{
	{"index/follows the items", indexFollowsItems},
	{"index/shows whole items", indexShowsItems},
	{"index/prefixes, ranges and orders", indexRanges},
	{"index/equal sort keys", indexEqualKeys},
	{"index/keys are bytes", indexKeysAreBytes},
}

// lagAllowed is how long an index that lags may take.
const lagAllowed = 10 * time.Second

// indexGives wants these items, in this order, also by pages of every size and in descending order.
func (f *fixture) indexGives(q table.Query, want ...table.Key) {
	f.Helper()
	q.Index = true
	for _, limit := range []int{0, 1, 2, 3, 7} {
		q.Limit = limit
		f.settles(q, want)
	}
	if !q.Descending {
		q.Descending = true
		slices.Reverse(want)
		f.indexGives(q, want...)
	}
}

// settles asks once, or until the index has caught up.
func (f *fixture) settles(q table.Query, want []table.Key) {
	f.Helper()
	for start := time.Now(); ; {
		var got []table.Key
		for _, it := range f.all(q) {
			got = append(got, it.Key)
		}
		if slices.Equal(got, want) {
			return
		}
		if !f.suite.IndexLags || time.Since(start) > lagAllowed {
			f.Fatalf("Query %+v: %q, want %q", q, got, want)
		}
	}
}

func (f *fixture) indexed(pk string, want ...table.Key) {
	f.Helper()
	f.indexGives(table.Query{PK: pk}, want...)
}

func indexFollowsItems(f *fixture) {
	at := func(index table.Key) table.Op {
		return table.Put(table.Item{Key: key("a", "b"), Index: index, Ints: map[string]int64{"n": 1}}, table.None)
	}
	f.write(at(key("day 1", "x")))
	f.indexed("day 1", key("a", "b"))
	f.write(at(key("day 1", "y")))
	f.indexGives(table.Query{PK: "day 1", Prefix: "x"})
	f.indexGives(table.Query{PK: "day 1", Prefix: "y"}, key("a", "b"))
	f.write(at(key("day 2", "y")))
	f.indexed("day 1")
	f.indexed("day 2", key("a", "b"))
	f.write(table.Add(key("a", "b"), "n", 1, 0))
	f.indexed("day 2", key("a", "b"))
	f.write(at(table.Key{}))
	f.indexed("day 2")
	f.write(at(key("day 3", "z")))
	f.write(table.Delete(key("a", "b"), table.None))
	f.indexed("day 3")
}

func indexShowsItems(f *fixture) {
	it := full("a", "b")
	f.write(table.Put(it, table.None))
	f.indexed("day", it.Key)
	it.Data, it.Version = []byte(`{"new":true}`), 4
	f.write(table.Put(it, table.None))
	f.write(table.Add(it.Key, "seats", -1, 0))
	it.Ints["seats"]--
	shown := func() bool {
		got := f.all(table.Query{PK: "day", Index: true})
		return len(got) == 1 && same(got[0], it)
	}
	for start := time.Now(); !shown(); {
		if !f.suite.IndexLags || time.Since(start) > lagAllowed {
			f.Fatalf("the index does not show %+v", it)
		}
	}
}

func indexRanges(f *fixture) {
	f.fill("a", "10", "11", "2", "20", "3")
	k := func(sks ...string) (keys []table.Key) {
		for _, sk := range sks {
			keys = append(keys, key("a", sk))
		}
		return keys
	}
	f.indexGives(table.Query{PK: "day"}, k("10", "11", "2", "20", "3")...)
	f.indexGives(table.Query{PK: "day", Prefix: "2"}, k("2", "20")...)
	f.indexGives(table.Query{PK: "day", From: "11", To: "20"}, k("11", "2")...)
	f.indexGives(table.Query{PK: "day", From: "2"}, k("2", "20", "3")...)
	f.indexGives(table.Query{PK: "day", To: "2"}, k("10", "11")...)
	f.indexGives(table.Query{PK: "day", From: "3", To: "1"})
	f.indexGives(table.Query{PK: "da"})
}

// indexEqualKeys wants ties in the order of the primary key, whatever the order of writing.
func indexEqualKeys(f *fixture) {
	var want []table.Key
	for _, pk := range []string{"a", "b", "b\x00", "c"} {
		for i := range 3 {
			want = append(want, key(pk, fmt.Sprint(i)))
		}
	}
	for _, i := range []int{5, 0, 11, 3, 8, 1, 10, 2, 9, 4, 7, 6} {
		f.write(table.Put(table.Item{Key: want[i], Index: key("day", "noon")}, table.None))
	}
	f.write(table.Put(table.Item{Key: key("z", "z"), Index: key("day", "morning")}, table.None),
		table.Put(table.Item{Key: key("0", "0"), Index: key("day", "night")}, table.None))
	f.indexGives(table.Query{PK: "day", Prefix: "noon"}, slices.Clone(want)...)
	f.indexGives(table.Query{PK: "day"}, append([]table.Key{key("z", "z"), key("0", "0")}, want...)...)
}

func indexKeysAreBytes(f *fixture) {
	var want []table.Key
	for i, isk := range oddStrings {
		k := key("item", fmt.Sprintf("%02d", len(oddStrings)-i))
		f.write(table.Put(table.Item{Key: k, Index: key("a\x00", isk)}, table.None))
		f.write(table.Put(table.Item{Key: key("other", k.SK), Index: key("a", isk)}, table.None))
		want = append(want, k)
	}
	f.indexed("a\x00", slices.Clone(want)...)
	for i, from := range oddStrings {
		f.indexGives(table.Query{PK: "a\x00", From: from}, slices.Clone(want[i:])...)
		f.indexGives(table.Query{PK: "a\x00", To: from}, slices.Clone(want[:i])...)
	}
}
