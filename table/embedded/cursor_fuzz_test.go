package embedded_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tripsaga/table"
	"tripsaga/table/embedded"
)

// FuzzCursor holds that a query with any cursor is refused as invalid, or goes on within its own range and order, to
// the end.
func FuzzCursor(f *testing.F) {
	s, err := embedded.Open("", embedded.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	for _, sk := range []string{"a", "a\x00", "ab", "b", "c"} {
		item := table.Item{Key: table.Key{PK: "p", SK: sk}, Index: table.Key{PK: "i", SK: sk}}
		if err := s.Transact(f.Context(), table.Put(item, table.None)); err != nil {
			f.Fatal(err)
		}
	}
	for _, q := range []table.Query{{PK: "p"}, {PK: "i", Index: true}, {PK: "p", Prefix: "a"}, {PK: "p", From: "a", To: "c", Descending: true}} {
		q.Limit = 1
		page, err := s.Query(f.Context(), q)
		if err != nil {
			f.Fatal(err)
		}
		for _, place := range []string{"", "a", "\xff", "zz", "a\x00\x01a\x00\x01"} {
			f.Add(q.PK, q.Prefix, q.From, q.To, q.Index, q.Descending, []byte(place), "")
		}
		f.Add(q.PK, q.Prefix, q.From, q.To, q.Index, q.Descending, []byte{}, page.Cursor)
	}
	f.Fuzz(func(t *testing.T, pk, prefix, from, to string, index, descending bool, place []byte, cursor string) {
		q := table.Query{PK: pk, Prefix: prefix, From: from, To: to, Index: index, Descending: descending, Limit: 2, Cursor: cursor}
		if cursor == "" {
			q.Cursor = table.MakeCursor(q, place) // with the right checksum, which forgers can compute, too
		}
		if err := readOn(t, s, q); err != nil && !errors.Is(err, table.ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
	})
}

// readOn reads all pages. Only the first may be refused.
func readOn(t *testing.T, s *embedded.Store, q table.Query) error {
	t.Helper()
	last := ""
	for n := 0; ; n++ {
		page, err := s.Query(t.Context(), q)
		if err != nil && n > 0 {
			return fmt.Errorf("page %d: %s", n, err)
		}
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if last != "" && (item.SK == last || (item.SK < last) != q.Descending) {
				return fmt.Errorf("%q comes after %q", item.SK, last)
			}
			if item.SK < q.From || q.To != "" && item.SK >= q.To || !strings.HasPrefix(item.SK, q.Prefix) {
				return fmt.Errorf("%q is out of the range", item.SK)
			}
			last = item.SK
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return nil
		}
	}
}
