package tabletest

import (
	"fmt"
	"strings"

	"tripsaga/table"
)

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
