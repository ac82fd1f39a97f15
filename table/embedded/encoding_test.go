package embedded

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"tripsaga/table"
)

func keys() *rapid.Generator[table.Key] {
	part := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 0xfe, 0xff}), 1, 5),
		func(b []byte) string { return string(b) })
	return rapid.Custom(func(t *rapid.T) table.Key {
		return table.Key{PK: part.Draw(t, "pk"), SK: part.Draw(t, "sk")}
	})
}

func TestKeysKeepTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := keys().Draw(t, "a"), keys().Draw(t, "b")
		ea, eb := appendItemKey(nil, a), appendItemKey(nil, b)
		want := cmp.Or(cmp.Compare(a.PK, b.PK), cmp.Compare(a.SK, b.SK))
		if got := bytes.Compare(ea, eb); got != want {
			t.Fatalf("%q and %q compare as %d, want %d", ea, eb, got, want)
		}
		if back, err := parseItemKey(ea); err != nil || back != a {
			t.Fatalf("%q is %q, error %v", ea, back, err)
		}
		if itemKeySize(a) != len(ea) {
			t.Fatalf("size %d, want %d", itemKeySize(a), len(ea))
		}
	})
}

func TestIndexKeysKeepTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ai, a, bi, b := keys().Draw(t, "ai"), keys().Draw(t, "a"), keys().Draw(t, "bi"), keys().Draw(t, "b")
		ea, eb := appendIndexKey(nil, ai, a), appendIndexKey(nil, bi, b)
		want := cmp.Or(cmp.Compare(ai.PK, bi.PK), cmp.Compare(ai.SK, bi.SK), cmp.Compare(a.PK, b.PK), cmp.Compare(a.SK, b.SK))
		if got := bytes.Compare(ea, eb); got != want {
			t.Fatalf("%q and %q compare as %d, want %d", ea, eb, got, want)
		}
		rest := ea[len(appendComponent([]byte{spaceIndex}, ai.PK)):]
		if back, err := parseIndexRest(rest); err != nil || back != a {
			t.Fatalf("%q is %q, error %v", rest, back, err)
		}
	})
}

func TestItemsReturn(t *testing.T) {
	key := table.Key{PK: "a", SK: "b"}
	for name, it := range map[string]table.Item{
		"empty":   {Key: key},
		"extreme": {Key: key, Version: math.MinInt64, Expires: math.MaxInt64, Ints: map[string]int64{"n": math.MinInt64}},
		"full": {
			Key: key, Version: 4, Expires: 9, Index: table.Key{PK: "i", SK: "\x00"},
			Ints: map[string]int64{"a": 1, "b": -1, "": 0}, Data: []byte("{}"),
		},
	} {
		val := appendItem(nil, &it)
		if len(val) > itemSize(&it) {
			t.Errorf("%s: %d bytes, more than the bound %d", name, len(val), itemSize(&it))
		}
		if back, err := decodeItem(key, val); err != nil || !reflect.DeepEqual(back, it) {
			t.Errorf("%s: %+v, error %v, want %+v", name, back, err, it)
		}
	}
}

// FuzzDecode wants errors, not panics, of what a damaged store holds.
func FuzzDecode(f *testing.F) {
	it := table.Item{Version: 4, Expires: 9, Index: table.Key{PK: "i", SK: "s"}, Ints: map[string]int64{"a": 1, "b": 2}, Data: []byte("{}")}
	val := appendItem(nil, &it)
	f.Add(val)
	for i := range val {
		f.Add(val[:i])
	}
	f.Add(appendChange(nil, table.Key{PK: "a\x00", SK: "b"}, val))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseItemKey(b)
		_, _ = parseIndexRest(b)
		_, _ = parseChange(appendStreamKey(nil, 1), b)
		h, err := parseHeader(b)
		if err != nil {
			return
		}
		again, err := decodeItem(table.Key{}, bytes.Clone(b))
		if h.packed && errors.Is(err, errPacked) {
			return // which the header does not show
		}
		if err != nil || again.Version != h.version || len(again.Ints) > h.nInts {
			t.Errorf("%x: %+v, error %v", b, again, err)
		}
	})
}
