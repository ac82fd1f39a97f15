package tabletest

import (
	"fmt"
	"slices"
	"strings"

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

// gives wants these sort keys, in pages of every size and, turned round, in descending order.
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
