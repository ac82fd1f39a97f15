package table_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"tripsaga/table"
)

var (
	good = table.Key{PK: "a", SK: "b"}
	long = strings.Repeat("k", table.MaxPK+1)
)

func put(n, size int) table.Op {
	it := table.Item{Key: table.Key{PK: "a", SK: fmt.Sprint(n)}, Data: make([]byte, size)}
	return table.Put(it, table.None)
}

func puts(n, size int) (ops []table.Op) {
	for i := range n {
		ops = append(ops, put(i, size))
	}
	return ops
}

func item(change func(*table.Item)) []table.Op {
	it := table.Item{Key: good}
	change(&it)
	return []table.Op{table.Put(it, table.None)}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		ops  []table.Op
		want string // in the error; "" is none
	}{
		"no operation":           {nil, "0 operations"},
		"100 operations":         {puts(100, 0), ""},
		"101 operations":         {puts(101, 0), "101 operations, allowed are 1 to 100"},
		"4 MB":                   {puts(10, 399<<10), ""},
		"more than 4 MB":         {puts(11, 399<<10), "larger than 4194304 bytes"},
		"two on a key":           {[]table.Op{put(0, 0), put(1, 0), put(0, 0)}, "operation 2 is the second on a / 0"},
		"two on a key of many":   {append(puts(50, 0), table.Delete(good, table.None), put(7, 0)), "operation 51 is the second"},
		"no kind":                {[]table.Op{{Key: good}}, "unknown kind 0"},
		"unknown condition":      {[]table.Op{table.Delete(good, table.Cond{Kind: 9})}, "unknown condition 9"},
		"no partition key":       {[]table.Op{table.Delete(table.Key{SK: "b"}, table.None)}, "partition key has 0 bytes"},
		"long partition key":     {[]table.Op{table.Delete(table.Key{PK: long, SK: "b"}, table.None)}, "has 2049 bytes"},
		"longest keys":           {[]table.Op{table.Delete(table.Key{PK: long[:2048], SK: long[:1024]}, table.None)}, ""},
		"no sort key":            {[]table.Op{table.Delete(table.Key{PK: "a"}, table.None)}, "sort key has 0 bytes"},
		"long sort key":          {[]table.Op{table.Delete(table.Key{PK: "a", SK: long[:1025]}, table.None)}, "has 1025 bytes"},
		"check of nothing":       {[]table.Op{table.Check(good, table.None)}, "Check needs a condition"},
		"another item's put":     {[]table.Op{{Kind: table.OpPut, Key: good}}, "item of another key"},
		"half an index key":      {item(func(it *table.Item) { it.Index.PK = "i" }), "index: the sort key has 0 bytes"},
		"nameless attribute":     {item(func(it *table.Item) { it.Ints = map[string]int64{"": 1} }), "attribute has 0 bytes"},
		"large item":             {item(func(it *table.Item) { it.Data = make([]byte, table.MaxItem) }), "allowed are 409600"},
		"odd partition key":      {[]table.Op{table.Delete(table.Key{PK: "a\xff", SK: "b"}, table.None)}, `partition key "a\xff" is not valid UTF-8`},
		"odd sort key":           {[]table.Op{table.Delete(table.Key{PK: "a", SK: "\xc3"}, table.None)}, `sort key "\xc3" is not valid UTF-8`},
		"odd index key":          {item(func(it *table.Item) { it.Index = table.Key{PK: "i", SK: "\xff"} }), "index: the sort key"},
		"odd attribute":          {item(func(it *table.Item) { it.Ints = map[string]int64{"\xff": 1} }), "not valid UTF-8"},
		"long attribute":         {item(func(it *table.Item) { it.Ints = map[string]int64{long[:256]: 1} }), "256 bytes, allowed are 1 to 255"},
		"longest attribute":      {item(func(it *table.Item) { it.Ints = map[string]int64{long[:255]: 1} }), ""},
		"odd data":               {item(func(it *table.Item) { it.Data = []byte("\"\xff\"") }), "data is not valid UTF-8"},
		"add of nothing":         {[]table.Op{table.Add(good, "", 1, 0)}, "attribute has 0 bytes"},
		"add to an odd name":     {[]table.Op{table.Add(good, "\xff", 1, 0)}, "not valid UTF-8"},
		"floor overflows":        {[]table.Op{table.Add(good, "n", 1, math.MinInt64)}, "overflows"},
		"floor overflows upward": {[]table.Op{table.Add(good, "n", -1, math.MaxInt64)}, "overflows"},
		"floor at the end":       {[]table.Op{table.Add(good, "n", 1, math.MinInt64+1)}, ""},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, table.Validate(c.ops), c.want) })
	}
}

func refuses(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("error %v", err)
		}
		return
	}
	if !errors.Is(err, table.ErrInvalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestValidateKey(t *testing.T) {
	refuses(t, table.ValidateKey(good), "")
	refuses(t, table.ValidateKey(table.Key{}), "partition key has 0 bytes")
	refuses(t, table.ValidateKey(table.Key{PK: "a", SK: "\xff"}), "not valid UTF-8")
}

func TestValidateQuery(t *testing.T) {
	for name, c := range map[string]struct {
		query table.Query
		want  string
	}{
		"all":              {table.Query{PK: "a"}, ""},
		"range":            {table.Query{PK: "a", From: "b", To: "c", Limit: 1000}, ""},
		"no partition":     {table.Query{}, "partition key has 0 bytes"},
		"long partition":   {table.Query{PK: long}, "has 2049 bytes"},
		"negative limit":   {table.Query{PK: "a", Limit: -1}, "limit -1"},
		"large limit":      {table.Query{PK: "a", Limit: 1001}, "limit 1001, allowed are 0 to 1000"},
		"odd partition":    {table.Query{PK: "\xff"}, "partition key \"\\xff\" is not valid UTF-8"},
		"odd prefix":       {table.Query{PK: "a", Prefix: "\xff"}, "prefix"},
		"odd lower bound":  {table.Query{PK: "a", From: "\xff"}, "lower bound"},
		"odd upper bound":  {table.Query{PK: "a", To: "\xff"}, "upper bound"},
		"long bound":       {table.Query{PK: "a", To: long[:1025]}, "1025 bytes, allowed are 0 to 1024"},
		"prefix and range": {table.Query{PK: "a", Prefix: "b", To: "c"}, "exclude each other"},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, table.ValidateQuery(c.query), c.want) })
	}
}

func TestContexts(t *testing.T) {
	ctx := t.Context()
	later := table.Deferred(ctx)
	if table.IsDeferred(ctx) || !table.IsDeferred(later) || table.IsDeferred(table.Durable(later)) {
		t.Error("Deferred and Durable do not mark contexts")
	}
	if table.Durable(ctx) != ctx {
		t.Error("Durable wraps a context for nothing")
	}
	if !table.IsDeferred(table.Deferred(table.Durable(later))) {
		t.Error("Deferred does not hold within Durable")
	}
}
