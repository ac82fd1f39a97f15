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
	f.indexGivesBy(everySize, q, want...)
}

func (f *fixture) indexGivesBy(sizes []int, q table.Query, want ...table.Key) {
	f.Helper()
	q.Index = true
	for _, q.Descending = range []bool{false, true} {
		for _, q.Limit = range sizes {
			f.settles(q, want)
		}
		want = reversed(want)
	}
}

// settles asks once, or until the index has caught up.
func (f *fixture) settles(q table.Query, want []table.Key) {
	f.Helper()
	f.until(q, func(got []table.Key) bool { return slices.Equal(got, want) }, want)
}

// until gives the keys that the query finds once they are fine. wanted is for the message.
func (f *fixture) until(q table.Query, fine func(got []table.Key) bool, wanted []table.Key) (got []table.Key) {
	f.Helper()
	for start := time.Now(); ; {
		got = got[:0]
		for _, it := range f.all(q) {
			got = append(got, it.Key)
		}
		if fine(got) {
			return got
		}
		if !f.suite.IndexLags || time.Since(start) > lagAllowed {
			f.Fatalf("Query %+v: %q, want %q", q, got, wanted)
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

// indexEqualKeys wants ties in one order, whatever it is, by pages of every size.
func indexEqualKeys(f *fixture) {
	var noon []table.Key
	for _, pk := range []string{"a", "b", "b\x00", "c"} {
		for i := range 3 {
			noon = append(noon, key(pk, fmt.Sprint(i)))
		}
	}
	for _, i := range []int{5, 0, 11, 3, 8, 1, 10, 2, 9, 4, 7, 6} {
		f.write(table.Put(table.Item{Key: noon[i], Index: key("day", "noon")}, table.None))
	}
	morning, night := key("z", "z"), key("0", "0")
	f.write(table.Put(table.Item{Key: morning, Index: key("day", "morning")}, table.None),
		table.Put(table.Item{Key: night, Index: key("day", "night")}, table.None))
	for _, q := range []table.Query{{PK: "day", Prefix: "noon"}, {PK: "day", Prefix: "noon", Descending: true}} {
		q.Index = true
		f.paged(q, f.until(q, func(got []table.Key) bool { return slices.Equal(sorted(got), noon) }, noon))
		q.Prefix = ""
		all := slices.Concat([]table.Key{morning, night}, noon)
		f.paged(q, f.until(q, func(got []table.Key) bool {
			if q.Descending {
				got = reversed(got)
			}
			return len(got) == len(all) && got[0] == morning && got[1] == night && slices.Equal(sorted(got[2:]), noon)
		}, all))
	}
}

func sorted(keys []table.Key) []table.Key { return slices.SortedFunc(slices.Values(keys), compareKeys) }

// paged wants the same order of pages of every size.
func (f *fixture) paged(q table.Query, want []table.Key) {
	f.Helper()
	for q.Limit = range 8 {
		f.settles(q, want)
	}
}

func indexKeysAreBytes(f *fixture) {
	var want []table.Key
	for i, isk := range oddStrings {
		k := key("item", fmt.Sprintf("%02d", len(oddStrings)-i))
		f.write(table.Put(table.Item{Key: k, Index: key("a\x00", isk)}, table.None))
		f.write(table.Put(table.Item{Key: key("other", k.SK), Index: key("a", isk)}, table.None))
		want = append(want, k)
	}
	f.indexed("a\x00", want...)
	for i, from := range oddStrings {
		f.indexGivesBy(someSizes, table.Query{PK: "a\x00", From: from}, want[i:]...)
		f.indexGivesBy(someSizes, table.Query{PK: "a\x00", To: from}, want[:i]...)
	}
}
