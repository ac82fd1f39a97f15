package dynamo

import (
	"encoding/binary"

	"tripsaga/aws/dynamo/schema"
	"tripsaga/table"
)

// A cursor holds the sort key of the page's last item; on the index that, and the item's own key, each after its length.

func makeCursor(q table.Query, last *table.Item) string {
	if !q.Index {
		return table.MakeCursor(q, []byte(last.SK))
	}
	var b []byte
	for _, s := range []string{last.Index.SK, last.PK, last.SK} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return table.MakeCursor(q, b)
}

// parseCursor gives what DynamoDB wants to know of the item after which the query goes on; nil where it begins.
func parseCursor(q table.Query) (start attributes, err error) {
	if q.Cursor == "" {
		return nil, nil
	}
	b, err := table.ParseCursor(q)
	if err != nil {
		return nil, err
	}
	if !q.Index {
		return encodeKey(table.Key{PK: q.PK, SK: string(b)}), nil
	}
	var parts [3]string
	for i := range parts {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return nil, table.ErrCursor
		}
		parts[i], b = string(b[size:size+int(n)]), b[size+int(n):]
	}
	start = encodeKey(table.Key{PK: parts[1], SK: parts[2]})
	start[schema.GSI1PK], start[schema.GSI1SK] = text(q.PK), text(parts[0])
	return start, nil
}
