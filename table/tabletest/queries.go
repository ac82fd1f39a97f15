package tabletest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tripsaga/table"
)

var queries = []testCase{
	{"query/prefixes, ranges and orders", prefixesAndRanges},
	{"query/bounds are bytes", boundsAreBytes},
	{"query/one partition only", onePartition},
	{"query/pages", pages},
	{"query/large items end a page early", largeItemsEndPage},
}

// all reads every page.
func (f *fixture) all(q table.Query) (all []table.Item) {
	f.Helper()
	for {
		page, err := f.Query(f.ctx, q)
		if err != nil {
			f.Fatalf("Query %+v: %v", q, err)
		}
		all = append(all, page.Items...)
		if page.Cursor == "" {
			return all
		}
		if len(page.Items) == 0 && !f.suite.ShortPages {
			f.Fatalf("Query %+v: an empty page with a cursor", q)
		}
		q.Cursor = page.Cursor
	}
}

func sortKeys(items []table.Item) (sks []string) {
	for _, it := range items {
		sks = append(sks, it.SK)
	}
	return sks
}

// The sizes of pages: many for a few queries, few for many.
var (
	everySize = []int{0, 1, 2, 3, 7}
	someSizes = []int{0, 5}
)

// gives requires these sort keys, in pages of every size and, reversed, in descending order.
func (f *fixture) gives(q table.Query, want ...string) {
	f.Helper()
	f.givesBy(everySize, q, want...)
}

func (f *fixture) givesBy(sizes []int, q table.Query, want ...string) {
	f.Helper()
	for _, q.Descending = range []bool{false, true} {
		for _, q.Limit = range sizes {
			if got := sortKeys(f.all(q)); !slices.Equal(got, want) {
				f.Fatalf("Query %+v: %q, want %q", q, got, want)
			}
		}
		want = reversed(want)
	}
}

func reversed[T any](s []T) []T {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

func (f *fixture) fill(pk string, sks ...string) {
	f.Helper()
	for chunk := range slices.Chunk(sks, table.MaxOps) {
		var ops []table.Op
		for _, sk := range chunk {
			ops = append(ops, table.Put(full(pk, sk), table.None))
		}
		f.write(ops...)
	}
}

func prefixesAndRanges(f *fixture) {
	f.fill("a", "HOTEL", "OUTBOX#1", "OUTBOX#2", "OUTBOX#3", "OUTBOY", "TRIP", "TRIPS")
	f.gives(table.Query{PK: "a"}, "HOTEL", "OUTBOX#1", "OUTBOX#2", "OUTBOX#3", "OUTBOY", "TRIP", "TRIPS")
	f.gives(table.Query{PK: "a", Prefix: "OUTBOX#"}, "OUTBOX#1", "OUTBOX#2", "OUTBOX#3")
	f.gives(table.Query{PK: "a", Prefix: "TRIP"}, "TRIP", "TRIPS")
	f.gives(table.Query{PK: "a", Prefix: "TRIPS "})
	f.gives(table.Query{PK: "a", From: "OUTBOX#2"}, "OUTBOX#2", "OUTBOX#3", "OUTBOY", "TRIP", "TRIPS")
	f.gives(table.Query{PK: "a", To: "OUTBOX#2"}, "HOTEL", "OUTBOX#1")
	f.gives(table.Query{PK: "a", From: "OUTBOX#1", To: "TRIP"}, "OUTBOX#1", "OUTBOX#2", "OUTBOX#3", "OUTBOY")
	f.gives(table.Query{PK: "a", From: "I", To: "OUTBOX#11"}, "OUTBOX#1")
	f.gives(table.Query{PK: "a", From: "TRIP", To: "TRIP"})
	f.gives(table.Query{PK: "a", From: "TRIP", To: "HOTEL"})
	f.gives(table.Query{PK: "b"})
}

func boundsAreBytes(f *fixture) {
	f.fill("a", oddStrings...)
	for i, from := range oddStrings {
		f.givesBy(someSizes, table.Query{PK: "a", From: from}, oddStrings[i:]...)
		f.givesBy(someSizes, table.Query{PK: "a", To: from}, oddStrings[:i]...)
		var begin []string
		for _, sk := range oddStrings {
			if strings.HasPrefix(sk, from) {
				begin = append(begin, sk)
			}
		}
		f.givesBy(someSizes, table.Query{PK: "a", Prefix: from}, begin...)
	}
}

func onePartition(f *fixture) {
	f.fill("a", "1", "2")
	f.fill("a\x00", "3")
	f.fill("a#", "4")
	f.fill("ab", "5")
	f.gives(table.Query{PK: "a"}, "1", "2")
	f.gives(table.Query{PK: "a", From: "0", To: "9"}, "1", "2")
	f.gives(table.Query{PK: "a\x00"}, "3")
}

func pages(f *fixture) {
	if f.suite.ShortPages {
		f.Skip("the pages of this table are as long as it likes")
	}
	var want []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("%02d", i))
	}
	f.fill("a", want...)
	f.pageSizes(table.Query{PK: "a", Limit: 10}, 10, 10, 5)
	f.pageSizes(table.Query{PK: "a", Limit: 5}, 5, 5, 5, 5, 5) // the last full page has no cursor
	f.pageSizes(table.Query{PK: "a", Limit: 25}, 25)
	f.pageSizes(table.Query{PK: "a", Limit: 20, Descending: true}, 20, 5)
	f.pageSizes(table.Query{PK: "a"}, 25)
	f.pageSizes(table.Query{PK: "a", Prefix: "1", Limit: 9}, 9, 1)
	f.pageSizes(table.Query{PK: "nothing", Limit: 9}, 0)
}

func (f *fixture) pageSizes(q table.Query, want ...int) {
	f.Helper()
	var got []int
	for more := true; more; more = q.Cursor != "" {
		page, err := f.Query(f.ctx, q)
		if err != nil {
			f.Fatalf("Query %+v: %v", q, err)
		}
		got = append(got, len(page.Items))
		q.Cursor = page.Cursor
	}
	if !slices.Equal(got, want) {
		f.Fatalf("Query %+v: pages of %v items, want %v", q, got, want)
	}
}

func largeItemsEndPage(f *fixture) {
	var want []string
	for i := range 8 {
		it := table.Item{Key: key("a", fmt.Sprint(i)), Data: []byte(`"` + strings.Repeat("d", 300<<10) + `"`)}
		f.write(table.Put(it, table.None))
		want = append(want, it.SK)
	}
	if got := sortKeys(f.all(table.Query{PK: "a"})); !slices.Equal(got, want) {
		f.Fatalf("pages give %q, want %q", got, want)
	}
	page, err := f.Query(f.ctx, table.Query{PK: "a"})
	if most := table.MaxPageData/(300<<10) + 1; err != nil || len(page.Items) > most || page.Cursor == "" {
		f.Fatalf("a page of %d large items, cursor %q, %v; want at most %d and a cursor", len(page.Items), page.Cursor, err, most)
	}
}

var cursors = []testCase{
	{"cursor/forged", forgedCursor},
	{"cursor/of another query", foreignCursor},
	{"cursor/survives changes", cursorSurvivesChanges},
}

// cursor returns the cursor after the first Limit items.
func (f *fixture) cursor(q table.Query) string {
	f.Helper()
	for read := 0; read < q.Limit; {
		page, err := f.Query(f.ctx, q)
		if err != nil || page.Cursor == "" {
			f.Fatalf("Query %+v: cursor %q, error %v", q, page.Cursor, err)
		}
		read += len(page.Items)
		q.Cursor = page.Cursor
	}
	return q.Cursor
}

func forgedCursor(f *fixture) {
	f.fill("a", "1", "2", "3")
	real := f.cursor(table.Query{PK: "a", Limit: 1})
	forged := []string{"x", " ", "====", "AAAA", "AAAAAAAAAAAAAAAAAAAA", real + "A", real + " ", real[1:], real[:len(real)-1]}
	for i := range len(real) {
		b := []byte(real)
		b[i] ^= 1
		forged = append(forged, string(b))
	}
	for _, c := range forged {
		_, err := f.Query(f.ctx, table.Query{PK: "a", Limit: 1, Cursor: c})
		f.invalid(err)
	}
}

func foreignCursor(f *fixture) {
	f.fill("a", "1", "2", "3")
	f.fill("b", "1", "2", "3")
	ours := table.Query{PK: "a", From: "1", To: "4", Limit: 1}
	c := f.cursor(ours)
	for _, q := range []table.Query{
		{PK: "b", From: "1", To: "4"},
		{PK: "a"},
		{PK: "a", From: "1"},
		{PK: "a", From: "0", To: "4"},
		{PK: "a", From: "1", To: "5"},
		{PK: "a", Prefix: "1"},
		{PK: "a", From: "1", To: "4", Descending: true},
		{PK: "a", From: "1", To: "4", Index: true},
	} {
		q.Limit, q.Cursor = 1, c
		_, err := f.Query(f.ctx, q)
		f.invalid(err)
	}
	ours.Limit, ours.Cursor = 2, c
	if got := sortKeys(f.all(ours)); !slices.Equal(got, []string{"2", "3"}) {
		f.Fatalf("with another limit the cursor gives %q", got)
	}
}

func cursorSurvivesChanges(f *fixture) {
	for _, descending := range []bool{false, true} {
		f.fill("a", "1", "3", "5", "7", "9")
		q := table.Query{PK: "a", Limit: 3, Descending: descending}
		q.Cursor = f.cursor(q)
		f.write(table.Delete(key("a", "5"), table.None), table.Put(full("a", "4"), table.None), table.Put(full("a", "6"), table.None))
		want := []string{"6", "7", "9"}
		if descending {
			want = []string{"4", "3", "1"}
		}
		if got := sortKeys(f.all(q)); !slices.Equal(got, want) {
			f.Fatalf("descending %v: %q, want %q", descending, got, want)
		}
		f.write(table.Delete(key("a", "4"), table.None), table.Delete(key("a", "6"), table.None))
	}
}

var indexes = []testCase{
	{"index/follows the items", indexFollowsItems},
	{"index/shows whole items", indexShowsItems},
	{"index/prefixes, ranges and orders", indexRanges},
	{"index/equal sort keys", indexEqualKeys},
	{"index/keys are bytes", indexKeysAreBytes},
}

// lagAllowed is how long the index may lag behind.
const lagAllowed = 10 * time.Second

// indexGives requires these items in this order, in pages of every size, and reversed in descending order.
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

// settles queries once or, if the index lags, until it has caught up.
func (f *fixture) settles(q table.Query, want []table.Key) {
	f.Helper()
	f.until(q, func(got []table.Key) bool { return slices.Equal(got, want) }, want)
}

// until repeats the query until fine accepts its keys, and returns them. wanted is for the message.
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

// indexEqualKeys requires the same order of equal keys, whatever it is, in pages of every size.
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

// paged requires the same order in pages of every size.
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
