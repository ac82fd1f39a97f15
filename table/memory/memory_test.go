package memory_test

import (
	"reflect"
	"testing"

	"tripsaga/table"
	"tripsaga/table/memory"
	"tripsaga/table/tabletest"
)

func TestTable(t *testing.T) {
	tabletest.Run(t, func(*testing.T) table.Table { return memory.New() })
}

// TestRewind: after Rewind the table is as it was at Mark, again and again.
func TestRewind(t *testing.T) {
	ctx, m := t.Context(), memory.New()
	item := func(pk, sk, index string, n int64) table.Item {
		return table.Item{Key: table.Key{PK: pk, SK: sk}, Index: table.Key{PK: index, SK: sk}, Ints: map[string]int64{"n": n}}
	}
	write := func(ops ...table.Op) {
		t.Helper()
		if err := m.Transact(ctx, ops...); err != nil {
			t.Fatal(err)
		}
	}
	read := func() (all []table.Item) {
		for _, q := range []table.Query{{PK: "a"}, {PK: "b"}, {PK: "c"}, {PK: "x", Index: true}, {PK: "y", Index: true}} {
			page, err := m.Query(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page.Items...)
		}
		return all
	}
	write(table.Put(item("a", "1", "x", 1), table.None), table.Put(item("a", "3", "x", 3), table.None), table.Put(item("b", "1", "x", 1), table.None))
	m.Mark()
	want := read()
	for range 2 {
		write(table.Put(item("a", "2", "y", 2), table.None), table.Add(table.Key{PK: "a", SK: "3"}, "n", 1, 0), table.Delete(table.Key{PK: "b", SK: "1"}, table.None))
		write(table.Put(item("a", "1", "y", 1), table.None), table.Put(item("c", "1", "x", 1), table.None))
		if changed := read(); reflect.DeepEqual(changed, want) {
			t.Fatal("nothing was written")
		}
		if m.Rewind(); !reflect.DeepEqual(read(), want) {
			t.Errorf("the table has %v after Rewind, want %v", read(), want)
		}
	}
}
