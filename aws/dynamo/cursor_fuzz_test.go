package dynamo

import (
	"errors"
	"testing"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/table"
)

// FuzzCursor holds that what DynamoDB is given to go on from is a key of the query's own partition, and that every
// cursor of an item comes back as that item.
func FuzzCursor(f *testing.F) {
	f.Add("p", false, []byte("a"), "", "x", "y")
	f.Add("i", true, []byte{1, 'a', 1, 'p', 1, 's'}, "", "x", "")
	f.Add("i", true, []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1}, "", "", "y")
	f.Add("i", true, []byte{}, "AAAAAAAAAAA", "\xff", "y")
	f.Fuzz(func(t *testing.T, pk string, index bool, place []byte, cursor, itemPK, sk string) {
		q := table.Query{PK: pk, Index: index, Cursor: cursor}
		if cursor == "" {
			q.Cursor = table.MakeCursor(q, place)
		}
		start, err := parseCursor(q)
		if err != nil && !errors.Is(err, table.ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
		partition := schema.PK
		if index {
			partition = schema.GSI1PK
		}
		if err == nil && (&reader{attributes: start}).text(partition) != pk {
			t.Errorf("%+v goes on in %v", q, start)
		}
		last := table.Item{Key: table.Key{PK: itemPK, SK: sk}, Index: table.Key{PK: pk, SK: sk}}
		if !index {
			last.PK = pk
		}
		q.Cursor = makeCursor(q, &last)
		back, err := parseCursor(q)
		if err != nil || (&reader{attributes: back}).text(schema.PK) != last.PK || (&reader{attributes: back}).text(schema.SK) != sk {
			t.Errorf("the cursor after %v comes back as %v, %v", last.Key, back, err)
		}
	})
}
